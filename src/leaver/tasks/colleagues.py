"""Colleagues as settings name them and as changes carry them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from leaver.domain.people import Colleague
from leaver.domain.plan import Json
from leaver.m365.exchange.identities import is_account
from leaver.m365.exchange.mailboxes import Recipient
from leaver.m365.tenant import Tenant
from leaver.tasks.task import Person, Setting

People = Annotated[tuple[Person, ...], Field(strict=False, min_length=1)]
"""One or more colleagues; JSON's lists are taken for tuples."""


class Users(Setting):
    """The colleagues who are given something."""

    users: People


def each(people: Mapping[str, Colleague], named: Iterable[Person]) -> Iterator[Colleague]:
    """The resolved colleagues, each once, however often and by whatever name the settings name them."""
    return iter({people[person].id: people[person] for person in named}.values())


def shown(colleague: Colleague) -> str:
    """How the reader recognises a colleague."""
    return f"{colleague.display_name} ({colleague.upn})"


def ticket(colleague: Colleague) -> dict[str, Json]:
    """What a change keeps of a colleague, so that it can be applied and undone without looking them up again."""
    return {"id": colleague.id, "upn": colleague.upn, "name": colleague.display_name}


def from_ticket(ref: Mapping[str, Json]) -> Colleague:
    """The colleague of a ticket."""
    return Colleague(id=str(ref["id"]), upn=str(ref["upn"]), display_name=str(ref["name"]))


@dataclass(frozen=True)
class Recognised:
    """Whom a list of Exchange's means."""

    people: frozenset[str] = frozenset()
    """Ids and addresses, in lower case, of those it certainly names."""
    perhaps: frozenset[str] = frozenset()
    """The same of those it may name: several have the name that it shows."""


async def recognised(tenant: Tenant, entries: Iterable[str], expected: Iterable[Colleague] = ()) -> Recognised:
    """Whom a list of Exchange's means.

    Exchange writes a person now as UPN, now as a name that need not be unique, now as a bare security id; for those the
    ids of the `expected` people are looked up.
    """
    listed = list(dict.fromkeys(entries))
    found = await asyncio.gather(*(tenant.mailboxes.recipients(entry) for entry in listed if not is_account(entry)))
    people = {word for each in found if len(each) == 1 for word in _words(each[0])}
    perhaps = {word for several in found if len(several) > 1 for one in several for word in _words(one)}
    accounts = {entry.casefold() for entry in listed if is_account(entry)}
    if accounts:
        asked = list(expected)
        ids = await asyncio.gather(*(tenant.mailboxes.security_id(person) for person in asked))
        people |= {one.id.casefold() for one, sid in zip(asked, ids, strict=True) if sid.casefold() in accounts}
        perhaps |= {one.id.casefold() for one, sid in zip(asked, ids, strict=True) if not sid}
    return Recognised(frozenset(people | {entry.casefold() for entry in listed if "@" in entry}), frozenset(perhaps))


def among(colleague: Colleague, listed: Recognised, *, accepted: bool = False) -> bool:
    """Whether a colleague is one of these people; one who may be is, if Exchange has `accepted` to add them."""
    names = {colleague.id.casefold(), colleague.upn.casefold(), colleague.mail.casefold()} - {""}
    return not names.isdisjoint(listed.people) or (accepted and not names.isdisjoint(listed.perhaps))


def _words(one: Recipient) -> frozenset[str]:
    return frozenset(word.casefold() for word in (one.id, one.upn, one.smtp) if word)
