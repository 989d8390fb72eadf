"""Calendars: who may see them, and the meetings their owner organizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from leaver.domain.errors import NotFound, Refused, SignInRefused
from leaver.m365.exchange.permissions import asked_of_one
from leaver.m365.exchange.values import Row, anchor, store_lane, text, texts
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard

_FLAGS = ("Delegate", "CanViewPrivateItems")
_EVERYBODY = ("default", "anonymous")
_UNKNOWN_PERSON = ("InvalidExternalUserId",)
_ADDRESS_KEYS = ("PrimarySmtpAddress", "SmtpAddress", "EmailAddress", "WindowsEmailAddress", "UserPrincipalName")
_ID_KEYS = ("ExternalDirectoryObjectId", "ObjectId", "Guid", "DistinguishedName")
_BOILERPLATE = re.compile(r"queued|preview|no (?:meetings|events|items)|will be cancel+ed:?$", re.IGNORECASE)
_QUOTED = re.compile(r"[Ss]ubject\s*[:=]?\s*['\"“](?P<subject>.+?)['\"”]|meeting\s+['\"“](?P<name>.+?)['\"”]")
_LABELLED = re.compile(r"(?:^|[;,|:.])\s*[Ss]ubject\s*[:=]\s*(?P<subject>[^;,|]+)")


@dataclass(frozen=True)
class FolderRight:
    """An entry in the access list of a calendar."""

    user: str
    """The name that Exchange shows: mostly a display name, which need not be unique."""
    address: str = ""
    """The SMTP address or UPN, where Exchange gives one."""
    ids: tuple[str, ...] = ()
    """What else nobody else has: ids, and the place in the directory, where Exchange gives them."""
    rights: tuple[str, ...] = ()
    """Among them `Delegate` and `CanViewPrivateItems`, which Exchange shows apart."""


class Calendars:
    """Reads anybody's calendar rights; changes entries that concern the leaver; cancels the leaver's meetings."""

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def folder(self, mailbox: Addressed) -> str:
        """What the calendar is called as an identity; its name is in the language of the mailbox."""
        rows = await self._wire.read(
            "Get-MailboxFolderStatistics", anchor=anchor(mailbox), Identity=mailbox.id, FolderScope="Calendar"
        )
        main = next((row for row in rows if text(row, "FolderType") == "Calendar"), None)
        if main is None:
            raise NotFound("The mailbox has no calendar.", code="no_calendar", service="exchange")
        path = text(main, "FolderPath").strip("/").replace("/", "\\") or text(main, "Name")
        return f"{mailbox.id}:\\{path}"

    async def permissions(self, mailbox: Addressed) -> tuple[FolderRight, ...]:
        """Who may see or change a calendar; NotFound where there is no mailbox."""
        try:
            rows = await self._rights(mailbox, usual_folder(mailbox))
        except NotFound:
            rows = await self._rights(mailbox, await self.folder(mailbox))
        return folder_rights(rows)

    async def is_theirs(self, mailbox: Addressed, person: Addressed, entry: FolderRight) -> bool | None:
        """Whether an entry that several people may be is this person's; None where Exchange does not tell."""
        try:
            folder = await self._existing(mailbox)
            rows = await self._wire.read(
                "Get-MailboxFolderPermission", anchor=anchor(mailbox), Identity=folder, User=_name(person)
            )
        except NotFound:
            return False
        except SignInRefused:
            raise
        except Refused:
            return None
        return asked_of_one([_folder_right(row).user for row in rows], entry.user)

    async def remove(self, mailbox: Addressed, person: Addressed, entry: FolderRight | None = None) -> None:
        """Take all of a person's rights on a calendar; an entry or mailbox that is gone is no error.

        The person is named by address. `entry`'s own name is used only where Exchange can resolve the address no more
        and the caller has seen that the name is nobody else's.
        """
        self._guard.either(mailbox.id, person.id, "removing a calendar right")
        with suppress(NotFound):
            try:
                await self._on_folder("Remove-MailboxFolderPermission", mailbox, User=_name(person, entry))
            except Refused as error:
                if entry is None or not any(
                    f"{error.code} {error.message}".find(word) >= 0 for word in _UNKNOWN_PERSON
                ):
                    raise
                await self._on_folder("Remove-MailboxFolderPermission", mailbox, User=entry.user)

    async def grant(self, mailbox: Addressed, person: Addressed, rights: Sequence[str]) -> None:
        """Give a person rights on a calendar, in place of those they may have; nobody is mailed about it."""
        self._guard.either(mailbox.id, person.id, "granting a calendar right")
        flags = [right for right in rights if right in _FLAGS]
        parameters: dict[str, Any] = {"AccessRights": [right for right in rights if right not in _FLAGS]}
        parameters |= {"SharingPermissionFlags": ",".join(flags)} if flags else {}
        try:
            await self._on_folder("Add-MailboxFolderPermission", mailbox, User=_name(person), **parameters)
        except Refused as error:
            if not _already_there(error):
                raise
            await self._on_folder("Set-MailboxFolderPermission", mailbox, User=_name(person), **parameters)

    async def delegates(self, mailbox: Addressed) -> tuple[str, ...]:
        """Who approves the bookings of a room or a piece of equipment, as Exchange writes them."""
        rows = await self._wire.read(
            "Get-CalendarProcessing", anchor=anchor(mailbox), select=("ResourceDelegates",), Identity=mailbox.id
        )
        return tuple(name for row in rows for name in texts(row, "ResourceDelegates"))

    async def meetings(self, user: Addressed, days: int) -> tuple[str, ...]:
        """The subjects of the meetings that `cancel` would cancel, as far as Exchange lists them.

        Microsoft does not document what the preview looks like over REST: it may come as rows, as plain lines or as
        warnings. What is not understood is shown as it is; nothing at all does not prove that there are no meetings.
        """
        shown = await self._cancel(user, days, preview=True)
        lines = [line for row in shown.rows for line in _subjects(row)]
        lines += [line for warning in shown.warnings for line in _subjects(warning)]
        return tuple(dict.fromkeys(lines))

    async def cancel(self, user: Addressed, days: int) -> None:
        """Cancel the meetings that the leaver organizes within so many days; attendees are mailed.

        A series with one instance within them is cancelled as a whole. Exchange only says that it queued the work.
        """
        self._guard.only(user.id, "cancelling meetings")
        await self._cancel(user, days, preview=False)

    async def _rights(self, mailbox: Addressed, folder: str) -> list[dict[str, Any]]:
        return await self._wire.read("Get-MailboxFolderPermission", anchor=anchor(mailbox), Identity=folder)

    async def _on_folder(self, cmdlet: str, mailbox: Addressed, **parameters: Any) -> None:
        # Which of the two names is right is asked first: a write to a wrong one would look like "gone already".
        folder = await self._existing(mailbox)
        await self._wire.run(
            cmdlet,
            anchor=anchor(mailbox),
            lane=f"calendar:{mailbox.id}",
            Identity=folder,
            SendNotificationToUser=False,
            Confirm=False,
            **parameters,
        )

    async def _existing(self, mailbox: Addressed) -> str:
        try:
            await self._rights(mailbox, usual_folder(mailbox))
        except NotFound:
            return await self.folder(mailbox)
        return usual_folder(mailbox)

    async def _cancel(self, user: Addressed, days: int, *, preview: bool) -> Any:
        return await self._wire.run(
            "Remove-CalendarEvents",
            anchor=anchor(user),
            lane="" if preview else store_lane(user.id),
            Identity=user.id,
            CancelOrganizedMeetings=True,
            QueryWindowInDays=days,
            Confirm=False,
            **({"PreviewOnly": True} if preview else {}),
        )


