"""Full access to mailboxes, and the right to send as somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, cmdlet
from m365_simulator.exchange.directory import Recipient
from m365_simulator.world import FullAccess, Mailbox

SELF = "NT AUTHORITY\\SELF"


@cmdlet("Get-MailboxPermission")
def get_mailbox_permission(call: Invocation) -> Sequence[Any]:
    """The access list of a mailbox, its own and inherited entries among them."""
    user = call.text("User")
    found = [
        (recipient, entry)
        for recipient, mailbox in call.mailboxes()
        for entry in (FullAccess(SELF, ["FullAccess", "ReadPermission"]), *mailbox.full_access)
        if not user or entry.user in _principals(call, user)
    ]
    if user and not found:
        raise errors.CmdletError(
            f"{errors.TASKS}ManagementObjectNotFoundException",
            f"No permissions were found for the user:{user}",
            status=404,
        )
    return Rows(found, lambda each: _access(call, *each))


def _access(call: Invocation, recipient: Recipient, entry: FullAccess) -> Row:
    return {
        "Identity": recipient.alias,
        "User": account(call, entry.user),
        "UserSid": _sid(call, entry.user),
        "AccessRights@odata.type": "#Collection(String)",
        "AccessRights": list(entry.rights),
        "IsInherited": entry.inherited,
        "Deny": entry.deny,
        "InheritanceType": "All",
        "IsValid": True,
    }


def account(call: Invocation, user: str) -> str:
    """How an entry of an access list names its user: the UPN, a group's name, the SID of somebody deleted."""
    found = call.principal(user)
    if found is not None:
        return found.upn or found.display_name
    return _sid(call, user) if user in call.world.deleted_users else user


def _sid(call: Invocation, user: str) -> str:
    known = call.principal(user)
    if known is None and user not in call.world.deleted_users:
        return user if user.startswith("S-1-") else "S-1-5-10"
    number = call.world.new_id("sid", user)
    return f"S-1-5-21-{int(number[:8], 16)}-{int(number[9:13], 16)}-{int(number[24:32], 16)}-{int(number[32:], 16)}"


def _principals(call: Invocation, user: str) -> set[str]:
    """The entries that a `User` or `Trustee` may stand for: an alias, or the text as it was kept."""
    found = call.resolve(user)
    if found is not None:
        return {found.alias}
    gone = {alias for alias in call.world.deleted_users if _sid(call, alias) == user}
    return gone | {user}


@cmdlet("Add-MailboxPermission")
def add_mailbox_permission(call: Invocation) -> Sequence[Any]:
    """Gives somebody rights on a mailbox; an entry that is there already gives a warning and is left as it is."""
    recipient, mailbox = call.mailbox()
    user = call.resolve(call.text("User") or call.text("Owner"))
    if user is None:
        raise errors.not_found(call.text("User"))
    if call.has("Owner") or call.only_if_asked():
        return []
    rights, deny = call.texts("AccessRights"), call.on("Deny")
    for entry in mailbox.full_access:
        if entry.user == user.alias and entry.deny is deny and not entry.inherited and set(rights) <= set(entry.rights):
            call.warnings.append(
                f'The appropriate access control entry is already present on the object "{recipient.dn}" for account '
                f'"{user.upn or user.display_name}".'
            )
            return [_access(call, recipient, entry)]
    automapping = bool(call.given.get("AutoMapping", True)) and user.user is not None
    entry = FullAccess(user.alias, rights, deny=deny, automapping=automapping)
    mailbox.full_access.append(entry)
    return [_access(call, recipient, entry)]


@cmdlet("Remove-MailboxPermission")
def remove_mailbox_permission(call: Invocation) -> None:
    """Takes an explicit entry from the access list; one that is not there gives a warning."""
    recipient, mailbox = call.mailbox()
    if call.only_if_asked():
        return
    if call.on("ResetDefault"):
        mailbox.full_access = [entry for entry in mailbox.full_access if entry.inherited]
        return
    if call.on("ClearAutoMapping"):
        for entry in mailbox.full_access:
            entry.automapping = False
        return
    _remove(call, recipient, mailbox)


