"""Get-Mailbox, Set-Mailbox, Get-MailboxStatistics and the mailboxes that were deleted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from m365_simulator.exchange import errors, mailbox_life, opath
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, changed_list, cmdlet, when
from m365_simulator.exchange.directory import Recipient, distinguished_name
from m365_simulator.world import GB, Mailbox

NO_GUID = "00000000-0000-0000-0000-000000000000"
Found = tuple[Recipient, Mailbox]
KINDS = {"Regular": "UserMailbox", "Shared": "SharedMailbox", "Room": "RoomMailbox", "Equipment": "EquipmentMailbox"}
_FILTERS = """
    alias displayname name primarysmtpaddress emailaddresses userprincipalname recipienttypedetails guid
    exchangeguid externaldirectoryobjectid distinguishedname hiddenfromaddresslistsenabled forwardingaddress
    forwardingsmtpaddress delivertomailboxandforward grantsendonbehalfto isdirsynced litigationholdenabled
    archivestatus whensoftdeleted isinactivemailbox
"""
FILTERS = frozenset(_FILTERS.split())
SYNCED = ("HiddenFromAddressListsEnabled", "DisplayName", "Name", "Alias", "EmailAddresses", "WindowsEmailAddress",
          "SimpleDisplayName", "Office", "CustomAttribute1")  # fmt: skip
"""Settings that come from the on-premises directory of a synced mailbox."""


@cmdlet("Get-Mailbox")
def get_mailbox(call: Invocation) -> Sequence[Any]:
    """Mailboxes: one, those of a filter or kind, or all."""
    if call.on("GroupMailbox") or call.on("PublicFolder") or call.on("Migration"):
        return []
    if call.on("SoftDeletedMailbox") or call.on("InactiveMailboxOnly"):
        found = _deleted(call)
    elif call.text("Identity"):
        found = [call.mailbox()]
    else:
        found = list(call.every_mailbox())
    if call.on("Archive"):
        found = [each for each in found if each[1].archive]
    if kinds := call.texts("RecipientTypeDetails"):
        found = [each for each in found if each[1].kind in kinds]
    if anr := call.text("Anr").lower():
        found = [each for each in found if _begins(each[0], anr)]
    if call.text("Filter"):
        test = opath.parse(call.text("Filter"), FILTERS)
        found = [each for each in found if test(partial(filtered, *each))]
    return Rows(found, lambda each: row(call, *each))


def filtered(recipient: Recipient, mailbox: Mailbox, name: str) -> Any:
    """What a filter compares; recipients are compared by their distinguished names."""
    world = recipient.world
    match name:
        case "grantsendonbehalfto":
            return [distinguished_name(world, alias) for alias in mailbox.send_on_behalf]
        case "forwardingaddress":
            return distinguished_name(world, mailbox.forwarding_address) if mailbox.forwarding_address else None
        case "forwardingsmtpaddress":
            return f"smtp:{mailbox.forwarding_smtp}" if mailbox.forwarding_smtp else None
        case "recipienttypedetails":
            return mailbox.kind
        case "hiddenfromaddresslistsenabled":
            return mailbox.hidden
        case "delivertomailboxandforward":
            return mailbox.deliver_and_forward
        case "litigationholdenabled":
            return mailbox.litigation_hold
        case "archivestatus":
            return "Active" if mailbox.archive else "None"
        case "guid" | "exchangeguid":
            return mailbox.guid
        case "whensoftdeleted":
            return when(mailbox.soft_deleted_at)
        case "isinactivemailbox":
            return mailbox.soft_deleted_at is not None and _held(mailbox)
        case _:
            return of_recipient(recipient, name)


def of_recipient(recipient: Recipient, name: str) -> Any:
    """What a filter compares, for what all recipients have."""
    match name:
        case "alias" | "name":
            return recipient.alias
        case "displayname":
            return recipient.display_name
        case "primarysmtpaddress":
            return recipient.smtp
        case "emailaddresses":
            return [*recipient.addresses, *(each.partition(":")[2] for each in recipient.addresses)]
        case "userprincipalname":
            return recipient.upn
        case "recipienttypedetails":
            return recipient.type
        case "externaldirectoryobjectid":
            return recipient.id
        case "distinguishedname":
            return recipient.dn
        case "isdirsynced":
            return recipient.synced
        case _:
            return None


def row(call: Invocation, recipient: Recipient, mailbox: Mailbox) -> Row:
    """A mailbox as Get-Mailbox shows it."""
    world = call.world
    deleted = mailbox.soft_deleted_at is not None
    return {
        "@odata.id": f"Mailbox('{recipient.id}')",
        "ExternalDirectoryObjectId": recipient.id,
        "UserPrincipalName": recipient.upn,
        "Alias": recipient.alias,
        "DisplayName": recipient.display_name,
        "EmailAddresses@odata.type": "#Collection(String)",
        "EmailAddresses": recipient.addresses,
        "PrimarySmtpAddress": recipient.smtp,
        "RecipientType": "UserMailbox",
        "RecipientTypeDetails": mailbox.kind,
        "Identity": recipient.alias,
        "Id": recipient.alias,
        "Name": recipient.alias,
        "DistinguishedName": recipient.dn,
        "Guid@odata.type": "#Guid",
        "Guid": recipient.guid,
        "ExchangeGuid": mailbox.guid,
        "ExchangeVersion": "0.20 (15.0.0.0)",
        "IsShared": mailbox.kind == "SharedMailbox",
        "IsMailboxEnabled": True,
        "IsDirSynced": recipient.synced,
        "HiddenFromAddressListsEnabled": mailbox.hidden,
        "ForwardingAddress": mailbox.forwarding_address,
        "ForwardingSmtpAddress": f"smtp:{mailbox.forwarding_smtp}" if mailbox.forwarding_smtp else None,
        "DeliverToMailboxAndForward": mailbox.deliver_and_forward,
        "GrantSendOnBehalfTo@odata.type": "#Collection(String)",
        "GrantSendOnBehalfTo": _on_behalf(call, mailbox),
        "LitigationHoldEnabled": mailbox.litigation_hold,
        "LitigationHoldDuration": "Unlimited",
        "InPlaceHolds@odata.type": "#Collection(String)",
        "InPlaceHolds": list(mailbox.in_place_holds),
        "ComplianceTagHoldApplied": mailbox.compliance_hold,
        "DelayHoldApplied": mailbox.delay_hold,
        "DelayReleaseHoldApplied": False,
        "RetentionHoldEnabled": False,
        "ArchiveStatus": "Active" if mailbox.archive else "None",
        "ArchiveState": "Local" if mailbox.archive else "None",
        "ArchiveGuid": world.new_id("archive", recipient.alias) if mailbox.archive else NO_GUID,
        "AutoExpandingArchiveEnabled": mailbox.auto_expanding_archive,
        "ProhibitSendReceiveQuota": _size(100 * GB if mailbox.kind == "UserMailbox" else 50 * GB),
        "IsInactiveMailbox": deleted and _held(mailbox),
        "IsSoftDeletedByRemove": deleted,
        "WhenSoftDeleted": when(mailbox.soft_deleted_at),
    } | mailbox.settings.get("Mailbox", {})


def _on_behalf(call: Invocation, mailbox: Mailbox) -> list[Any]:
    if not call.on("IncludeGrantSendOnBehalfToWithDisplayNames"):
        return [each for each in mailbox.send_on_behalf if call.principal(each)]
    found = [call.principal(each) for each in mailbox.send_on_behalf]
    return [{"Key": each.alias, "Value": each.display_name} for each in found if each]


def _deleted(call: Invocation) -> list[Found]:
    identity = call.text("Identity").lower()
    found = []
    for alias, mailbox in call.world.mailboxes.items():
        user = call.world.deleted_users.get(alias) or call.world.users.get(alias)
        if mailbox.soft_deleted_at is None or user is None:
            continue
        gone = Recipient(call.world, alias, user=user, mailbox=mailbox)
        if call.on("InactiveMailboxOnly") and not _held(mailbox):
            continue
        if not identity or gone.known_as(identity) or gone.display_name.lower() == identity:
            found.append((gone, mailbox))
    if identity and not found:
        raise errors.not_found(call.text("Identity"))
    return found


def _held(mailbox: Mailbox) -> bool:
    return mailbox.litigation_hold or mailbox.compliance_hold or bool(mailbox.in_place_holds)


def _begins(recipient: Recipient, text: str) -> bool:
    names = (recipient.alias, recipient.smtp, *recipient.display_name.split(), recipient.display_name)
    return any(each.lower().startswith(text) for each in names)


@cmdlet("Set-Mailbox")
def set_mailbox(call: Invocation) -> None:
    """Changes settings of one mailbox; what is so already gives a warning."""
    recipient, mailbox = call.mailbox()
    _refuse_mastered_elsewhere(call, recipient)
    wanted = {name: value for name, value in call.given.items() if name not in ("Identity", "Confirm", "Force")}
    changes = [_change(call, recipient, mailbox, name, value) for name, value in wanted.items()]
    changed = [change for change in changes if change is not None]
    if call.only_if_asked():
        return
    for apply in changed:
        apply()
    if not changed:
        call.unchanged(recipient)


def _refuse_mastered_elsewhere(call: Invocation, recipient: Recipient) -> None:
    if not recipient.synced:
        return
    refused = [*SYNCED]
    if call.behaviour.synced_send_on_behalf == "refuse":
        refused.append("GrantSendOnBehalfTo")
    for name in refused:
        if call.has(name):
            raise errors.on_premises(call.name, name, recipient.display_name)


def _change(call: Invocation, recipient: Recipient, mailbox: Mailbox, name: str, value: Any) -> Any:
    """What to do for one parameter, or None if it is so already."""
    match name:
        case "WhatIf":
            return None
        case "Type":
            return _conversion(call, recipient, mailbox, str(value))
        case "HiddenFromAddressListsEnabled":
            return _set(mailbox, "hidden", value)
        case "DeliverToMailboxAndForward":
            return _set(mailbox, "deliver_and_forward", value)
        case "LitigationHoldEnabled":
            return _set(mailbox, "litigation_hold", value)
        case "ForwardingAddress":
            return _set(mailbox, "forwarding_address", _known(call, str(value)) if value else None)
        case "ForwardingSmtpAddress":
            return _set(mailbox, "forwarding_smtp", _address(str(value)) if value else None)
        case "GrantSendOnBehalfTo":
            kept = changed_list(mailbox.send_on_behalf, value, lambda each: _known(call, each))
            return _set(mailbox, "send_on_behalf", kept)
        case _:
            if mailbox.settings.get("Mailbox", {}).get(name, mailbox) == value:
                return None
            return lambda: mailbox.settings.setdefault("Mailbox", {}).update({name: value})


def _set(mailbox: Mailbox, name: str, value: Any) -> Any:
    return None if getattr(mailbox, name) == value else lambda: setattr(mailbox, name, value)


def _conversion(call: Invocation, recipient: Recipient, mailbox: Mailbox, kind: str) -> Any:
    wanted = KINDS.get(kind, "UserMailbox")
    if mailbox.kind == wanted and mailbox.converting_to is None:
        if not call.behaviour.already_shared_warning:
            raise errors.CmdletError(
                f"{errors.MANAGEMENT}RecipientTaskException", f'The mailbox is already of the type "{kind}".'
            )
        return None
    if mailbox.converting_to == wanted:
        return None
    user = recipient.user
    licensed = not call.behaviour.conversion_needs_license or (user and mailbox_life.exchange_plans(call.world, user))
    if wanted != "UserMailbox" and mailbox.kind == "UserMailbox" and not licensed:
        raise errors.CmdletError(
            f"{errors.MANAGEMENT}RecipientTaskException",
            f'The mailbox "{recipient.display_name}" can\'t be converted: its user has no Exchange Online license.',
        )
    return lambda: mailbox_life.convert(mailbox, wanted, call.now, call.behaviour.conversion_delay)


def _known(call: Invocation, identity: str) -> str:
    found = call.resolve(identity)
    if found is None or not found.mail_enabled:
        raise errors.no_object(identity)
    return found.alias


def _address(text: str) -> str:
    address = text[5:] if text.lower().startswith("smtp:") else text
    if address.count("@") != 1 or " " in address or address.startswith("@") or address.endswith("@"):
        raise errors.transformation("ForwardingSmtpAddress", text, "Microsoft.Exchange.Data.ProxyAddress")
    return address


@cmdlet("Get-MailboxStatistics", store=True)
def get_mailbox_statistics(call: Invocation) -> list[Row]:
    """How much is in a mailbox, or in its archive."""
    rows: list[Row] = []
    for recipient, mailbox in call.mailboxes():
        if call.on("Archive") and not mailbox.archive:
            raise errors.not_found(call.text("Identity"))
        size = mailbox.size // 4 if call.on("Archive") else mailbox.size
        if size == 0 and call.behaviour.empty_statistics == "warning":
            call.warnings.append(
                f"The user hasn't logged on to mailbox '{recipient.alias}' ('{mailbox.guid}'), so there is no data to "
                "return. After the user logs on, this warning will no longer appear."
            )
            continue
        rows.append(
            {
                "Identity": mailbox.guid,
                "MailboxGuid": mailbox.guid,
                "DisplayName": recipient.display_name,
                "TotalItemSize": _size(size),
                "TotalDeletedItemSize": _size(size // 50),
                "ItemCount": size // 100_000,
                "DeletedItemCount": size // 5_000_000,
                "IsArchiveMailbox": call.on("Archive"),
                "MailboxTypeDetail": mailbox.kind,
                "LastLogonTime": when(recipient.user.last_sign_in if recipient.user else None),
            }
        )
    return rows


def _size(size: int) -> str:
    for unit, factor in (("GB", GB), ("MB", 1024**2), ("KB", 1024)):
        if size >= factor:
            return f"{size / factor:.4g} {unit} ({size:,} bytes)"
    return f"{size} B ({size:,} bytes)"


@cmdlet("Undo-SoftDeletedMailbox")
def undo_soft_deleted_mailbox(call: Invocation) -> None:
    """Brings a mailbox back; its password parameter would have to be encrypted by Microsoft's own module."""
    raise errors.not_allowed(f"The cmdlet '{call.name}'")
