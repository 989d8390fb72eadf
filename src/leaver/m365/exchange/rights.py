"""What a person may do to others' mailboxes: the questions that Exchange answers only from the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from leaver.domain.errors import NotFound, Refused, SignInRefused
from leaver.domain.rights import CALENDAR, FULL_ACCESS, Looked, words_of
from leaver.m365.exchange.calendars import Calendars, FolderRight
from leaver.m365.exchange.identities import is_account, spellings
from leaver.m365.exchange.mailboxes import RECIPIENT, WHO, Mailbox, Mailboxes, Recipient, as_mailbox
from leaver.m365.exchange.permissions import Permissions, gives_send_as
from leaver.m365.exchange.values import opath, text
from leaver.m365.graph.users import User, Users
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard

Progress = Callable[[int, int], None]
"""Told now and then: how many mailboxes were looked through, and how many there are."""
Found = TypeVar("Found")
Look = Callable[[ExchangeWire, Mailbox], Awaitable[Found | None]]

_CERTAIN = ("ExternalDirectoryObjectId", "PrimarySmtpAddress", "WindowsLiveID")
"""What tells a recipient from others of the same name."""
_RESOURCES = ("RoomMailbox", "EquipmentMailbox", "WorkspaceMailbox")
_SIDE_BY_SIDE = 120
"""Questions under way at once: enough to keep every connection of the budget busy with a full batch."""
_REMEMBERED = 500
"""Mailboxes after which a new memory of reads is started, so that a sweep does not keep every answer it got."""
_TOO_MANY_UNKNOWN = 1000
"""With more mailboxes that the index does not know, it is no help: everything is looked through."""
_REPLACED = 3
"""How often an index that was replaced while it was read is read again."""


@dataclass(frozen=True)
class CalendarRight:
    """A right of the person on somebody's calendar."""

    mailbox: Mailbox
    rights: tuple[str, ...]
    entry: FolderRight
    ambiguous: bool = False
    """The entry shows only a name, and several recipients have it: it may be somebody else's. Not to be removed."""


class KnownRights(Protocol):
    """Everybody's rights in a tenant, as they were found some time ago."""

    @property
    def as_of(self) -> datetime:
        """Rights that were given after this moment may be missing."""

    def knows(self, mailbox_id: str, guid: str) -> bool:
        """Whether this mailbox was looked at."""

    async def holding(self, kind: str, person_id: str, words: Collection[str]) -> frozenset[str] | None:
        """The ids of the mailboxes with an entry of one of these names, or of one that the person had at that time.

        None when what is known has been replaced meanwhile.
        """


class Index(Protocol):
    """Where it is kept what is known of everybody's rights in a tenant."""

    async def known(self) -> KnownRights | None:
        """What is known now; None where there is nothing, or where it is too old to go by."""


@dataclass
class _Sweep:
    """One look through the tenant; what it has done is kept, so that an interrupted one goes on where it stopped."""

    checked: set[str] = field(default_factory=set)
    candidates: dict[str, Mailbox] = field(default_factory=dict)
    unclear: dict[str, Mailbox] = field(default_factory=dict)
    """Where a right is somebody's of the same name, and perhaps the person's."""
    complete: bool = False
    looked: Looked | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Seen:
    """What the sweeps of one run found; handed down to every fresh copy of its tenant.

    With an `index` a sweep looks at the mailboxes that it names and at those that it does not know, in place of at all.
    `always` are the ids of mailboxes that are looked at in any case.
    """

    def __init__(self, index: Index | None = None, always: Collection[str] = ()) -> None:
        self.index = index
        self.always = frozenset(always)
        self.mailboxes: tuple[Mailbox, ...] | None = None
        self.listing = asyncio.Lock()
        self._sweeps: dict[tuple[str, str], _Sweep] = {}

    def sweep(self, kind: str, person_id: str) -> _Sweep:
        """The sweep of this kind for this person, begun or not."""
        return self._sweeps.setdefault((kind, person_id), _Sweep())

    async def known(self) -> KnownRights | None:
        """What is known of everybody's rights, if it is to be gone by."""
        return None if self.index is None else await self.index.known()


@dataclass(frozen=True)
class _Names:
    """How Exchange may write a person."""

    certain: frozenset[str]
    """Ids, UPN, place in the directory and every address, case folded: nobody else has them."""
    display: frozenset[str]
    """Names, case folded: somebody else may have them too."""

    def hold(self, entry: str) -> bool:
        """Whether an entry can only mean this person."""
        return entry.casefold() in self.certain

    def may_hold(self, entry: str) -> str:
        """The name in an entry that may be this person's; empty if none is."""
        return next((name for name in spellings(entry) if name.casefold() in self.display), "")


