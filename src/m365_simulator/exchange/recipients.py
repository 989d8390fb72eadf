"""Recipients of every kind, users, mail users, and the groups of Microsoft 365."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from m365_simulator.exchange import errors, opath
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, cmdlet, when
from m365_simulator.exchange.directory import Recipient
from m365_simulator.exchange.distribution_groups import every_group, filtered, the_group

_FILTERS = """
    alias displayname name primarysmtpaddress emailaddresses recipienttypedetails externaldirectoryobjectid
    distinguishedname isdirsynced members managedby userprincipalname
"""
FILTERS = frozenset(_FILTERS.split())
SYNCED = ("HiddenFromAddressListsEnabled", "DisplayName", "EmailAddresses", "GrantSendOnBehalfTo")


@cmdlet("Get-Recipient")
def get_recipient(call: Invocation) -> Sequence[Any]:
    """Whatever can be sent mail."""
    found = _found(call, [each for each in call.directory.everyone() if each.mail_enabled] if _all(call) else None)
    found = [each for each in found if each.mail_enabled]
    if call.text("Identity") and not found:
        raise errors.not_found(call.text("Identity"))
    if kinds := call.texts("RecipientTypeDetails"):
        found = [each for each in found if each.type in kinds]
    return Rows(found, lambda each: _recipient(call, each))


@cmdlet("Get-User")
def get_user(call: Invocation) -> Sequence[Any]:
    """Users, with a mailbox or without."""
    found = [each for each in _found(call, list(call.directory.everyone()) if _all(call) else None) if each.user]
    if call.text("Identity") and not found:
        raise errors.not_found(call.text("Identity"))
    return Rows(found, lambda each: _user(call, each))


@cmdlet("Get-MailUser")
def get_mail_user(call: Invocation) -> Sequence[Any]:
    """Users with an address whose mailbox is not here: it may be in an Exchange on-premises."""
    found = _found(call, list(call.directory.everyone()) if _all(call) else None)
    found = [each for each in found if each.type in ("MailUser", "GuestMailUser")]
    if call.text("Identity") and not found:
        raise errors.not_found(call.text("Identity"))
    return Rows(found, lambda each: _user(call, each))


@cmdlet("Set-MailUser")
def set_mail_user(call: Invocation) -> None:
    """Changes a mail user; one that is synced is mastered on-premises."""
    found = call.recipient()
    if found.type not in ("MailUser", "GuestMailUser"):
        raise errors.not_found(call.text("Identity"))
    for name in SYNCED:
        if found.synced and call.has(name):
            raise errors.on_premises(call.name, name, found.display_name)
    call.unchanged(found)


def _all(call: Invocation) -> bool:
    return not call.text("Identity")


def _found(call: Invocation, everyone: list[Recipient] | None) -> list[Recipient]:
    """The recipient of `Identity`, or those of a list that `Filter` and `Anr` let through."""
    if everyone is None:
        found = call.directory.matches(call.text("Identity"))
        if len(found) > 1:
            raise errors.ambiguous(call.text("Identity"))
        return found
    if anr := call.text("Anr").lower():
        everyone = [
            each
            for each in everyone
            if any(word.lower().startswith(anr) for word in (each.alias, each.smtp, *each.display_name.split()))
        ]
    if call.text("Filter"):
        test = opath.parse(call.text("Filter"), FILTERS)
        everyone = [each for each in everyone if test(partial(filtered, each))]
    return everyone


def _recipient(call: Invocation, found: Recipient) -> Row:
    owners = sorted(found.group.owners) if found.group else []
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
        "EmailAddresses@odata.type": "#Collection(String)",
        "EmailAddresses": found.addresses,
        "RecipientType": "UserMailbox" if found.mailbox else found.type,
        "RecipientTypeDetails": found.type,
        "HiddenFromAddressListsEnabled": bool(found.mailbox and found.mailbox.hidden),
        "IsDirSynced": found.synced,
        "ManagedBy": [each for each in owners if call.principal(each)],
    }


def _user(call: Invocation, found: Recipient) -> Row:
    base = _recipient(call, found)
    assert isinstance(base, dict)
    user = found.user
    return base | {
        "UserPrincipalName": found.upn,
        "WindowsLiveID": found.upn,
        "ExternalEmailAddress": f"SMTP:{found.smtp}" if found.smtp else None,
        "Department": user.department if user else None,
        "AccountDisabled": not user.enabled if user else None,
        "WhenCreated": when(user.created) if user else None,
    }


@cmdlet("Get-UnifiedGroup")
def get_unified_group(call: Invocation) -> Sequence[Any]:
    """Groups of Microsoft 365."""
    kinds = ("microsoft365",)
    found = [the_group(call, kinds)[0]] if call.text("Identity") else list(every_group(call, kinds))
    if call.text("Filter"):
        test = opath.parse(call.text("Filter"), FILTERS | {"grantsendonbehalfto"})
        found = [each for each in found if test(partial(filtered, each))]
    return Rows(found, lambda each: _recipient(call, each))


@cmdlet("Get-UnifiedGroupLinks")
def get_unified_group_links(call: Invocation) -> Sequence[Any]:
    """Members or owners of a group of Microsoft 365."""
    group = the_group(call, ("microsoft365",))[1]
    aliases = group.owners if call.text("LinkType") == "Owners" else group.members
    return Rows(
        [found for alias in sorted(aliases) if (found := call.principal(alias))], lambda each: _recipient(call, each)
    )


@cmdlet("Set-UnifiedGroup")
def set_unified_group(call: Invocation) -> None:
    """Accepted and forgotten: no setting of it matters here."""
    call.unchanged(the_group(call, ("microsoft365",))[0])


@cmdlet("Get-DynamicDistributionGroup")
def get_dynamic_distribution_group(call: Invocation) -> Sequence[Any]:
    """There are none."""
    if call.text("Identity"):
        raise errors.not_found(call.text("Identity"))
    return []