def usual_folder(mailbox: Addressed) -> str:
    """The calendar's identity in a mailbox that was set up in English, as most are; saves a look-up each."""
    return f"{mailbox.id}:\\Calendar"


def folder_rights(rows: list[dict[str, Any]]) -> tuple[FolderRight, ...]:
    """The entries of Get-MailboxFolderPermission, without those for everybody."""
    rights = (_folder_right(row) for row in rows)
    return tuple(right for right in rights if right.user.casefold() not in _EVERYBODY)


def _folder_right(row: Row) -> FolderRight:
    user = row.get("User")
    if not isinstance(user, Mapping):
        name = str(user or "")
        return FolderRight(name, address=name if "@" in name else "", rights=_rights_of(row))
    flat = {**user}
    for value in user.values():
        if isinstance(value, Mapping):
            flat = {**value, **flat}
    return FolderRight(
        user=text(flat, "DisplayName") or text(flat, "Name"),
        address=next((text(flat, key) for key in _ADDRESS_KEYS if flat.get(key)), ""),
        ids=tuple(text(flat, key) for key in _ID_KEYS if flat.get(key)),
        rights=_rights_of(row),
    )


def _rights_of(row: Row) -> tuple[str, ...]:
    flags = [flag.strip() for each in texts(row, "SharingPermissionFlags") for flag in each.split(",")]
    return (*texts(row, "AccessRights"), *(flag for flag in flags if flag in _FLAGS))


def _name(person: Addressed, entry: FolderRight | None = None) -> str:
    return person.upn or (entry.address if entry else "") or person.id


def _already_there(error: Refused) -> bool:
    words = f"{error.code} {error.message}".casefold()
    return "useralreadyexistsinpermissionentry" in words or "existing permission entry" in words


def _subjects(shown: Any) -> list[str]:
    if isinstance(shown, Mapping):
        subject = text(shown, "Subject") or text(shown, "MeetingSubject")
        if subject:
            return [subject]
        return _subjects(next((value for key in ("Message", "value", "Value") if (value := shown.get(key))), ""))
    found = []
    for line in str(shown).splitlines():
        named = _QUOTED.search(line) or _LABELLED.search(line)
        if named:
            found.append(next(word for word in named.groups() if word).strip())
        elif line.strip() and not _BOILERPLATE.search(line):
            found.append(line.strip())
    return found