class Rights:
    """Reverse look-ups. The first one in a run looks through the tenant, later ones only at what it found.

    Where an index of rights may be gone by, the first one looks at the mailboxes that it names and at those that came
    since. Every right is read from Exchange before it counts; `looked` says how far the look went.
    """

    def __init__(self, wire: ExchangeWire, users: Users, seen: Seen) -> None:
        self._wire = wire
        self._users = users
        self._seen = seen
        self._mailboxes = Mailboxes(wire, Guard())

    def expect(self, kind: str, person: Addressed, mailbox_id: str) -> None:
        """A right was just given: the mailbox is looked at from now on, although the sweep is over.

        `kind` is `full access` or `calendar`.
        """
        mailbox = next((each for each in self._seen.mailboxes or () if each.id == mailbox_id), None)
        if mailbox is not None:
            self._seen.sweep(kind, person.id).candidates[mailbox.id] = mailbox

    def looked(self, kind: str, person: Addressed) -> Looked | None:
        """How far the look of this kind for this person went; None before it is over."""
        return self._seen.sweep(kind, person.id).looked

    async def send_as_of(self, person: Addressed) -> tuple[Recipient, ...]:
        """The recipients that a person may send as."""
        try:
            rows = await self._wire.read("Get-RecipientPermission", Trustee=person.id, ResultSize="Unlimited")
        except NotFound:
            return ()
        names = dict.fromkeys(text(row, "Identity") for row in rows if gives_send_as(row) and text(row, "Identity"))
        found = await asyncio.gather(*(self._sent_as(name, person) for name in names))
        each_once = {recipient.id.casefold(): recipient for several in found for recipient in several}
        return tuple(recipient for key, recipient in each_once.items() if key != person.id.casefold())

    async def send_on_behalf_of(self, distinguished_name: str) -> tuple[Mailbox, ...]:
        """The mailboxes that somebody, named as the directory does, may send on behalf of."""
        if not distinguished_name.strip():
            return ()
        rows = await self._wire.read(
            "Get-Mailbox",
            select=WHO,
            Filter=f"GrantSendOnBehalfTo -eq {opath(distinguished_name)}",
            ResultSize="Unlimited",
        )
        return tuple(as_mailbox(row) for row in rows)

    async def full_access_of(
        self, person: Addressed, mailboxes: Sequence[Mailbox] | None = None, progress: Progress | None = None
    ) -> tuple[Mailbox, ...]:
        """The mailboxes of others that a person was given full access to; with `mailboxes` only those are looked at.

        An entry that shows only a name counts where nobody else has the name, or where Exchange says that it is the
        person's; `unclear` names the mailboxes where it does not say.
        """
        names = await self._names_beside_the_list(person, FULL_ACCESS, mailboxes)
        unclear = self._seen.sweep(FULL_ACCESS, person.id).unclear

        async def look(wire: ExchangeWire, mailbox: Mailbox) -> Mailbox | None:
            unclear.pop(mailbox.id, None)
            permissions = Permissions(wire, Guard())
            for access in await permissions.full_access(mailbox):
                if names.hold(access.user) or await self._means(access.user, person, names):
                    return mailbox
                if names.may_hold(access.user):
                    theirs = await permissions.is_theirs(mailbox, person, access.user)
                    if theirs:
                        return mailbox
                    if theirs is None:
                        unclear[mailbox.id] = mailbox
            return None

        return await self._found(FULL_ACCESS, person, names, look, mailboxes, progress)

    def unclear(self, person: Addressed) -> tuple[Mailbox, ...]:
        """Mailboxes that somebody of the person's name has full access to, and nobody can say whether it is they."""
        return tuple(self._seen.sweep(FULL_ACCESS, person.id).unclear.values())

    async def calendars_of(
        self, person: Addressed, mailboxes: Sequence[Mailbox] | None = None, progress: Progress | None = None
    ) -> tuple[CalendarRight, ...]:
        """A person's rights on others' calendars; with `mailboxes` only those are looked at."""
        names = await self._names_beside_the_list(person, CALENDAR, mailboxes)

        async def look(wire: ExchangeWire, mailbox: Mailbox) -> CalendarRight | None:
            uncertain = None
            calendars = Calendars(wire, Guard())
            for entry in await calendars.permissions(mailbox):
                if any(names.hold(word) for word in (*entry.ids, entry.address, entry.user) if word):
                    return CalendarRight(mailbox, entry.rights, entry)
                name = "" if entry.ids or entry.address else names.may_hold(entry.user)
                if name:
                    theirs = await self._unique(name, names) or await calendars.is_theirs(mailbox, person, entry)
                    if theirs is not False:
                        uncertain = CalendarRight(mailbox, entry.rights, entry, ambiguous=theirs is None)
            return uncertain

        return await self._found(CALENDAR, person, names, look, mailboxes, progress)

    async def bookings_of(self, person: Addressed) -> tuple[Mailbox, ...] | None:
        """The rooms and equipment that ask a person to approve bookings; None where that may not be read."""
        everyone = await self._everyone()
        names = await self._names(person)

        async def look(wire: ExchangeWire, mailbox: Mailbox) -> Mailbox | None:
            for entry in await Calendars(wire, Guard()).delegates(mailbox):
                if names.hold(entry) or await self._means(entry, person, names):
                    return mailbox
            return None

        try:
            return await self._look_at([each for each in everyone if each.kind in _RESOURCES], look)
        except SignInRefused:
            raise
        except Refused:
            return None

    async def _found(
        self,
        kind: str,
        person: Addressed,
        names: _Names,
        look: Look[Found],
        mailboxes: Sequence[Mailbox] | None,
        progress: Progress | None,
    ) -> tuple[Found, ...]:
        if mailboxes is not None:
            return await self._look_at(mailboxes, look)
        sweep = self._seen.sweep(kind, person.id)
        async with sweep.turn:
            known = list(sweep.candidates.values())
            found: tuple[Found, ...] = ()
            if not sweep.complete:
                where, how_far = await self._where_to_look(kind, person, names)
                found = await self._look_through(sweep, where, look, progress)
                sweep.complete, sweep.looked = True, how_far
        return *await self._look_at(known, look), *found

    async def _where_to_look(self, kind: str, person: Addressed, names: _Names) -> tuple[list[Mailbox], Looked]:
        """All mailboxes of others; where an index may be gone by, those that it names and those it does not know."""
        others = [each for each in await self._everyone() if each.id.casefold() != person.id.casefold()]
        known, holding = await self._in_the_index(kind, person, names)
        unknown = {each.id for each in others if known is not None and not known.knows(each.id, each.guid)}
        if known is None or len(unknown) > _TOO_MANY_UNKNOWN:
            return others, Looked(len(others), len(others))
        wanted = holding | unknown | self._seen.always
        where = [each for each in others if each.id in wanted]
        named = sum(each.id in holding and each.id not in unknown for each in where)
        return where, Looked(len(others), len(where), known.as_of, named, len(unknown))

    async def _in_the_index(
        self, kind: str, person: Addressed, names: _Names
    ) -> tuple[KnownRights | None, frozenset[str]]:
        for _ in range(_REPLACED):
            known = await self._seen.known()
            if known is None:
                break
            # The index cannot ask whose a bare security id is.
            sid = await self._mailboxes.security_id(person)
            words = words_of({*names.certain, *names.display, sid})
            holding = await known.holding(kind, person.id, words)
            if holding is not None:
                return known, holding
        return None, frozenset()

    async def _look_at(self, mailboxes: Sequence[Mailbox], look: Look[Found]) -> tuple[Found, ...]:
        found: list[Found] = []

        async def one(wire: ExchangeWire, mailbox: Mailbox) -> None:
            with suppress(NotFound):
                hit = await look(wire, mailbox)
                if hit is not None:
                    found.append(hit)

        await _side_by_side(mailboxes, one, lambda: self._wire)
        return tuple(found)

    async def _look_through(
        self, sweep: _Sweep, where: Sequence[Mailbox], look: Look[Found], progress: Progress | None
    ) -> tuple[Found, ...]:
        left = [mailbox for mailbox in where if mailbox.id not in sweep.checked]
        found: list[Found] = []

        async def one(wire: ExchangeWire, mailbox: Mailbox) -> None:
            # A mailbox that went away since the list was made has nothing to find.
            with suppress(NotFound):
                hit = await look(wire, mailbox)
                if hit is not None:
                    found.append(hit)
                    sweep.candidates[mailbox.id] = mailbox
            sweep.checked.add(mailbox.id)
            if progress and len(sweep.checked) % 100 == 0:
                progress(len(sweep.checked), len(where))

        await _side_by_side(left, one, self._wire.fresh)
        sweep.checked.clear()
        if progress:
            progress(len(where), len(where))
        return tuple(found)

    async def _everyone(self) -> tuple[Mailbox, ...]:
        async with self._seen.listing:
            if self._seen.mailboxes is None:
                self._seen.mailboxes = await self._mailboxes.all()
            return self._seen.mailboxes

    async def _names_beside_the_list(self, person: Addressed, kind: str, mailboxes: Sequence[Mailbox] | None) -> _Names:
        """The names, while the list of mailboxes is read that a first look through the tenant will need."""
        if mailboxes is not None or self._seen.sweep(kind, person.id).complete:
            return await self._names(person)
        names, _ = await asyncio.gather(self._names(person), self._everyone())
        return names

    async def _names(self, person: Addressed) -> _Names:
        certain, display = {person.id, person.upn}, set[str]()
        user, known = await asyncio.gather(
            self._users.get(person.id), self._mailboxes.recipients(person.id), return_exceptions=True
        )
        for failed in (user, known):
            if isinstance(failed, BaseException) and not isinstance(failed, NotFound):
                raise failed
        if isinstance(user, User):
            certain |= {user.upn, user.mail}
            certain |= {address.partition(":")[2] for address in user.proxy_addresses}
            display.add(user.display_name)
        if isinstance(known, tuple) and len(known) == 1:
            certain |= {known[0].guid, known[0].distinguished_name, known[0].smtp, known[0].upn}
            display |= {known[0].name, known[0].display_name}
        own = next((each for each in self._seen.mailboxes or () if each.id.casefold() == person.id.casefold()), None)
        if own is not None:
            certain |= {own.guid, own.distinguished_name}
            display |= {own.display_name, *spellings(own.distinguished_name)[1:]}
        return _Names(
            frozenset(word.casefold() for word in certain if word),
            frozenset(word.casefold() for word in display if word),
        )

    async def _means(self, entry: str, person: Addressed, names: _Names) -> bool:
        """Whether an entry that is no sure name of the person means that person and nobody else."""
        if is_account(entry):
            return entry.casefold() == (await self._mailboxes.security_id(person)).casefold()
        name = names.may_hold(entry)
        return bool(name) and await self._unique(name, names)

    async def _unique(self, name: str, names: _Names) -> bool:
        rows = await self._wire.read(
            "Get-Recipient", select=RECIPIENT, Filter=f"DisplayName -eq {opath(name)}", ResultSize="Unlimited"
        )
        also = [] if rows else await self._mailboxes.recipients(name)
        shown = ({text(row, key).casefold() for key in _CERTAIN} for row in rows)
        others = ({each.id.casefold(), each.smtp.casefold(), each.upn.casefold()} for each in also)
        return all(words & names.certain for words in (*shown, *others))

    async def _sent_as(self, identity: str, person: Addressed) -> tuple[Recipient, ...]:
        """The recipients that a row about the person's Send As means."""
        found = await self._mailboxes.recipients(identity)
        if len(found) == 1:
            return found
        if not found:
            # A name that leads nowhere is kept as it is: Exchange gave it, and takes it back.
            return (Recipient(identity, identity, "", ""),)
        held = await asyncio.gather(*(self._gives_send_as(each, person) for each in found))
        return tuple(each for each, right in zip(found, held, strict=True) if right)

    async def _gives_send_as(self, recipient: Recipient, person: Addressed) -> bool:
        try:
            rows = await self._wire.read("Get-RecipientPermission", Identity=recipient.id, Trustee=person.id)
        except NotFound:
            return False
        return any(gives_send_as(row) for row in rows)


async def _side_by_side(
    mailboxes: Sequence[Mailbox],
    one: Callable[[ExchangeWire, Mailbox], Awaitable[None]],
    new_wire: Callable[[], ExchangeWire],
) -> None:
    """Ask about each mailbox, many at a time, without ever holding more than that many questions."""
    todo = iter(enumerate(mailboxes))
    current = new_wire()

    async def work() -> None:
        nonlocal current
        for number, mailbox in todo:
            if number and number % _REMEMBERED == 0:
                current = new_wire()
            await one(current, mailbox)

    workers = [asyncio.create_task(work()) for _ in range(min(_SIDE_BY_SIDE, len(mailboxes)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
