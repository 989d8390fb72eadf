"""Set-up: from the first sign-in to a connected tenant whose tasks work."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, require
from leaver.access.sessions import Session
from leaver.config import Config
from leaver.domain.errors import LeaverError
from leaver.offboarding.connecting import connect, connect_customers
from leaver.offboarding.health import look, summaries
from leaver.web.repairs import consent
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/setup")
async def setup(request: Request, here: Here, session: Signed, tenant: str = "") -> Response:
    """How far it has come: the app, a tenant, and whether the tasks would work there."""
    require(session.person, Right.MANAGE)
    return await _show(request, here, session, tenant)


@router.post("/setup")
async def setup_post(request: Request, here: Here, session: Signed) -> Response:
    """Connect a tenant, or all delegated customers; Microsoft is asked who they are first."""
    require(session.person, Right.MANAGE)
    form = await request.form()
    actor = session.person.actor()
    given = (str(form.get("tenant", "")), str(form.get("domain", "")))
    try:
        if form.get("do") == "customers":
            found = await connect_customers(here.house, actor)
            return RedirectResponse(f"/setup?tenant={found[0][0].id}" if len(found) == 1 else "/tenants", 303)
        known = await connect(here.house, *given, actor)
    except LeaverError as problem:
        return await _show(request, here, session, "", given, problem)
    return RedirectResponse(f"/setup?tenant={known.id}", 303)


async def _show(
    request: Request,
    here: Rooms,
    session: Session,
    tenant: str,
    given: tuple[str, str] = ("", ""),
    problem: LeaverError | None = None,
) -> Response:
    code = 400 if problem else 200
    tenants = await here.house.tenants.all()
    chosen = next((each for each in tenants if each.id == tenant), tenants[0] if len(tenants) == 1 else None)
    health: dict[str, Any] | None = None
    if chosen is not None:
        try:
            found, _ = await look(here.house, chosen.named)
            health = found.as_json()
        except LeaverError as error:
            problem = problem or error
    config = here.house.config
    return page(
        request,
        "setup.html",
        session,
        code=code,
        page="Tenants",
        app=_app(config),
        partner=config.partner_tenant,
        consent=consent(here, chosen.id if chosen else "organizations"),
        tenants=tenants,
        seen_of=await summaries(here.house.papers),
        known=chosen,
        health=health,
        given=given,
        error=str(problem) if problem else "",
        advice=problem.advice if problem else "",
    )


def _app(config: Config) -> list[tuple[bool, str, str]]:
    """What is configured of the application: whether, what, and what to do. No value of it is shown but the id."""
    proofs = {
        "a certificate": config.client_certificate,
        "a client secret": config.client_secret,
        "a federated token": config.federated_token_file,
        "a managed identity": config.managed_identity,
    }
    proof = next((name for name, value in proofs.items() if value), "")
    rows = [
        (
            bool(config.client_id),
            "App registration",
            config.client_id or "Set LEAVER_CLIENT_ID, then start Leaver again.",
        ),
        (
            bool(proof),
            "Credential",
            f"It proves itself with {proof}."
            if proof
            else "Set LEAVER_CLIENT_CERTIFICATE (or LEAVER_CLIENT_SECRET), then start Leaver again.",
        ),
    ]
    if proof == "a client secret":
        rows.append((False, "OneDrive", "SharePoint refuses secrets: the OneDrive tasks need a certificate."))
    return rows
