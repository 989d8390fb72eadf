"""Which parameters each cmdlet has in Exchange Online, and whether a call uses them rightly.

The tables are words: `*Name` is mandatory in every parameter set, `Name!` a switch, `Name?` a Boolean, `Name:Type` one
of the enumerations below; `@group` stands for parameters that many cmdlets share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.exchange.parameters import contents, mailboxes, recipients

CUSTOM = " ".join([f"CustomAttribute{n}" for n in range(1, 16)] + [f"ExtensionCustomAttribute{n}" for n in range(1, 6)])
_CONDITIONS = """
    BodyContainsWords FlaggedForAction From FromAddressContainsWords FromSubscription HasAttachment? HasClassification
    HeaderContainsWords MessageTypeMatches MyNameInCcBox? MyNameInToBox? MyNameInToOrCcBox? MyNameNotInToBox?
    ReceivedAfterDate ReceivedBeforeDate RecipientAddressContainsWords SentOnlyToMe? SentTo SubjectContainsWords
    SubjectOrBodyContainsWords WithImportance WithinSizeRangeMaximum WithinSizeRangeMinimum WithSensitivity
"""
GROUPS = {
    "@custom": CUSTOM,
    "@confirm": "Confirm! WhatIf!",
    "@conditions": _CONDITIONS + " ".join(f"ExceptIf{word}" for word in _CONDITIONS.split()),
}
_COMMON = """
    Debug ErrorAction ErrorVariable InformationAction InformationVariable OutBuffer OutVariable PipelineVariable Verbose
    WarningAction WarningVariable ProgressAction
"""
COMMON = frozenset(_COMMON.lower().split())
ENUMS = {
    "ConvertibleMailboxSubType": ("Regular", "Room", "Equipment", "Shared", "Workspace", "Desk"),
    "OofState": ("Disabled", "Enabled", "Scheduled"),
    "ExternalAudience": ("None", "Known", "All"),
    "MailboxRights": (
        "DeleteItem", "ReadPermission", "ChangePermission", "ChangeOwner", "FullAccess", "ExternalAccount", "SendAs",
    ),
    "MailboxFolderAccessRight": (
        "None", "Owner", "PublishingEditor", "Editor", "PublishingAuthor", "Author", "NonEditingAuthor", "Reviewer",
        "Contributor", "AvailabilityOnly", "LimitedDetails", "CreateItems", "CreateSubfolders", "DeleteAllItems",
        "DeleteOwnedItems", "EditAllItems", "EditOwnedItems", "FolderContact", "FolderOwner", "FolderVisible",
        "ReadItems",
    ),
    "MailboxFolderPermissionFlags": ("None", "Delegate", "CanViewPrivateItems"),
    "RecipientTypeDetails": (
        "UserMailbox", "LinkedMailbox", "SharedMailbox", "LegacyMailbox", "RoomMailbox", "EquipmentMailbox",
        "SchedulingMailbox", "DiscoveryMailbox", "GroupMailbox", "TeamMailbox", "MailContact", "MailUser",
        "GuestMailUser", "MailForestContact", "MailUniversalDistributionGroup", "MailUniversalSecurityGroup",
        "MailNonUniversalGroup", "DynamicDistributionGroup", "RoomList", "PublicFolder", "User", "DisabledUser",
    ),
    "ActiveDirectorySecurityInheritance": ("None", "All", "Descendents", "SelfAndChildren", "Children"),
    "ElcFolderType": (
        "All", "Archive", "Calendar", "Contacts", "ConversationHistory", "DeletedItems", "Drafts", "Inbox",
        "JunkEmail", "Journal", "LegacyArchiveJournals", "ManagedCustomFolder", "NonIpmRoot", "Notes", "Outbox",
        "Personal", "RecoverableItems", "RssSubscriptions", "SentItems", "SyncIssues", "Tasks",
    ),
    "LinkType": ("Members", "Owners", "Subscribers", "Aggregators", "EventSubscribers"),
    "MemberUpdateType": ("Closed", "Open", "ApprovalRequired"),
    "CalendarProcessingFlags": ("None", "AutoUpdate", "AutoAccept"),
}  # fmt: skip

ONE_OF: dict[str, tuple[tuple[str, ...], ...]] = {
    "Add-MailboxPermission": (("AccessRights", "User"), ("Owner",)),
    "Remove-MailboxPermission": (("AccessRights", "User"), ("ClearAutoMapping",), ("ResetDefault",)),
    "Remove-MailboxFolderPermission": (("User",), ("ResetDelegateUserCollection",)),
    "Get-MobileDeviceStatistics": (("Identity",), ("Mailbox",)),
    "Get-MailboxStatistics": (("Identity",),),
}
"""Cmdlets of which one of these sets of parameters must be complete."""

EXCLUSIVE: dict[str, tuple[frozenset[str], ...]] = {
    "Get-Mailbox": (frozenset({"Identity", "Anr"}), frozenset({"Identity", "MailboxPlan"})),
    "Get-CASMailbox": (frozenset({"Identity", "Anr"}),),
    "Get-MobileDevice": (frozenset({"Identity", "Mailbox"}),),
    "Get-MobileDeviceStatistics": (frozenset({"Identity", "Mailbox"}),),
    "Get-DistributionGroup": (
        frozenset({"Identity", "Anr"}),
        frozenset({"Identity", "ManagedBy"}),
        frozenset({"Anr", "ManagedBy"}),
    ),
    "Get-UnifiedGroup": (frozenset({"Identity", "Anr"}),),
    "Add-MailboxPermission": (frozenset({"User", "Owner"}),),
}
"""Parameters that no set of the cmdlet holds together."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a cmdlet."""

    name: str
    mandatory: bool = False
    kind: str = ""
    """`switch`, `bool`, the name of an enumeration, or nothing when any value is taken."""
    many: bool = False


