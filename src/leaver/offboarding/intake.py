"""Checks a request, resolves tenant, users and colleagues to ids, and opens the offboardings. Nothing is changed."""

from __future__ import annotations

import asyncio
import getpass
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from leaver.domain.errors import NotFound, Refused, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.people import Colleague, Leaver
from leaver.m365.graph.users import User
from leaver.m365.tenant import Tenant
from leaver.offboarding import conflicts
from leaver.offboarding.settings import as_plain, parse, people_in
from leaver.store.offboardings import Offboardings
from leaver.store.tenants import KnownTenant, Tenants
from leaver.tasks.task import Setting

LATELY = timedelta(days=1)
"""How long an accepted change that leaves no trace counts, when the account was not blocked with it."""


class House(Protocol):
    """What the desk needs of the house."""

    @property
    def tenants(self) -> Tenants:
        """The tenants that Leaver knows."""

    @property
    def offboardings(self) -> Offboardings:
        """The offboardings that Leaver keeps."""

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
    reference: str = "",
) -> list[Opened]:
    """One opened offboarding for each user; everything that is wrong is said at once, and nothing is opened then."""
    chosen = parse(settings)
    reasons = conflicts.refusals(chosen)
    if not users:
        reasons.append("No user is named.")
    if reasons:
        raise Unusable(" ".join(reasons), "conflicting_settings", advice="Change the settings and try again.")
    known = house.tenants.find(tenant_text)
    doorway = house.doorway(known.id)
    organization, found = await asyncio.gather(
        doorway.organization.get(), asyncio.gather(*(_user(doorway, known, text) for text in users))
    )
    if organization.id.lower() != known.id.lower():
        raise Unusable(
            f"{known.domain or known.id} answers as another tenant ({organization.id}).",
            "wrong_tenant",
            advice="Remove the tenant and add it again with the right id.",
        )
    leavers = {user.id: user for user in found if isinstance(user, User)}
    reasons = [reason for reason in found if isinstance(reason, str)]
    batch = {user.id: f"{user.display_name} ({user.upn})" for user in leavers.values()}
    opened = await asyncio.gather(*(_open(doorway, known, user, chosen, batch) for user in leavers.values()))
    for user, (_, problems) in zip(leavers.values(), opened, strict=True):
        reasons += problems
        if user.id in known.protected:
            reasons.append(f"{user.display_name} ({user.upn}) is on the protected list of {known.domain}.")
    if reasons:
        raise Unusable(" ".join(dict.fromkeys(reasons)), "refused_request", advice="Nothing was changed.")
    return [
        _record(house, doorway, known, user, chosen, people, dict(decisions or {}), reference)
        for user, (people, _) in zip(leavers.values(), opened, strict=True)
    ]


def batch_refusals(opened: Sequence[Opened]) -> dict[str, str]:
    """Why some of these cannot be carried out together, by offboarding id: each was accepted on its own."""
    batch = {item.user.id: f"{item.user.display_name} ({item.user.upn})" for item in opened}
    refused = {}
    for item in opened:
        reasons = conflicts.people_refusals(item.record.user, item.chosen, item.people, batch)
        if reasons:
            refused[item.record.id] = " ".join(reasons)
    return refused


async def _user(doorway: Tenant, known: KnownTenant, text: str) -> User | str:
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
        return (
            f"{wanted!r} was deleted from {where} on {deleted.deleted_at:%Y-%m-%d}. To hand the mailbox over: restore "
            "the user, assign a license, wait about 30 minutes for the mailbox, then offboard again."
        )


async def _open(
    doorway: Tenant, known: KnownTenant, user: User, chosen: Mapping[str, Setting], batch: Mapping[str, str]
) -> tuple[dict[str, Colleague], list[str]]:
    wanted = list(dict.fromkeys(str(person) for _, person in people_in(chosen)))
    found = await asyncio.gather(*(_colleague(doorway, known, user, person) for person in wanted))
    people = {person: item for person, item in zip(wanted, found, strict=True) if isinstance(item, Colleague)}
    reasons = [item for item in found if isinstance(item, str)]
    leaver = Leaver(user.id, user.upn, user.display_name)
    return people, reasons + conflicts.people_refusals(leaver, chosen, people, batch)


async def _colleague(doorway: Tenant, known: KnownTenant, user: User, person: str) -> Colleague | str:
    if person.lower() == "manager":
        manager = await doorway.users.manager(user.id)
        return manager or f"{user.display_name} ({user.upn}) has no manager; name the colleague."
    try:
        return await doorway.users.colleague(person)
    except NotFound:
        return f"There is no colleague {person!r} in the tenant {known.domain or known.id}."
    except Refused as error:
        return f"The colleague {person!r} could not be read: {error}"


def _record(
    house: House,
    doorway: Tenant,
    known: KnownTenant,
    user: User,
    chosen: Mapping[str, Setting],
    people: Mapping[str, Colleague],
    decisions: dict[str, str],
    reference: str,
) -> Opened:
    asked_at = doorway.now()
    earlier = _still_in_force(house, known, user)
    record = Offboarding(
        id=secrets.token_hex(8),
        tenant=known.named,
        user=Leaver(user.id, user.upn, user.display_name),
        settings=as_plain(chosen),
        decisions=decisions,
        reference=reference,
        asked_by=_operator(),
        requested_at=datetime.now(UTC),
        asked_at=earlier[-1].asked_at if earlier else asked_at,
    )
    lately = [
        past
        for past in house.offboardings.of_user(known.id, user.id)
        if past in earlier or past.requested_at > record.requested_at - LATELY
    ]
    accepted = frozenset(
        change.change.key for past in lately for task in past.tasks for change in task.changes if change.made_at
    )
    return Opened(record, chosen, people, user, accepted)


def _still_in_force(house: House, known: KnownTenant, user: User) -> list[Offboarding]:
    """Earlier offboardings of this user that count, the latest first: while the account has stayed blocked since."""
    if user.account_enabled:
        return []
    counting = []
    for past in house.offboardings.of_user(known.id, user.id):
        if past.started and past.blocked_sign_in:
            counting.append(past)
            if past.closed_the_door:
                break
    return counting


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
