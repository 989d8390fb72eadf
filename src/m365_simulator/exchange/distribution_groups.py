"""Distribution lists and mail-enabled security groups: members and owners."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from m365_simulator.exchange import errors, opath
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, changed_list, cmdlet
from m365_simulator.exchange.directory import Recipient, distinguished_name
from m365_simulator.exchange.mailboxes import of_recipient
from m365_simulator.world import Group

KINDS = ("distribution", "mail_security")
_FILTERS = """
    alias displayname name primarysmtpaddress emailaddresses recipienttypedetails externaldirectoryobjectid
    distinguishedname isdirsynced members managedby grantsendonbehalfto
"""
FILTERS = frozenset(_FILTERS.split())


def filtered(recipient: Recipient, name: str) -> Any:
    """What a filter compares; members and owners are compared by their distinguished names."""
    group = recipient.group
    if name in ("members", "managedby", "grantsendonbehalfto"):
        lists = {"members": group.members, "managedby": group.owners} if group else {}
        held = lists.get(name, set(group.send_on_behalf) if group else set())
        return [distinguished_name(recipient.world, alias) for alias in held]
    return of_recipient(recipient, name)


def the_group(call: Invocation, kinds: tuple[str, ...] = KINDS) -> tuple[Recipient, Group]:
    """The group that `Identity` names."""
    identity = call.text("Identity")
    found = [each for each in call.directory.matches(identity) if each.group and each.group.kind in kinds]
    if len(found) > 1:
        raise errors.ambiguous(identity)
    if not found or found[0].group is None:
        raise errors.not_found(identity)
    return found[0], found[0].group


def every_group(call: Invocation, kinds: tuple[str, ...] = KINDS) -> Iterable[Recipient]:
    """All groups of these kinds."""
    for alias, group in call.world.groups.items():
        if group.kind in kinds:
            yield Recipient(call.world, alias, group=group)


@cmdlet("Get-DistributionGroup")
def get_distribution_group(call: Invocation) -> Sequence[Any]:
    """One group, those of a filter, those that somebody manages, or all."""
    found = [the_group(call)[0]] if call.text("Identity") else list(every_group(call))
    if call.text("ManagedBy"):
        owner = call.recipient("ManagedBy").alias
        found = [each for each in found if each.group and owner in each.group.owners]
    if kinds := call.texts("RecipientTypeDetails"):
        found = [each for each in found if each.type in kinds]
    if call.text("Filter"):
        test = opath.parse(call.text("Filter"), FILTERS)
        found = [each for each in found if test(partial(filtered, each))]
    return Rows(found, lambda each: row(call, each))


def row(call: Invocation, recipient: Recipient) -> Row:
    """A group as Get-DistributionGroup shows it; its owners by name."""
    group = recipient.group
    owners = sorted(group.owners) if group else []
    return {
        "Identity": recipient.alias,
        "Name": recipient.alias,
        "Alias": recipient.alias,
        "DisplayName": recipient.display_name,
        "ExternalDirectoryObjectId": recipient.id,
        "Guid": recipient.guid,
        "DistinguishedName": recipient.dn,
        "PrimarySmtpAddress": recipient.smtp,
        "EmailAddresses@odata.type": "#Collection(String)",
        "EmailAddresses": recipient.addresses,
        "RecipientType": recipient.type,
        "RecipientTypeDetails": recipient.type,
        "GroupType": "Universal" if recipient.type == GROUP_LIST else "Universal, SecurityEnabled",
        "ManagedBy@odata.type": "#Collection(String)",
        "ManagedBy": [alias for alias in owners if call.principal(alias)],
        "IsDirSynced": recipient.synced,
        "MemberJoinRestriction": "Closed",
        "MemberDepartRestriction": "Open",
        "HiddenFromAddressListsEnabled": False,
        "GrantSendOnBehalfTo@odata.type": "#Collection(String)",
        "GrantSendOnBehalfTo": [alias for alias in group.send_on_behalf if call.principal(alias)] if group else [],
        "AcceptMessagesOnlyFromSendersOrMembers": [],
        "ModeratedBy": [],
    }


GROUP_LIST = "MailUniversalDistributionGroup"


@cmdlet("Set-DistributionGroup")
def set_distribution_group(call: Invocation) -> None:
    """Changes a group; it needs at least one owner."""
    recipient, group = the_group(call)
    _refuse_synced(call, recipient, next((name for name in call.given if name != "Identity"), "ManagedBy"))
    if not call.on("BypassSecurityGroupManagerCheck"):
        _manager_only(recipient)
    senders = group.send_on_behalf
    if call.has("GrantSendOnBehalfTo"):
        wanted = call.given["GrantSendOnBehalfTo"]
        senders = changed_list(group.send_on_behalf, wanted, lambda each: _person(call, each).alias)
    owners = group.owners
    if call.has("ManagedBy"):
        owners = _owners(call, group)
    if (owners, senders) == (group.owners, group.send_on_behalf):
        call.unchanged(recipient)
    elif not call.only_if_asked():
        group.owners, group.send_on_behalf = owners, senders


def _owners(call: Invocation, group: Group) -> set[str]:
    owners = set(changed_list(sorted(group.owners), call.given["ManagedBy"], lambda each: _person(call, each).alias))
    if not owners:
        raise errors.CmdletError(
            f"{errors.MANAGEMENT}RecipientTaskException",
            "The group must have at least one owner. The parameter ManagedBy can't be empty.",
        )
    return owners


@cmdlet("Get-DistributionGroupMember")
def get_distribution_group_member(call: Invocation) -> Sequence[Any]:
    """The members of a group."""
    groups = [the_group(call)[0]] if call.text("Identity") else list(every_group(call))
    members = [
        found
        for each in groups
        if each.group
        for alias in sorted(each.group.members)
        if (found := call.principal(alias))
    ]
    return Rows(members, _member)


def _member(found: Recipient) -> Row:
    return {
        "Identity": found.alias,
        "Name": found.alias,
        "Alias": found.alias,
        "DisplayName": found.display_name,
        "ExternalDirectoryObjectId": found.id,
        "Guid": found.guid,
        "DistinguishedName": found.dn,
        "PrimarySmtpAddress": found.smtp,
        "WindowsLiveID": found.upn,
        "RecipientType": "UserMailbox" if found.mailbox else found.type,
        "RecipientTypeDetails": found.type,
    }


@cmdlet("Add-DistributionGroupMember", "Remove-DistributionGroupMember")
def change_member(call: Invocation) -> None:
    """Takes somebody into a group, or out of it."""
    recipient, group = the_group(call)
    _refuse_synced(call, recipient, "Members")
    if not call.on("BypassSecurityGroupManagerCheck"):
        _manager_only(recipient)
    if not call.text("Member"):
        raise errors.missing(["Member"])
    member = _person(call, call.text("Member"))
    within = member.alias in group.members
    if call.name.startswith("Add") and within:
        raise errors.CmdletError(
            f"{errors.MANAGEMENT}MemberAlreadyExistsException",
            f'The recipient "{member.display_name}" is already a member of the group "{recipient.display_name}".',
        )
    if call.name.startswith("Remove") and not within:
        raise errors.CmdletError(
            f"{errors.MANAGEMENT}MemberNotFoundException",
            f'The recipient "{member.display_name}" isn\'t a member of the group "{recipient.display_name}".',
        )
    if call.only_if_asked():
        return
    if within:
        group.members.discard(member.alias)
    else:
        group.members.add(member.alias)
    call.membership_changed(group, member.alias)


def _person(call: Invocation, identity: str) -> Recipient:
    found = call.resolve(identity)
    if found is None:
        raise errors.no_object(identity)
    return found


def _refuse_synced(call: Invocation, recipient: Recipient, parameter: str) -> None:
    if recipient.synced:
        raise errors.on_premises(call.name, parameter, recipient.display_name)


def _manager_only(recipient: Recipient) -> None:
    raise errors.CmdletError(
        f"{errors.MANAGEMENT}OperationRequiresGroupManagerException",
        f"You don't have sufficient permissions. This operation can only be performed by a manager of the group "
        f'"{recipient.display_name}".',
    )
