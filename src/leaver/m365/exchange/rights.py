"""What a person may do to others' mailboxes: the questions that Exchange answers only from the other side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leaver.m365.exchange.calendars import FolderRight
from leaver.m365.exchange.mailboxes import Mailbox, Recipient
from leaver.m365.graph.users import Users
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed

Progress = Callable[[int, int], None]
"""Told (mailboxes looked through, mailboxes there are), now and then."""


@dataclass(frozen=True)
class CalendarRight:
    """A right of the person on somebody's calendar."""

    mailbox: Mailbox
    rights: tuple[str, ...]
    entry: FolderRight
    ambiguous: bool = False
    """The entry shows only a name, and several recipients have it: it may be somebody else's. Not to be removed."""


class Rights:
    """Reverse look-ups. The first one in a run looks through the tenant, later ones only at what it found."""

    def __init__(self, wire: ExchangeWire, users: Users, seen: Seen) -> None:
        self._wire = wire
        self._users = users
        self._seen = seen

    async def send_as_of(self, person: Addressed) -> tuple[Recipient, ...]:
        """The recipients that a person may send as."""
        raise NotImplementedError

    async def send_on_behalf_of(self, distinguished_name: str) -> tuple[Mailbox, ...]:
        """The mailboxes that somebody, named as the directory does, may send on behalf of."""
        raise NotImplementedError

    async def full_access_of(
        self, person: Addressed, mailboxes: Sequence[Mailbox] | None = None, progress: Progress | None = None
    ) -> tuple[Mailbox, ...]:
        """The mailboxes of others that a person was given full access to; with `mailboxes` only those are looked at."""
        raise NotImplementedError

    async def calendars_of(
        self, person: Addressed, mailboxes: Sequence[Mailbox] | None = None, progress: Progress | None = None
    ) -> tuple[CalendarRight, ...]:
        """A person's rights on others' calendars; with `mailboxes` only those are looked at."""
        raise NotImplementedError


class Seen:
    """What the look-ups of one run found."""
