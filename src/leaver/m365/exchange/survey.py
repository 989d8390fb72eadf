"""Everybody's rights on every mailbox: one look that serves whoever leaves later, in time that nobody else needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from leaver.domain.errors import LeaverError, NotFound
from leaver.domain.rights import CALENDAR, FULL_ACCESS, Held, MailboxRights, words_of
from leaver.m365.exchange.calendars import Calendars
from leaver.m365.exchange.identities import spellings
from leaver.m365.exchange.mailboxes import Mailbox, Mailboxes
from leaver.m365.exchange.permissions import Permissions
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Guard


class Survey:
    """Reads mailbox after mailbox, and gives way to every other call in the tenant."""

    def __init__(self, wire: ExchangeWire) -> None:
        self._wire = wire

    async def mailboxes(self) -> tuple[Mailbox, ...]:
        """Every mailbox of the tenant, with its names only."""
        return await Mailboxes(self._wire.in_spare_time(), Guard()).all()

    async def rights_on(self, mailboxes: Sequence[Mailbox]) -> list[MailboxRights | LeaverError]:
        """Everybody's rights on each of these mailboxes, or why they could not be read, in the same order."""
        wire = self._wire.in_spare_time()
        return list(await asyncio.gather(*(_looked_at(wire, mailbox) for mailbox in mailboxes)))


async def _looked_at(wire: ExchangeWire, mailbox: Mailbox) -> MailboxRights | LeaverError:
    try:
        full_access, calendar = await asyncio.gather(_full_access(wire, mailbox), _calendar(wire, mailbox))
    except LeaverError as error:
        return error
    known = (mailbox.id, mailbox.guid, mailbox.upn, mailbox.primary_smtp, mailbox.display_name)
    names = words_of((*known, *spellings(mailbox.distinguished_name)))
    return MailboxRights(mailbox.id, mailbox.guid, names, (*full_access, *calendar))


async def _full_access(wire: ExchangeWire, mailbox: Mailbox) -> tuple[Held, ...]:
    # A mailbox that went away since the list was made has nothing to find.
    with suppress(NotFound):
        found = await Permissions(wire, Guard()).full_access(mailbox)
        return tuple(Held(FULL_ACCESS, words_of(spellings(access.user))) for access in found)
    return ()


async def _calendar(wire: ExchangeWire, mailbox: Mailbox) -> tuple[Held, ...]:
    with suppress(NotFound):
        found = await Calendars(wire, Guard()).permissions(mailbox)
        return tuple(
            Held(CALENDAR, words_of((*entry.ids, entry.address, *spellings(entry.user))), entry.rights)
            for entry in found
        )
    return ()
