"""Who may open a mailbox, and who may send as it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from leaver.domain.errors import NotFound, Refused, SignInRefused
from leaver.m365.exchange.values import Row, anchor, permissions_lane, text, texts, truth
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard

_SYSTEM_ACCOUNTS = ("nt authority\\", "s-1-5-10", "s-1-5-18")


@dataclass(frozen=True)
class Access:
    """An explicit right to open a mailbox."""

    user: str
    """As Exchange writes it: a UPN, an address, a name or a SID."""
    inherited: bool = False
    deny: bool = False

    @property
    def upn(self) -> str:
        """The UPN or address, where that is how Exchange wrote it."""
        return self.user if "@" in self.user else ""


class Permissions:
    """Reads anybody's access lists; changes only entries that concern the leaver, as mailbox or as person."""

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def full_access(self, mailbox: Addressed) -> tuple[Access, ...]:
        """Who was given full access to a mailbox; not itself, not inherited rights, not denials."""
        rows = await self._wire.read("Get-MailboxPermission", anchor=anchor(mailbox), Identity=mailbox.id)
        return explicit_full_access(rows)

    async def is_theirs(self, mailbox: Addressed, person: Addressed, entry: str) -> bool | None:
        """Whether an entry that several people may be is this person's; None where Exchange does not tell."""
        try:
            rows = await self._wire.read(
                "Get-MailboxPermission", anchor=anchor(mailbox), Identity=mailbox.id, User=person.id
            )
        except NotFound:
            return False
        except SignInRefused:
            raise
        except Refused:
            return None
        return asked_of_one([text(row, "User") for row in rows], entry)

    async def grant_full_access(self, mailbox: Addressed, person: Addressed, automapping: bool = True) -> None:
        """Let a person open a mailbox; `automapping` puts it into their Outlook by itself.

        Automapping is only read when access is given: to change it, revoke first.
        """
        self._guard.either(mailbox.id, person.id, "granting full access")
        await self._wire.run(
            "Add-MailboxPermission",
            anchor=anchor(mailbox),
            lane=permissions_lane(mailbox.id),
            Identity=mailbox.id,
            User=person.id,
            AccessRights=["FullAccess"],
            InheritanceType="All",
            AutoMapping=automapping,
            Confirm=False,
        )

    async def revoke_full_access(self, mailbox: Addressed, person: Addressed) -> None:
        """End it; an entry or mailbox that is gone is no error."""
        self._guard.either(mailbox.id, person.id, "revoking full access")
        with suppress(NotFound):
            await self._wire.run(
                "Remove-MailboxPermission",
                anchor=anchor(mailbox),
                lane=permissions_lane(mailbox.id),
                Identity=mailbox.id,
                User=person.id,
                AccessRights=["FullAccess"],
                InheritanceType="All",
                Confirm=False,
            )

    async def send_as(self, recipient: Addressed) -> tuple[str, ...]:
        """Who may send as a recipient, as Exchange writes them; not itself, not inherited rights, not denials."""
        rows = await self._wire.read("Get-RecipientPermission", anchor=anchor(recipient), Identity=recipient.id)
        return tuple(text(row, "Trustee") for row in rows if gives_send_as(row))

    async def grant_send_as(self, recipient: Addressed, person: Addressed) -> None:
        """Let a person send as a recipient."""
        self._guard.either(recipient.id, person.id, "granting send as")
        await self._send_as("Add-RecipientPermission", recipient, person)

    async def revoke_send_as(self, recipient: Addressed, person: Addressed) -> None:
        """End it; an entry or recipient that is gone is no error."""
        self._guard.either(recipient.id, person.id, "revoking send as")
        with suppress(NotFound):
            await self._send_as("Remove-RecipientPermission", recipient, person)

    async def _send_as(self, cmdlet: str, recipient: Addressed, person: Addressed) -> None:
        await self._wire.run(
            cmdlet,
            anchor=anchor(recipient),
            lane=permissions_lane(recipient.id),
            Identity=recipient.id,
            Trustee=person.id,
            AccessRights=["SendAs"],
            Confirm=False,
        )


def explicit_full_access(rows: list[dict[str, object]]) -> tuple[Access, ...]:
    """The entries of Get-MailboxPermission that somebody was given."""
    return tuple(Access(text(row, "User")) for row in rows if _has(row, "FullAccess") and _given(row, "User"))


def asked_of_one(users: list[str], entry: str) -> bool | None:
    """Whether the entries about one person are those of `entry`; None if the question was not about one person."""
    if not users:
        return False
    return True if {user.casefold() for user in users} == {entry.casefold()} else None


def gives_send_as(row: Row) -> bool:
    """Whether a row of Get-RecipientPermission is a right that somebody was given."""
    control = text(row, "AccessControlType")
    return control.casefold() != "deny" and _has(row, "SendAs") and _given(row, "Trustee")


def _given(row: Row, who: str) -> bool:
    name = text(row, who).casefold()
    return bool(name) and not (truth(row, "IsInherited") or truth(row, "Deny") or name.startswith(_SYSTEM_ACCOUNTS))


def _has(row: Row, right: str) -> bool:
    rights = [word.strip().casefold() for each in texts(row, "AccessRights") for word in each.split(",")]
    return right.casefold() in rights
