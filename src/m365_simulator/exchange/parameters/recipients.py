"""Who may use a mailbox, groups, and the organization."""

from __future__ import annotations

TABLE = {
    "Get-MailboxPermission": """
        *Identity Credential GroupMailbox! IncludeSoftDeletedUserPermissions! IncludeUnresolvedPermissions!
        IncludeUserWithDisplayName! Owner! ReadFromDomainController! ResultSize SoftDeletedMailbox!
        UseCustomRouting! User
    """,
    "Add-MailboxPermission": """
        @confirm *Identity AccessRights:MailboxRights[] AutoMapping? Deny! GroupMailbox! IgnoreDefaultScope!
        InheritanceType:ActiveDirectorySecurityInheritance Owner User
    """,
    "Remove-MailboxPermission": """
        @confirm Identity AccessRights:MailboxRights[] BypassMasterAccountSid! ClearAutoMapping! Deny!
        GroupMailbox! IgnoreDefaultScope! InheritanceType:ActiveDirectorySecurityInheritance ResetDefault!
        SoftDeletedMailbox! User
    """,
    "Get-RecipientPermission": """
        Identity AccessRights IncludeTrusteeWithPrimarySmtpAddress! ReadFromDomainController! ResultSize Trustee
    """,
    "Add-RecipientPermission": "@confirm *Identity *AccessRights *Trustee",
    "Remove-RecipientPermission": """
        @confirm *Identity *AccessRights *Trustee Deny! MultiTrustees SkipDomainValidationForMailContact!
        SkipDomainValidationForMailUser! SkipDomainValidationForSharedMailbox!
    """,
    "Get-Recipient": """
        Identity Anr AuthenticationType BookmarkDisplayName Capabilities Filter IncludeBookmarkObject?
        IncludeManagerWithDisplayName! IncludeSoftDeletedRecipients! OrganizationalUnit Properties PropertySet
        RecipientPreviewFilter RecipientType RecipientTypeDetails:RecipientTypeDetails[] ResultSize SortBy
    """,
    "Get-DistributionGroup": """
        Identity Anr Credential Filter IncludeAcceptMessagesOnlyFromDLMembersWithDisplayNames!
        IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames!
        IncludeAcceptMessagesOnlyFromWithDisplayNames!
        IncludeBypassModerationFromSendersOrMembersWithDisplayNames! IncludeGrantSendOnBehalfToWithDisplayNames!
        IncludeManagedByWithDisplayNames! IncludeModeratedByWithDisplayNames! ManagedBy OrganizationalUnit
        RecipientTypeDetails:RecipientTypeDetails[] ResultSize SortBy
    """,
    "Set-DistributionGroup": """
        @custom @confirm *Identity AcceptMessagesOnlyFrom AcceptMessagesOnlyFromDLMembers
        AcceptMessagesOnlyFromSendersOrMembers Alias BccBlocked? BypassModerationFromSendersOrMembers
        BypassNestedModerationEnabled? BypassSecurityGroupManagerCheck! Description DisplayName EmailAddresses
        ForceUpgrade! GrantSendOnBehalfTo HiddenFromAddressListsEnabled? HiddenGroupMembershipEnabled!
        IgnoreNamingPolicy! MailTip MailTipTranslations ManagedBy MemberDepartRestriction:MemberUpdateType
        MemberJoinRestriction:MemberUpdateType ModeratedBy ModerationEnabled? Name PrimarySmtpAddress
        RejectMessagesFrom RejectMessagesFromDLMembers RejectMessagesFromSendersOrMembers
        ReportToManagerEnabled? ReportToOriginatorEnabled? RequireSenderAuthenticationEnabled?
        ResetMigrationToUnifiedGroup! RoomList! SendModerationNotifications SendOofMessageToOriginatorEnabled?
        SimpleDisplayName UpdateMemberCount! WindowsEmailAddress
    """,
    "Get-DistributionGroupMember": "*Identity Credential IncludeSoftDeletedObjects! ResultSize",
    "Add-DistributionGroupMember": "@confirm *Identity BypassSecurityGroupManagerCheck! Member",
    "Remove-DistributionGroupMember": "@confirm *Identity BypassSecurityGroupManagerCheck! Member",
    "Get-DynamicDistributionGroup": """
        Identity Anr Credential Filter IncludeAcceptMessagesOnlyFromDLMembersWithDisplayNames!
        IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames!
        IncludeAcceptMessagesOnlyFromWithDisplayNames!
        IncludeBypassModerationFromSendersOrMembersWithDisplayNames! IncludeGrantSendOnBehalfToWithDisplayNames!
        IncludeManagedByWithDisplayNames! IncludeModeratedByWithDisplayNames! ManagedBy OrganizationalUnit
        ResultSize SortBy
    """,
    "Get-UnifiedGroup": """
        Identity Anr Filter IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames! IncludeAllProperties!
        IncludeBypassModerationFromSendersOrMembersWithDisplayNames! IncludeGrantSendOnBehalfToWithDisplayNames!
        IncludeModeratedByWithDisplayNames! IncludeRejectMessagesFromSendersOrMembersWithDisplayNames!
        IncludeSoftDeletedGroups! ResultSize SortBy
    """,
    "Set-UnifiedGroup": """
        @custom @confirm *Identity AcceptMessagesOnlyFromSendersOrMembers AccessType Alias
        AlwaysSubscribeMembersToCalendarEvents! AuditLogAgeLimit AutoSubscribeNewMembers!
        CalendarMemberReadOnly! Classification ConnectorsEnabled! DataEncryptionPolicy DisplayName
        EmailAddresses ForceUpgrade! GrantSendOnBehalfTo HiddenFromAddressListsEnabled?
        HiddenFromExchangeClientsEnabled! InformationBarrierMode IsMemberAllowedToEditContent? Language MailTip
        MailTipTranslations MailboxRegion MaxReceiveSize MaxSendSize ModeratedBy ModerationEnabled? Notes
        PrimarySmtpAddress RejectMessagesFromSendersOrMembers RequireSenderAuthenticationEnabled?
        SensitivityLabelId SubscriptionEnabled! UnifiedGroupWelcomeMessageEnabled!
    """,
    "Get-UnifiedGroupLinks": "*Identity *LinkType:LinkType ResultSize",
    "Add-UnifiedGroupLinks": "@confirm *Identity *LinkType:LinkType *Links",
    "Remove-UnifiedGroupLinks": "@confirm *Identity *LinkType:LinkType *Links",
    "Get-OrganizationConfig": "",
    "Get-RemoteDomain": "Identity ResultSize",
    "Get-HostedOutboundSpamFilterPolicy": "*Identity",
}
