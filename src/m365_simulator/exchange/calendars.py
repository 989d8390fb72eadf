"""The calendar of a mailbox: its name, who may see it, its meetings, and how a room books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, changed_list, cmdlet
from m365_simulator.exchange.directory import Recipient
from m365_simulator.world import FolderPermission, Mailbox, Meeting

EVERYBODY = ("Default", "Anonymous")
LONGEST = 1825
FOLDERS = ("Inbox", "Drafts", "SentItems", "DeletedItems", "Contacts", "Tasks")


@cmdlet("Get-MailboxFolderStatistics", store=True)
def get_folder_statistics(call: Invocation) -> Sequence[Any]:
    """The folders of a mailbox, whose names are in its owner's language."""
    scope = call.text("FolderScope") or "All"
    rows: list[Row] = []
    for recipient, mailbox in call.mailboxes():
        if scope in ("All", "Calendar"):
            name = mailbox.calendar_name
            rows.append(_folder(recipient, name, f"/{name}", "Calendar"))
            rows.append(_folder(recipient, "Birthdays", f"/{name}/Birthdays", "BirthdayCalendar"))
        rows += [_folder(recipient, kind, f"/{kind}", kind) for kind in FOLDERS if scope in ("All", kind)]
    return rows


def _folder(recipient: Recipient, name: str, path: str, kind: str) -> Row:
    return {
        "Identity": recipient.alias + path.replace("/", "\\"),
        "Name": name,
        "FolderPath": path,
        "FolderType": kind,
        "ItemsInFolder": 12,
        "FolderSize": "1.2 MB (1,258,291 bytes)",
    }


def _calendar(call: Invocation) -> tuple[Recipient, Mailbox]:
    r"""The mailbox of `ada@contoso.com:\Calendar`; another name of the folder, or another folder, is not found."""
    identity = call.text("Identity")
    owner, colon, folder = identity.partition(":\\")
    found = call.mailbox_of(owner)
    if not colon or folder.lower() != found[1].calendar_name.lower():
        raise errors.not_found(identity)
    return found


@cmdlet("Get-MailboxFolderPermission", store=True)
def get_folder_permission(call: Invocation) -> Sequence[Any]:
    """Who may see a calendar."""
    owners = [_calendar(call)] if call.text("Identity") else list(call.every_mailbox())
    entries = [(recipient, mailbox, entry) for recipient, mailbox in owners for entry in mailbox.calendar_permissions]
    if call.text("User"):
        held = _entry(call, owners[0][1], call.text("User"))
        if held is None:
            raise errors.no_entry(call.text("User"))
        entries = [each for each in entries if each[2] is held]
    return Rows(entries, lambda each: _row(call, *each))


def _row(call: Invocation, recipient: Recipient, mailbox: Mailbox, entry: FolderPermission) -> Row:
    rights = [right for right in entry.rights if right not in ("Delegate", "CanViewPrivateItems")]
    flags = [right for right in entry.rights if right not in rights]
    return {
        "Identity": f"{recipient.alias}:\\{mailbox.calendar_name}",
        "FolderName": mailbox.calendar_name,
        "User": _user(call, entry),
        "AccessRights@odata.type": "#Collection(String)",
        "AccessRights": rights,
        "SharingPermissionFlags": ", ".join(flags) or None,
        "IsValid": True,
    }


def shown_name(call: Invocation, entry: FolderPermission) -> str:
    """How an entry names its user."""
    found = call.principal(entry.user)
    if found is not None:
        return found.display_name
    if entry.user in call.world.deleted_users:
        return f"NT:S-1-5-21-{int(call.world.new_id('sid', entry.user)[:8], 16)}-1001"
    return entry.user


def _user(call: Invocation, entry: FolderPermission) -> Any:
    name = shown_name(call, entry)
    if call.behaviour.calendar_user == "name":
        return name
    found = call.principal(entry.user)
    kind = entry.user if entry.user in EVERYBODY else "Internal" if found else "Unknown"
    principal = None
    if found is not None:
        principal = {
            "Guid": found.guid,
            "Name": found.alias,
            "DisplayName": found.display_name,
            "PrimarySmtpAddress": found.smtp,
            "UserPrincipalName": found.upn,
            "ExternalDirectoryObjectId": found.id,
            "DistinguishedName": found.dn,
        }
    return {"UserType": kind, "DisplayName": name, "ADRecipient": principal, "RecipientPrincipal": principal}


def _entry(call: Invocation, mailbox: Mailbox, user: str) -> FolderPermission | None:
    """The entry of this user: by id or address, or by the name that is shown, if it is only one's."""
    lowered = user.lower()
    for entry in mailbox.calendar_permissions:
        if entry.user in EVERYBODY and entry.user.lower() == lowered:
            return entry
    candidates = call.directory.matches(user)
    named = [entry for entry in mailbox.calendar_permissions if shown_name(call, entry).lower() == lowered]
    if len(candidates) > 1:
        raise errors.ambiguous(user)
    if candidates:
        return next((entry for entry in mailbox.calendar_permissions if entry.user == candidates[0].alias), None)
    if not named:
        raise errors.external_user(user)
    return named[0]


