"""Mailboxes, mail users and what is set on them."""

from __future__ import annotations

TABLE = {
    "Get-Mailbox": """
        Identity Anr Archive! Filter GroupMailbox! InactiveMailboxOnly!
        IncludeAcceptMessagesOnlyFromDLMembersWithDisplayNames!
        IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames!
        IncludeAcceptMessagesOnlyFromWithDisplayNames! IncludeEmailAddressDisplayNames!
        IncludeForwardingAddressWithDisplayNames! IncludeGrantSendOnBehalfToWithDisplayNames!
        IncludeInactiveMailbox! MailboxPlan Migration! OrganizationalUnit PublicFolder!
        RecipientTypeDetails:RecipientTypeDetails[] ResultSize SoftDeletedMailbox! SortBy
    """,
    "Set-Mailbox": """
        @custom @confirm *Identity AcceptMessagesOnlyFrom AcceptMessagesOnlyFromDLMembers
        AcceptMessagesOnlyFromSendersOrMembers AccountDisabled? AddressBookPolicy Alias
        ApplyMandatoryProperties! ArchiveName AuditAdmin AuditDelegate AuditEnabled? AuditLogAgeLimit AuditOwner
        AutoArchivingEnabled? BypassModerationFromSendersOrMembers CalendarRepairDisabled?
        CalendarVersionStoreDisabled? ClearThrottlingPolicyAssignment! DataEncryptionPolicy DefaultAuditSet
        DefaultPublicFolderMailbox DeliverToMailboxAndForward? DisplayName ElcProcessingDisabled?
        EmailAddressDisplayNames EmailAddresses EnableRoomMailboxAccount? EndDateForRetentionHold
        EnforcedTimestamps ExcludeFromAllHolds! ExcludeFromAllOrgHolds! ExcludeFromOrgHolds ExternalOofOptions
        Force! ForwardingAddress ForwardingSmtpAddress GrantSendOnBehalfTo GroupMailbox
        HiddenFromAddressListsEnabled? ImmutableId InactiveMailbox! IsExchangeCloudManaged?
        IsExcludedFromServingHierarchy? IssueWarningQuota JournalArchiveAddress Languages LitigationHoldDate
        LitigationHoldDuration LitigationHoldEnabled? LitigationHoldOwner MailTip MailTipTranslations
        MailboxRegion MaxReceiveSize MaxSendSize MessageCopyForSMTPClientSubmissionEnabled?
        MessageCopyForSendOnBehalfEnabled? MessageCopyForSentAsEnabled? MessageTrackingReadStatusEnabled?
        MicrosoftOnlineServicesID ModeratedBy ModerationEnabled? Name NonCompliantDevices Office Password
        ProhibitSendQuota ProhibitSendReceiveQuota ProvideConsent! ProvisionedForOfficeGraph! PublicFolder!
        RecalculateInactiveMailbox! RecipientLimits RejectMessagesFrom RejectMessagesFromDLMembers
        RejectMessagesFromSendersOrMembers RemoveComplianceTagHoldApplied! RemoveDelayHoldApplied!
        RemoveDelayReleaseHoldApplied! RemoveDisabledArchive! RemoveMailboxProvisioningConstraint!
        RemoveOrphanedHolds RequireSenderAuthenticationEnabled? ResourceCapacity ResourceCustom
        RetainDeletedItemsFor RetentionComment RetentionHoldEnabled? RetentionPolicy RetentionUrl
        RoleAssignmentPolicy RoomMailboxPassword RulesQuota SchedulerAssistant? SendModerationNotifications
        SharingPolicy SimpleDisplayName SingleItemRecoveryEnabled? StartDateForRetentionHold
        StsRefreshTokensValidFrom Type:ConvertibleMailboxSubType UniqueRecipientsCountLimitLevel
        UniqueUnrestrictedGroupsLimitEnabled? UpdateEnforcedTimestamp! UseDatabaseQuotaDefaults?
        UseDatabaseRetentionDefaults? UserCertificate UserSMimeCertificate WindowsEmailAddress
    """,
    "Get-MailboxStatistics": """
        *Identity Archive! IncludeMoveHistory! IncludeMoveReport! IncludeSoftDeletedRecipients!
        UseCustomRouting!
    """,
    "Undo-SoftDeletedMailbox": "@confirm *SoftDeletedObject DisplayName Name Password PublicFolder! WindowsLiveID",
    "Get-CASMailbox": """
        Identity ActiveSyncDebugLogging! ActiveSyncSuppressReadReceipt! Anr Credential Filter
        IgnoreDefaultScope! OrganizationalUnit ProtocolSettings! ReadIsOptimizedForAccessibility!
        RecalculateHasActiveSyncDevicePartnership! RecipientTypeDetails:RecipientTypeDetails[] ResultSize SortBy
    """,
    "Set-CASMailbox": """
        @confirm *Identity ActiveSyncAllowedDeviceIDs ActiveSyncBlockedDeviceIDs ActiveSyncDebugLogging?
        ActiveSyncEnabled? ActiveSyncMailboxPolicy ActiveSyncSuppressReadReceipt? EwsAllowEntourage?
        EwsAllowList EwsAllowMacOutlook? EwsAllowOutlook? EwsApplicationAccessPolicy EwsBlockList EwsEnabled?
        ImapEnabled? ImapForceICalForCalendarRetrievalOption? ImapMessagesRetrievalMimeFormat
        ImapSuppressReadReceipt? ImapUseProtocolDefaults? IsOptimizedForAccessibility? MAPIEnabled?
        MacOutlookEnabled? OWAEnabled? OWAforDevicesEnabled? OneWinNativeOutlookEnabled? OutlookMobileEnabled?
        OwaMailboxPolicy PopEnabled? PopForceICalForCalendarRetrievalOption? PopMessagesRetrievalMimeFormat
        PopSuppressReadReceipt? PopUseProtocolDefaults? PublicFolderClientAccess? ShowGalAsDefaultView?
        SmtpClientAuthenticationDisabled? UniversalOutlookEnabled?
    """,
    "Get-User": """
        Identity Anr Filter IncludeDirectReportsWithDisplayNames! IncludeManagerWithDisplayName! IsVIP!
        OrganizationalUnit PublicFolder! RecipientTypeDetails:RecipientTypeDetails[] ResultSize Sortby
    """,
    "Get-MailUser": """
        Identity Anr Filter HVEAccount! OrganizationalUnit ResultSize SharedWithMailUser! SoftDeletedMailUser!
        SortBy
    """,
    "Set-MailUser": """
        @custom @confirm *Identity AcceptMessagesOnlyFrom AcceptMessagesOnlyFromDLMembers
        AcceptMessagesOnlyFromSendersOrMembers Alias ArchiveGuid BypassModerationFromSendersOrMembers
        DataEncryptionPolicy DisplayName EmailAddresses EnableLitigationHoldForMigration! ExchangeGuid
        ExcludeFromAllHolds! ExcludeFromAllOrgHolds! ExcludeFromOrgHolds ExternalEmailAddress FederatedIdentity
        ForceUpgrade! GrantSendOnBehalfTo HVEAccount! HiddenFromAddressListsEnabled? ImmutableId
        JournalArchiveAddress MacAttachmentFormat MailTip MailTipTranslations MailboxRegion MaxReceiveSize
        MaxSendSize MessageBodyFormat MessageFormat MicrosoftOnlineServicesID ModeratedBy ModerationEnabled?
        Name Password PrimarySmtpAddress RecalculateInactiveMailUser! RecipientLimits RejectMessagesFrom
        RejectMessagesFromDLMembers RejectMessagesFromSendersOrMembers RemoveComplianceTagHoldApplied!
        RemoveDelayHoldApplied! RemoveDelayReleaseHoldApplied! RemoveDisabledArchive!
        RemoveLitigationHoldEnabled! RemoveMailboxProvisioningConstraint! RemoveOrphanedHolds
        RequireSenderAuthenticationEnabled? ResetPasswordOnNextLogon? SendModerationNotifications
        SimpleDisplayName UnblockForwardSyncPostCrossTenantMigration! UseMapiRichTextFormat
        UsePreferMessageFormat? UserCertificate UserSMimeCertificate WindowsEmailAddress
    """,
    "Get-MailboxAutoReplyConfiguration": "*Identity Credential ReadFromDomainController! ResultSize UseCustomRouting!",
    "Set-MailboxAutoReplyConfiguration": """
        @confirm *Identity AutoDeclineFutureRequestsWhenOOF? AutoReplyState:OofState CreateOOFEvent?
        DeclineAllEventsForScheduledOOF? DeclineEventsForScheduledOOF? DeclineMeetingMessage EndTime
        EventsToDeleteIDs ExternalAudience:ExternalAudience ExternalMessage IgnoreDefaultScope! InternalMessage
        OOFEventSubject StartTime
    """,
}
