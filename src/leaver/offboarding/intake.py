"""Checks a request, resolves tenant, users and colleagues to ids, and opens the offboardings. Nothing is changed."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.errors import LeaverError, NotFound, Refused, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.people import Colleague, Leaver
from leaver.domain.plan import info
from leaver.m365.graph.users import User
from leaver.m365.tenant import Tenant
from leaver.m365.tokens import Tokens
from leaver.offboarding import conflicts
from leaver.offboarding.settings import as_plain, parse, people_in, placeholders_in
from leaver.store.audit import Audit
from leaver.store.database import Database
from leaver.store.defaults import Defaults
from leaver.store.leases import Leases
from leaver.store.offboardings import Offboardings
from leaver.store.papers import Papers
from leaver.store.rights import RightsIndexes
from leaver.store.tenants import KnownTenant, Tenants
from leaver.store.workers import Workers
from leaver.tasks.placeholders import OF_THE_MANAGER, values
from leaver.tasks.task import Setting

LATELY = timedelta(days=1)
"""How long an accepted change that leaves no trace counts, when the account was not blocked with it."""


class House(Protocol):
    """What the desk needs of the house."""

    @property
    def config(self) -> Config:
        """What is set from outside."""

    @property
    def tokens(self) -> Tokens:
        """The tokens of all tenants."""

    @property
    def tenants(self) -> Tenants:
        """The tenants that Leaver knows."""

    @property
    def offboardings(self) -> Offboardings:
        """The offboardings that Leaver keeps."""

    @property
    def leases(self) -> Leases:
        """Who works on which of them."""

    @property
    def rights(self) -> RightsIndexes:
        """Who has which rights on the mailboxes of each tenant."""

    @property
    def workers(self) -> Workers:
        """The processes that work."""

    @property
    def database(self) -> Database:
        """Where all of it is kept."""

    @property
    def audit(self) -> Audit:
        """Who did what."""

    @property
    def defaults(self) -> Defaults:
        """What the tasks are preset to."""

    @property
    def papers(self) -> Papers:
        """Small documents, the rules of the organization among them."""

    def doorway(self, tenant_id: str) -> Tenant:
        """The way into one tenant."""


@dataclass(frozen=True)
class Opened:
    """An offboarding that was accepted, with what was resolved for it."""

    record: Offboarding
    chosen: Mapping[str, Setting]
    people: Mapping[str, Colleague]
    user: User
    accepted: frozenset[str]
    """Keys of changes that earlier runs made since the moment this one counts from."""


async def accept(
    house: House,
    tenant_text: str,
    users: Sequence[str],
    settings: Mapping[str, Any],
    *,
    decisions: Mapping[str, str] | None = None,
    decisions_of: Mapping[str, Mapping[str, str]] | None = None,
    reference: str = "",
    full_scan: bool = False,
    actor: Actor | None = None,
) -> list[Opened]:
    """One opened offboarding for each user; everything that is wrong is said at once, and nothing is opened then."""
    chosen = parse(settings)
    reasons = conflicts.refusals(chosen)
    if not users:
        reasons.append("No user is named.")
    if reasons:
        raise Unusable(" ".join(reasons), "conflicting_settings", advice="Change the settings and try again.")
    known = await house.tenants.find(tenant_text)
    doorway = house.doorway(known.id)
    wanted = placeholders_in(chosen)
    by_manager = any(str(person).lower() == "manager" for _, person in people_in(chosen)) or any(
        not each.isdisjoint(OF_THE_MANAGER) for each in wanted.values()
    )
    organization, found, _ = await asyncio.gather(
        doorway.organization.get(),
        asyncio.gather(*(_user(doorway, known, text, deletes=conflicts.DELETION in chosen) for text in users)),
        asyncio.gather(*(_ask_early(doorway, text) for text in users if by_manager)),
    )
    asked = {user.id: text.strip() for user, text in zip(found, users, strict=True) if isinstance(user, User)}
    if organization.id.lower() != known.id.lower():
        raise Unusable(
            f"{known.domain or known.id} answers as another tenant ({organization.id}).",
            "wrong_tenant",
            advice="Remove the tenant and add it again with the right id.",
        )
    leavers = {user.id: user for user in found if isinstance(user, User)}
    reasons = [reason for reason in found if isinstance(reason, str)]
    batch = {user.id: f"{user.display_name} ({user.upn})" for user in leavers.values()}
    opened = await asyncio.gather(
        *(_open(doorway, known, user, asked[user.id], chosen, batch) for user in leavers.values())
    )
    filled = await asyncio.gather(*(_placeholders(doorway, user, asked[user.id], wanted) for user in leavers.values()))
    reasons += [reason for _, reason in filled if reason]
    for user, (_, problems) in zip(leavers.values(), opened, strict=True):
        reasons += problems
        if user.id in known.protected:
            reasons.append(f"{user.display_name} ({user.upn}) is on the protected list of {known.domain}.")
    if reasons:
        raise Unusable(" ".join(dict.fromkeys(reasons)), "refused_request", advice="Nothing was changed.")
    asker = actor or Actor(operator())
    records = [
        Offboarding(
            id=secrets.token_hex(8),
            tenant=known.named,
            user=Leaver(user.id, user.upn, user.display_name),
            settings=as_plain(chosen),
            decisions={**(decisions or {}), **(decisions_of or {}).get(user.id, {})},
            reference=reference,
            asked_by=asker.name,
            asked_via=asker.via,
            asked_from=asker.address,
            askers=asker.names,
            requested_at=datetime.now(UTC),
            asked_at=doorway.now(),
            people={named: colleague.id for named, colleague in people.items()},
            placeholders=names,
            full_scan=full_scan,
        )
        for user, (people, _), (names, _) in zip(leavers.values(), opened, filled, strict=True)
    ]
    return [
        await _in_force(house, record, chosen, people, user)
        for record, user, (people, _) in zip(records, leavers.values(), opened, strict=True)
    ]


async def reopen(house: House, record: Offboarding) -> Opened:
    """What is needed to work on an offboarding that was accepted before; everybody is found by id.

    A leaver who is gone, and a colleague who is gone, is `NotFound` or unusable. Who was renamed is noted.
    """
    chosen = parse(record.settings)
    known = await house.tenants.get(record.tenant.id)
    doorway = house.doorway(known.id)
    user, colleagues = await asyncio.gather(
        _same_user(doorway, record),
        asyncio.gather(*(doorway.users.colleague(item) for item in record.people.values())),
    )
    if user.id in known.protected:
        raise Unusable(
            f"{user.display_name} ({user.upn}) is on the protected list of {known.domain} now.", "protected_user"
        )
    record.notes = [note for note in record.notes if note.code != "user_renamed"]
    if (user.upn, user.display_name) != (record.user.upn, record.user.display_name):
        was = f"{record.user.display_name} ({record.user.upn})"
        record.notes.append(info("user_renamed", f"{was} is called {user.display_name} ({user.upn}) now."))
        record.user = Leaver(user.id, user.upn, user.display_name)
    if not record.started and record.kind != "undo":
        record.asked_at = doorway.now()
    people = dict(zip(record.people, colleagues, strict=True))
    return await _in_force(house, record, chosen, people, user)


async def _same_user(doorway: Tenant, record: Offboarding) -> User:
    """The leaver by id; a sentence for a person when the account is gone."""
    try:
        return await doorway.users.get(record.user.id)
    except NotFound as error:
        deleted = await doorway.deleted_users.get(record.user.id)
        who = f"{record.user.display_name} ({record.user.upn})"
        what = "is not there any more" if deleted is None else f"was deleted on {deleted.deleted_at:%Y-%m-%d}"
        restores = record.kind == "undo" and any(task.task == conflicts.DELETION for task in record.tasks)
        if (record.started or restores) and deleted is not None:
            return User(record.user.id, record.user.display_name, record.user.upn, account_enabled=False)
        advice = "Restore the account to offboard it, or leave it as it is."
        if record.kind == "undo":
            what += ", and not by this offboarding" if deleted is not None else ""
            advice = (
                "Restore the account, then undo." if deleted is not None else "Nothing is left to put anything back to."
            )
        raise Unusable(f"{who} {what}.", "user_gone", advice=advice) from error


def batch_refusals(opened: Sequence[Opened]) -> dict[str, str]:
    """Why some of these cannot be carried out together, by offboarding id: each was accepted on its own."""
    batch = {item.user.id: f"{item.user.display_name} ({item.user.upn})" for item in opened}
    refused = {}
    for item in opened:
        reasons = conflicts.people_refusals(item.record.user, item.chosen, item.people, batch)
        if reasons:
            refused[item.record.id] = " ".join(reasons)
    return refused


async def _user(doorway: Tenant, known: KnownTenant, text: str, *, deletes: bool) -> User | str:
    wanted = text.strip()
    if not wanted:
        return "A user without a name."
    try:
        return await doorway.users.get(wanted)
    except NotFound:
        where = f"the tenant {known.name or known.domain} ({known.domain or known.id})"
        deleted = await doorway.deleted_users.find(wanted) if "@" in wanted else await doorway.deleted_users.get(wanted)
        if deleted is None:
            return f"There is no user {wanted!r} in {where}."
        done = "Nothing is left to delete. " if deletes else ""
        return (
            f"{wanted!r} was deleted from {where} on {deleted.deleted_at:%Y-%m-%d}. {done}To hand the mailbox over: "
            "restore the user, assign a license, wait about 30 minutes for the mailbox, then offboard again."
        )


async def _ask_early(doorway: Tenant, text: str) -> None:
    """Ask for the manager beside the user; the doorway remembers the answer, and an error is told when it is needed."""
    with contextlib.suppress(LeaverError):
        if text.strip():
            await doorway.users.manager(text.strip())


async def _open(
    doorway: Tenant,
    known: KnownTenant,
    user: User,
    asked: str,
    chosen: Mapping[str, Setting],
    batch: Mapping[str, str],
) -> tuple[dict[str, Colleague], list[str]]:
    wanted = list(dict.fromkeys(str(person) for _, person in people_in(chosen)))
    found = await asyncio.gather(*(_colleague(doorway, known, user, asked, person) for person in wanted))
    people = {person: item for person, item in zip(wanted, found, strict=True) if isinstance(item, Colleague)}
    reasons = [item for item in found if isinstance(item, str)]
    leaver = Leaver(user.id, user.upn, user.display_name)
    return people, reasons + conflicts.people_refusals(leaver, chosen, people, batch)


async def _placeholders(
    doorway: Tenant, user: User, asked: str, wanted: Mapping[str, frozenset[str]]
) -> tuple[dict[str, str], str]:
    """What the texts are filled in with for one user, or why they cannot be."""
    names = frozenset[str]().union(*wanted.values())
    of_manager = names.intersection(OF_THE_MANAGER)
    manager = await doorway.users.manager(asked) if of_manager else None
    if of_manager and manager is None:
        task = next(task for task, each in wanted.items() if not each.isdisjoint(of_manager))
        braced = " and ".join(f"{{{name}}}" for name in sorted(of_manager))
        who = f"{user.display_name} ({user.upn})"
        return {}, f"{task}: {who} has no manager for {braced}; write into the text whom to turn to."
    return values(names, user.first_name, user.display_name, manager), ""


async def _colleague(doorway: Tenant, known: KnownTenant, user: User, asked: str, person: str) -> Colleague | str:
    if person.lower() == "manager":
        manager = await doorway.users.manager(asked)
        return manager or f"{user.display_name} ({user.upn}) has no manager; name the colleague."
    try:
        return await doorway.users.colleague(person)
    except NotFound:
        return f"There is no colleague {person!r} in the tenant {known.domain or known.id}."
    except Refused as error:
        return f"The colleague {person!r} could not be read: {error}"


async def _in_force(
    house: House, record: Offboarding, chosen: Mapping[str, Setting], people: Mapping[str, Colleague], user: User
) -> Opened:
    """The offboarding with what earlier ones of the same user mean for it."""
    if record.kind == "undo":
        return Opened(record, chosen, people, user, frozenset())
    everything = await house.offboardings.of_user(record.tenant.id, user.id)
    undone = {past.undo_of for past in everything if past.kind == "undo" and past.started}
    before = [past for past in everything if past.kind == "offboarding" and past.id not in {record.id, *undone}]
    earlier = _still_in_force(before, user)
    if earlier and not record.started:
        record.asked_at = earlier[-1].asked_at
    lately = [past for past in before if past in earlier or past.requested_at > record.requested_at - LATELY]
    accepted = frozenset(
        change.change.key for past in lately for task in past.tasks for change in task.changes if change.made_at
    )
    return Opened(record, chosen, people, user, accepted)


def _still_in_force(before: Sequence[Offboarding], user: User) -> list[Offboarding]:
    """Earlier offboardings of this user that count, the latest first: while the account has stayed blocked since."""
    if user.account_enabled:
        return []
    counting = []
    for past in before:
        if past.started and past.blocked_sign_in:
            counting.append(past)
            if past.closed_the_door:
                break
    return counting


def operator() -> str:
    """Who sits at this machine, as far as it knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