@cmdlet("Add-MailboxFolderPermission", "Set-MailboxFolderPermission", store=True)
def put_folder_permission(call: Invocation) -> Sequence[Any]:
    """Gives rights to somebody who has none there, or changes those of somebody who has."""
    recipient, mailbox = _calendar(call)
    held = _entry(call, mailbox, call.text("User"))
    rights = call.texts("AccessRights") + [flag for flag in call.texts("SharingPermissionFlags") if flag != "None"]
    if call.name.startswith("Set-"):
        if held is None:
            raise errors.no_entry(call.text("User"))
        if not call.only_if_asked():
            held.rights = rights
        return []
    if held is not None:
        raise errors.CmdletError(
            f"{errors.STORE}UserAlreadyExistsInPermissionEntryException",
            f"An existing permission entry was found for user: {call.text('User')}.",
        )
    entry = FolderPermission(call.recipient("User").alias, rights)
    if not call.only_if_asked():
        mailbox.calendar_permissions.append(entry)
    return [_row(call, recipient, mailbox, entry)]


@cmdlet("Remove-MailboxFolderPermission", store=True)
def remove_folder_permission(call: Invocation) -> None:
    """Takes all rights of somebody on a calendar."""
    mailbox = _calendar(call)[1]
    if call.on("ResetDelegateUserCollection"):
        for entry in mailbox.calendar_permissions:
            entry.rights = [right for right in entry.rights if right not in ("Delegate", "CanViewPrivateItems")]
        return
    held = _entry(call, mailbox, call.text("User"))
    if held is None:
        raise errors.no_entry(call.text("User"))
    if held.user in EVERYBODY:
        raise errors.CmdletError(
            f"{errors.STORE}CannotRemoveSpecialUserException", f"The permission of {held.user} can't be removed."
        )
    if not call.only_if_asked():
        mailbox.calendar_permissions.remove(held)


@cmdlet("Remove-CalendarEvents", store=True)
def remove_calendar_events(call: Invocation) -> Sequence[Any]:
    """Cancels the meetings that the owner organizes, from a day on for a number of days, and mails about it."""
    recipient, mailbox = call.mailbox()
    days = _days(call)
    start = _start(call)
    end = start + timedelta(days=days)
    hit = [each for each in mailbox.meetings if each.attendees and start <= each.start < end]
    if not call.on("CancelOrganizedMeetings"):
        return []
    if call.on("PreviewOnly"):
        return [] if call.behaviour.calendar_preview == "nothing" else [_queued(call, each) for each in hit]
    if call.only_if_asked():
        return []
    for meeting in hit:
        mailbox.meetings.remove(meeting)
        call.world.sent_cancellations.append((recipient.alias, meeting.subject))
    return [_queued(call, each) for each in hit]


def _queued(call: Invocation, meeting: Meeting) -> Row:
    if call.behaviour.calendar_preview == "object":
        return {"Subject": meeting.subject, "StartTime": meeting.start.isoformat(), "Status": "Queued"}
    date = meeting.start.strftime("%m/%d/%Y %H:%M:%S")
    return f'The meeting with subject "{meeting.subject}" and start date "{date}" has been queued for cancellation.'


def _days(call: Invocation) -> int:
    value = call.given.get("QueryWindowInDays")
    try:
        days = int(str(value))
    except ValueError:
        raise errors.transformation("QueryWindowInDays", value, "System.Int32") from None
    if not 1 <= days <= LONGEST:
        raise errors.CmdletError(
            "Microsoft.Exchange.Configuration.Tasks.TaskArgumentException",
            f"The value {days} of QueryWindowInDays is outside of the range 1 to {LONGEST}.",
        )
    return days


def _start(call: Invocation) -> datetime:
    text = call.text("QueryStartDate")
    if not text:
        return call.now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise errors.transformation("QueryStartDate", text, "ExDateTime") from None
    return start if start.tzinfo else start.replace(tzinfo=UTC)


@cmdlet("Get-CalendarProcessing", store=True)
def get_calendar_processing(call: Invocation) -> Sequence[Any]:
    """How a mailbox answers invitations, and which delegates decide."""
    return Rows(call.mailboxes(), lambda each: _processing(call, *each))


def _processing(call: Invocation, recipient: Recipient, mailbox: Mailbox) -> Row:
    delegates = [found.alias for each in mailbox.resource_delegates if (found := call.principal(each))]
    return {
        "Identity": recipient.alias,
        "AutomateProcessing": "AutoAccept" if mailbox.kind == "RoomMailbox" else "AutoUpdate",
        "ResourceDelegates@odata.type": "#Collection(String)",
        "ResourceDelegates": delegates,
        "ForwardRequestsToDelegates": bool(delegates),
        "AllBookInPolicy": not delegates,
        "AllRequestInPolicy": bool(delegates),
        "AllRequestOutOfPolicy": False,
        "BookInPolicy": [],
        "RequestInPolicy": [],
        "RequestOutOfPolicy": [],
    } | mailbox.settings.get("CalendarProcessing", {})


@cmdlet("Set-CalendarProcessing", store=True)
def set_calendar_processing(call: Invocation) -> None:
    """Changes it; the lists are overwritten as a whole."""
    mailbox = call.mailbox()[1]
    wanted = {name: value for name, value in call.given.items() if name not in ("Identity", "Confirm", "WhatIf")}
    if "ResourceDelegates" in wanted:
        value = wanted.pop("ResourceDelegates")
        delegates = changed_list(mailbox.resource_delegates, value, lambda each: _known(call, each))
        if not call.only_if_asked():
            mailbox.resource_delegates = delegates
    if wanted and not call.only_if_asked():
        mailbox.settings.setdefault("CalendarProcessing", {}).update(wanted)


def _known(call: Invocation, identity: str) -> str:
    found = call.resolve(identity)
    if found is None:
        raise errors.no_object(identity)
    return found.alias