def _remove(call: Invocation, recipient: Recipient, mailbox: Mailbox) -> None:
    users, rights = _principals(call, call.text("User")), set(call.texts("AccessRights"))
    hit = [
        entry
        for entry in mailbox.full_access
        if entry.user in users and not entry.inherited and entry.deny is call.on("Deny") and rights & set(entry.rights)
    ]
    for entry in hit:
        entry.rights = [right for right in entry.rights if right not in rights]
        if not entry.rights:
            mailbox.full_access.remove(entry)
    if not hit:
        _not_there(
            call,
            f'Can\'t remove the access control entry on the object "{recipient.dn}" for user account '
            f'"{call.text("User")}" because the ACE doesn\'t exist on the object.',
        )


def _not_there(call: Invocation, text: str) -> None:
    if call.behaviour.missing_entry == "error":
        raise errors.CmdletError("Microsoft.Exchange.Management.AclTaskException", text, number=False)
    call.warnings.append(text)


@cmdlet("Get-RecipientPermission")
def get_recipient_permission(call: Invocation) -> Sequence[Any]:
    """Who may send as a recipient, or, by `Trustee` alone, as whom somebody may send."""
    trustee = call.text("Trustee")
    by_upn = trustee and "@" in trustee and not call.behaviour.trustee_by_upn
    wanted = set() if by_upn else _principals(call, trustee) if trustee else None
    found = [
        (recipient, entry)
        for recipient, mailbox in _senders(call)
        for entry in ((SELF,) if wanted is None else ()) + tuple(mailbox.send_as)
        if wanted is None or entry in wanted
    ]
    return Rows(found, lambda each: _send_as(call, *each))


def _senders(call: Invocation) -> Iterable[tuple[Recipient, Mailbox]]:
    if not call.text("Identity"):
        return call.every_mailbox()
    found = call.recipient()
    if found.mailbox is None:
        if not found.mail_enabled:
            raise errors.not_found(call.text("Identity"))
        return []
    return [(found, found.mailbox)]


def _send_as(call: Invocation, recipient: Recipient, trustee: str) -> Row:
    return {
        "Identity": recipient.alias,
        "Trustee": account(call, trustee),
        "TrusteeSidString": _sid(call, trustee),
        "AccessControlType": "Allow",
        "AccessRights@odata.type": "#Collection(String)",
        "AccessRights": ["SendAs"],
        "IsInherited": False,
        "InheritanceType": "None",
    }


@cmdlet("Add-RecipientPermission")
def add_recipient_permission(call: Invocation) -> Sequence[Any]:
    """Lets somebody send as a recipient."""
    recipient, mailbox = _writable(call)
    trustee = call.resolve(call.text("Trustee"))
    if trustee is None:
        raise errors.not_found(call.text("Trustee"))
    if call.only_if_asked():
        return []
    if trustee.alias in mailbox.send_as:
        call.warnings.append(
            f'The appropriate access control entry is already present on the object "{recipient.dn}" for account '
            f'"{trustee.upn or trustee.display_name}".'
        )
    else:
        mailbox.send_as.append(trustee.alias)
    return [_send_as(call, recipient, trustee.alias)]


@cmdlet("Remove-RecipientPermission")
def remove_recipient_permission(call: Invocation) -> None:
    """Ends it; an entry that is not there gives a warning."""
    recipient, mailbox = _writable(call)
    users = _principals(call, call.text("Trustee"))
    hit = [entry for entry in mailbox.send_as if entry in users]
    if call.only_if_asked():
        return
    mailbox.send_as = [entry for entry in mailbox.send_as if entry not in users]
    if not hit:
        _not_there(
            call,
            f'Can\'t remove the access control entry on the object "{recipient.dn}" for account '
            f'"{call.text("Trustee")}" because the ACE isn\'t present.',
        )


def _writable(call: Invocation) -> tuple[Recipient, Mailbox]:
    if call.texts("AccessRights") != ["SendAs"]:
        rights = ",".join(call.texts("AccessRights"))
        raise errors.transformation("AccessRights", rights, "RecipientAccessRight", ("SendAs",))
    return call.mailbox()
