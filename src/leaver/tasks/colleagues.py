"""Colleagues as settings name them and as changes carry them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import Field

from leaver.domain.people import Colleague
from leaver.domain.plan import Json
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


async def recognised(tenant: Tenant, entries: Iterable[str]) -> frozenset[str]:
    """Whom a list of Exchange's means: object ids and addresses, in lower case.

    Exchange writes a person now as UPN, now as a name that need not be unique.
    """
    listed = list(dict.fromkeys(entries))
    found = await asyncio.gather(*(tenant.mailboxes.recipient(entry) for entry in listed))
    known = {word for one in found if one for word in (one.id, one.upn, one.smtp)}
    return frozenset(word.casefold() for word in (*known, *(entry for entry in listed if "@" in entry)) if word)


def among(colleague: Colleague, people: frozenset[str]) -> bool:
    """Whether a colleague is one of these people."""
    names = {colleague.id.casefold(), colleague.upn.casefold(), colleague.mail.casefold()}
    return not people.isdisjoint(names - {""})
