"""API tokens: made, listed and made worthless."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from leaver.access.roles import Right, Role, require
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.v1.bodies import Body, example
from leaver.api.v1.shapes import Page, TokenMade, TokenShown

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)


class TokenRequest(Body):
    """A new API token."""

    model_config = example(
        name="Ticket system", role="operator", tenants=["contoso.com"], expires_at="2030-01-31T00:00:00Z"
    )
    name: str = Field(min_length=1, max_length=200)
    role: Role
    tenants: list[str] = Field(default=[], description="Ids or domains; all tenants if empty.")
    expires_at: AwareDatetime | None = None


@router.get("/tokens", summary="API tokens, without their secrets", **answers(Page[TokenShown]))
async def tokens(here: Here, person: Caller) -> Response:
    """Those that are valid."""
    require(person, Right.MANAGE)
    return plain({"items": [asdict(token) for token in await here.tokens.all()], "next": ""})


@router.post("/tokens", summary="A new API token; its secret is shown once", **answers(TokenMade, 201))
async def create_token(here: Here, person: Caller, body: TokenRequest) -> dict[str, Any]:
    """Limited to a role, to tenants and in time."""
    require(person, Right.MANAGE)
    ids = [(await here.house.tenants.find(text)).id for text in body.tenants]
    token, secret = await here.tokens.create(
        body.name, body.role, person.actor(), tenants=ids, expires_at=body.expires_at
    )
    return {**asdict(token), "token": secret}


@router.delete("/tokens/{token_id}", status_code=204, summary="Make a token worthless")
async def revoke_token(here: Here, person: Caller, token_id: str) -> Response:
    """At once."""
    require(person, Right.MANAGE)
    await here.tokens.revoke(token_id, person.actor())
    return Response(status_code=204)
