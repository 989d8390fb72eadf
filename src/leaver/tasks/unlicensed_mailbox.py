"""What becomes of a mailbox when its license goes: its limits without one, and what a person must decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leaver.domain.plan import Note, NoteKind, blocker
from leaver.m365.exchange.mailboxes import Mailbox

LIMIT = 50 * 1024**3
"""Bytes that a shared mailbox may hold without a license (Microsoft 365 admin: about shared mailboxes)."""
KEEP = "keep_exchange_license"
LOSE = "lose_mailbox"
KEEP_USER_MAILBOX = "keep_user_mailbox"

_NEED_NO_LICENSE = ("SharedMailbox", "RoomMailbox", "EquipmentMailbox")
_ARCHIVING = "Exchange Online Plan 2 (or Plan 1 with Exchange Online Archiving), as a shared mailbox too"


@dataclass(frozen=True)
class MailboxAtRisk:
    """The mailbox behind the licenses, its size in bytes where Exchange has a figure, and what was decided about it."""

    mailbox: Mailbox
    size: int | None
    decisions: Mapping[str, str]
    """The code of a blocker to the choice that was taken."""
    converting: bool
    """Whether this offboarding turns it into a shared mailbox."""

    def notes(self) -> list[Note]:
        """What must be decided, as blockers; what was decided, as warnings."""
        return [_decided(note, self._choice(note)) if self._choice(note) else note for note in self._questions()]

    @property
    def keeps_license(self) -> bool:
        """Whether it was decided that the Exchange license stays."""
        return any(self._choice(note) == KEEP for note in self._questions())

    @property
    def stays_user_mailbox(self) -> bool:
        """Whether it was decided that everything stays as it is."""
        return any(self._choice(note) == KEEP_USER_MAILBOX for note in self._questions())

    def _choice(self, question: Note) -> str:
        choice = self.decisions.get(question.code, "")
        return choice if choice in question.choices else ""

    def _questions(self) -> list[Note]:
        mailbox, size = self.mailbox, self.size or 0
        shared = self.converting or not needs_license(mailbox)
        address = mailbox.primary_smtp or mailbox.upn
        found = {
            blocker(
                "mailbox_would_be_lost",
                f"Without its license the mailbox {address} is deleted after 30 days. Convert it to a shared one in "
                "the same offboarding, or decide here.",
                KEEP,
                LOSE,
            ): not shared,
            blocker(
                "mailbox_over_50_gb",
                f"The mailbox is {size / 1024**3:.1f} GB. A shared mailbox without a license stops receiving mail "
                "above 50 GB.",
                KEEP,
                KEEP_USER_MAILBOX,
                "convert_anyway",
            ): shared and size > LIMIT,
            blocker(
                "mailbox_has_archive",
                f"The mailbox {address} has an archive, which needs {_ARCHIVING}.",
                KEEP,
                "remove_anyway",
            ): mailbox.archive,
            blocker(
                "mailbox_on_hold",
                f"The mailbox {address} is on hold ({', '.join(mailbox.holds)}), which needs {_ARCHIVING}.",
                KEEP,
                "remove_anyway",
            ): bool(mailbox.holds),
        }
        return [question for question, applies in found.items() if applies]


def needs_license(mailbox: Mailbox) -> bool:
    """Whether Exchange deletes this kind of mailbox once it has no license."""
    return mailbox.kind not in _NEED_NO_LICENSE


def _decided(question: Note, choice: str) -> Note:
    return Note(NoteKind.WARNING, question.code, f"{question.text} Decided: {choice}.", question.choices)
