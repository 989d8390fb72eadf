"""How CIPP's callers ask and are answered: a query in any letter case, a tenant by any name, and plain words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from leaver.access.roles import Person, Right
from leaver.api.door import Rooms, sound
from leaver.api.plain import plain
from leaver.api.problems import in_cipp_words
from leaver.api.sight import tenant_of
from leaver.domain.errors import Unusable
from leaver.store.tenants import KnownTenant


async def _folded_query(request: Request) -> dict[str, str]:
    """The query, its names in lower case."""
    return {name.lower(): value.strip() for name, value in request.query_params.items()}


Given = Annotated[dict[str, str], Depends(_folded_query)]
BAD_NEWS = ("fail", "error", "unable", "could not", "does not exist")
"""Words by which some callers tell a failure, whatever the status is."""


async def body_of(request: Request) -> dict[str, Any]:
    """The body, its names in lower case; what is no JSON object says nothing."""
    try:
        body = sound(await request.json())
    except (ValueError, RecursionError):
        return {}
    return {str(key).lower(): value for key, value in body.items()} if isinstance(body, dict) else {}


async def tenant_named(here: Rooms, person: Person, text: str, right: Right) -> KnownTenant:
    """The tenant that the caller may see; one outside its limits looks like one that is not there."""
    if not text.strip():
        raise Unusable("tenantFilter is missing.", "tenant_missing", advice="Give a domain or the tenant's id.")
    return await tenant_of(here, person, text, right)


def refused(reasons: list[str]) -> Response:
    """Why nothing was done."""
    return plain(in_cipp_words(reasons), 400)


def plainly(*names: str) -> str:
    """The first of somebody's names that no caller takes for the news of a failure (Tom Failla)."""
    return next((name for name in names if not any(word in name.lower() for word in BAD_NEWS)), names[-1])
