"""`leaver serve` and `leaver token`: the server, and the tokens that let programs in."""

from __future__ import annotations

import gc
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import in_store
from leaver.cli.options import json_option
from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from leaver.wiring import Store

_SPAN = re.compile(r"(\d{1,5})\s*(h|d|w|m|y)")
_HOURS = {"h": 1, "d": 24, "w": 168, "m": 720, "y": 8760}
ROLES = ("viewer", "operator", "administrator", "auditor")
GRACE = 30
COLLECT_AFTER = 10_000
"""New objects between two looks for circles; an answer of fifty offboardings makes some thousands."""


@click.command(short_help="Serve the portal and the API, and work on what is accepted.")
@click.option("--no-worker", is_flag=True, help="Only serve; `leaver worker` processes do the work.")
def serve(no_worker: bool) -> int:
    """Serve portal and API at LEAVER_HOST:LEAVER_PORT, and work on what is accepted, until stopped."""
    from importlib import import_module

    import uvicorn

    from leaver import traces
    from leaver.config import Config

    config = Config.from_environment()
    traces.start_log(config.log_format)
    traces.start_traces("serve")

    def welcome(password: str) -> None:
        click.echo(f"First sign-in: user name admin, password {password} (to be changed at once).", err=True)

    in_store(lambda store: store.database.ping())  # one that does not fit is a sentence, and no failed start
    program = import_module("leaver.app").create(config, works=not no_worker, on_first_start=welcome)
    gc.collect()
    gc.freeze()  # what was imported stays; looking through it again and again costs every answer a pause
    gc.set_threshold(COLLECT_AFTER)
    click.echo(f"Leaver listens at http://{config.host}:{config.port}. Stop with Ctrl-C.", err=True)
    uvicorn.run(
        program,
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    return Ending.FINE


@click.group()
def token() -> None:
    """Make, list and revoke API tokens."""


@token.command()
@click.option("--name", required=True, help="Who or what uses it.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--tenant", "tenants", multiple=True, metavar="TENANT", help="Only this tenant; may be repeated.")
@click.option("--expires", metavar="SPAN", default="", help="E.g. 30d, 12h or 1y; never if left out.")
@json_option
def create(name: str, role: str, tenants: tuple[str, ...], expires: str, wants_json: bool) -> int:
    """Make a token. Its secret is shown once and not kept."""
    expires_at = _expiry(expires)

    async def work(store: Store) -> dict[str, Any]:
        from leaver.access.roles import Role
        from leaver.access.tokens import Tokens
        from leaver.domain.actor import Actor
        from leaver.offboarding.intake import operator

        ids = [(await store.tenants.find(text)).id for text in tenants]
        made, secret = await Tokens(store.papers, store.audit).create(
            name, Role(role), Actor(operator()), tenants=ids, expires_at=expires_at
        )
        return {
            "id": made.id,
            "name": made.name,
            "token": secret,
            "role": made.role.value,
            "tenants": list(made.tenants),
            "expires_at": made.expires_at or None,
        }

    made = in_store(work)
    if wants_json:
        print_json(made)
    else:
        click.echo(f"Token {made['id']} for {made['name']}, role {made['role']}. It is not shown again:")
        click.echo(made["token"])
    return Ending.FINE


@token.command("list")
@json_option
def list_tokens(wants_json: bool) -> int:
    """List the tokens that are valid."""

    async def work(store: Store) -> list[dict[str, Any]]:
        from dataclasses import asdict

        from leaver.access.tokens import Tokens

        return [asdict(found) for found in await Tokens(store.papers, store.audit).all()]

    found = in_store(work)
    if wants_json:
        print_json({"tokens": found})
    elif not found:
        click.echo("There are no tokens.")
    else:
        for each in found:
            until = each["expires_at"] or "never expires"
            click.echo(f"{each['id']}  {each['name']}  {each['role']}  {until}")
    return Ending.FINE


@token.command()
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> int:
    """Make a token worthless, at once."""

    async def work(store: Store) -> None:
        from leaver.access.tokens import Tokens
        from leaver.domain.actor import Actor
        from leaver.offboarding.intake import operator

        await Tokens(store.papers, store.audit).revoke(token_id, Actor(operator()))

    in_store(work)
    click.echo(f"Revoked {token_id}.")
    return Ending.FINE


def _expiry(text: str) -> datetime | None:
    if not text.strip():
        return None
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        raise Unusable(f"{text!r} is no span of time.", "malformed_span", advice="Write it like 30d, 12h or 1y.")
    return datetime.now(UTC) + timedelta(hours=int(found[1]) * _HOURS[found[2]])