@dataclass(frozen=True)
class Cmdlet:
    """A cmdlet as the service declares it."""

    name: str
    parameters: Mapping[str, Parameter]
    """By lower-case name."""

    @property
    def reads(self) -> bool:
        """Whether it only reads."""
        return self.name.startswith("Get-")

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a call by their proper names, or the refusal that PowerShell would give."""
        bound: dict[str, Any] = {}
        for name, value in given.items():
            if name.lower() in COMMON or "@" in name:
                continue
            parameter = self.parameters.get(name.lower())
            if parameter is None or parameter.name in bound:
                raise errors.parameter_set()
            bound[parameter.name] = _converted(parameter, value)
        if any(pair <= bound.keys() for pair in EXCLUSIVE.get(self.name, ())):
            raise errors.parameter_set()
        if not self.reads:
            self._refuse_missing(bound)
        return bound

    def _refuse_missing(self, bound: Mapping[str, Any]) -> None:
        every = self.parameters.values()
        must = [each.name for each in every if each.mandatory or each.name == "Identity"]
        if absent := [name for name in must if name not in bound]:
            raise errors.missing(absent)
        for name in must:
            if bound[name] is None or bound[name] in ("", []):
                raise errors.is_null(name)
        if (sets := ONE_OF.get(self.name)) and not any(bound.keys() >= set(names) for names in sets):
            raise errors.missing([name for name in sets[0] if name not in bound])


def _converted(parameter: Parameter, value: Any) -> Any:
    if parameter.kind in ("switch", "bool"):
        return _boolean(parameter, value)
    if parameter.kind and value is not None:
        texts = value if isinstance(value, list) else [value]
        valid = {name.lower(): name for name in ENUMS[parameter.kind]}
        for text in texts:
            if not isinstance(text, str) or text.lower() not in valid:
                raise errors.transformation(parameter.name, text, parameter.kind, ENUMS[parameter.kind])
        names = [valid[text.lower()] for text in texts]
        return names if parameter.many else names[0]
    return value


def _boolean(parameter: Parameter, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "$true", "$false"):
        return "true" in value.lower()
    if isinstance(value, dict) and isinstance(value.get("IsPresent"), bool):
        return bool(value["IsPresent"])
    raise errors.transformation(
        parameter.name, value, "System.Boolean" if parameter.kind == "bool" else "SwitchParameter"
    )


def _parameter(word: str) -> Parameter:
    mandatory, word = word.startswith("*"), word.removeprefix("*")
    if word.endswith("!"):
        return Parameter(word[:-1], mandatory, "switch")
    if word.endswith("?"):
        return Parameter(word[:-1], mandatory, "bool")
    name, _, kind = word.partition(":")
    return Parameter(name, mandatory, kind.removesuffix("[]"), kind.endswith("[]"))


def _cmdlet(name: str, words: str) -> Cmdlet:
    for group, members in GROUPS.items():
        words = words.replace(group, members)
    parameters = [_parameter(word) for word in words.split()]
    return Cmdlet(name, {parameter.name.lower(): parameter for parameter in parameters})


CMDLETS: dict[str, Cmdlet] = {
    name.lower(): _cmdlet(name, words)
    for table in (mailboxes.TABLE, contents.TABLE, recipients.TABLE)
    for name, words in table.items()
}
"""Every cmdlet by its lower-case name."""
