"""What is inside a mailbox: rules, devices, the calendar."""

from __future__ import annotations

TABLE = {
    "Get-InboxRule": """
        Identity BypassScopeCheck! DescriptionTimeFormat DescriptionTimeZone IncludeHidden! Mailbox ResultSize
        SkipCount UseCustomRouting!
    """,
    "Remove-InboxRule": "@confirm *Identity AlwaysDeleteOutlookRulesBlob! Force! Mailbox",
    "Disable-InboxRule": "@confirm *Identity AlwaysDeleteOutlookRulesBlob! Force! Mailbox",
    "Enable-InboxRule": "@confirm *Identity AlwaysDeleteOutlookRulesBlob! Force! Mailbox",
    # Not among the cmdlets of the fact sheet; from its own reference page.
    "New-InboxRule": """
        @confirm @conditions *Name AlwaysDeleteOutlookRulesBlob! ApplyCategory ApplySystemCategory CopyToFolder
        DeleteMessage? DeleteSystemCategory Force! ForwardAsAttachmentTo ForwardTo FromMessageId Mailbox MarkAsRead?
        MarkImportance MoveToFolder PinMessage? Priority RedirectTo SendTextMessageNotificationTo SoftDeleteMessage?
        StopProcessingRules? ValidateOnly!
    """,
    "Get-SweepRule": "Identity BypassScopeCheck! Mailbox Provider ResultSize SkipCount",
    "Remove-SweepRule": "@confirm *Identity Mailbox",
    "Disable-SweepRule": "@confirm *Identity Mailbox",
    "Get-MobileDevice": """
        Identity ActiveSync! Filter Mailbox OWAforDevices! OrganizationalUnit RestApi! ResultSize SortBy
        UniversalOutlook!
    """,
    "Remove-MobileDevice": "@confirm *Identity",
    "Clear-MobileDevice": "@confirm *Identity AccountOnly! Cancel! NotificationEmailAddresses",
    "Get-MobileDeviceStatistics": """
        Identity ActiveSync! GetMailboxLog! Mailbox NotificationEmailAddresses OWAforDevices! RestApi!
        ShowRecoveryPassword! UniversalOutlook! UseCustomRouting!
    """,
    "Remove-CalendarEvents": """
        @confirm *Identity *QueryWindowInDays CancelOrganizedMeetings! PreviewOnly! QueryStartDate
        UseCustomRouting!
    """,
    "Get-MailboxFolderPermission": "*Identity GroupMailbox! ResultSize SkipCount UseCustomRouting! User",
    "Add-MailboxFolderPermission": """
        @confirm *Identity *AccessRights:MailboxFolderAccessRight[] *User SendNotificationToUser?
        SharingPermissionFlags:MailboxFolderPermissionFlags
    """,
    "Set-MailboxFolderPermission": """
        @confirm *Identity *AccessRights:MailboxFolderAccessRight[] *User SendNotificationToUser?
        SharingPermissionFlags:MailboxFolderPermissionFlags
    """,
    "Remove-MailboxFolderPermission": """
        @confirm *Identity Force! ResetDelegateUserCollection! SendNotificationToUser? User
    """,
    "Get-MailboxFolderStatistics": """
        Identity Archive! Database DiagnosticInfo FolderScope:ElcFolderType IncludeAnalysis!
        IncludeOldestAndNewestItems! IncludeSoftDeletedRecipients! ResultSize SkipCount StoreMailboxIdentity
        UseCustomRouting!
    """,
    "Get-CalendarProcessing": "*Identity ResultSize",
    "Set-CalendarProcessing": """
        @confirm *Identity AddAdditionalResponse? AddNewRequestsTentatively? AddOrganizerToSubject?
        AdditionalResponse AllBookInPolicy? AllRequestInPolicy? AllRequestOutOfPolicy? AllowConflicts?
        AllowRecurringMeetings? AutomateProcessing:CalendarProcessingFlags BookInPolicy BookingType
        BookingWindowInDays ConflictPercentageAllowed DeleteAttachments? DeleteComments? DeleteNonCalendarItems?
        DeleteSubject? EnableAutoRelease? EnableResponseDetails? EnforceCapacity? EnforceSchedulingHorizon?
        ForwardRequestsToDelegates? IgnoreDefaultScope! MaximumConflictInstances MaximumDurationInMinutes
        MinimumDurationInMinutes OrganizerInfo? PostReservationMaxClaimTimeInMinutes
        ProcessExternalMeetingMessages? RemoveCanceledMeetings? RemoveForwardedMeetingNotifications?
        RemoveOldMeetingMessages? RemovePrivateProperty? RequestInPolicy RequestOutOfPolicy ResourceDelegates
        ScheduleOnlyDuringWorkHours? TentativePendingApproval?
    """,
}
