"""`leaver account`: the local accounts, for who has lost a password or a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import in_store
from leaver.cli.options import json_option

if TYPE_CHECKING:
    from leaver.wiring import Store


@click.group(short_help="Help who lost a password or a phone.")
def account() -> None:
    """See local accounts, and help who has lost a password or a phone."""


@account.command("list")
@json_option
def list_accounts(wants_json: bool) -> int:
    """List the local accounts."""

    async def work(store: Store) -> list[dict[str, Any]]:
        from dataclasses import asdict

        from leaver.access.people import People

        return [asdict(each) for each in await People(store.papers, store.audit).all()]

    found = in_store(work)
    if wants_json:
        print_json({"accounts": found})
    elif not found:
        click.echo("There are no accounts; `leaver serve` makes the first one.")
    for each in [] if wants_json else found:
        code = f"one-time code, {each['recovery_left']} recovery codes left" if each["has_code"] else "no one-time code"
        locked = f", locked until {each['locked_until']}" if each["locked_until"] else ""
        click.echo(f"{each['name']}  {each['role']}  {code}{locked}")
    return Ending.FINE


@account.command("reset-password")
@click.argument("name", metavar="NAME")
@json_option
def reset_password(name: str, wants_json: bool) -> int:
    """Unlock an account and give it a password, shown once, that must be changed. Ends its sessions."""

    async def work(store: Store) -> str:
        from leaver.access.accounts import Accounts
        from leaver.access.sessions import Sessions
        from leaver.domain.actor import Actor
        from leaver.offboarding.intake import operator

        password = await Accounts(store.papers, store.audit).reset(name, Actor(operator()))
        await Sessions(store.papers).close_all(name)
        return password

    password = in_store(work)
    if wants_json:
        print_json({"name": name, "password": password})
    else:
        click.echo(f"The password of {name}, to be changed at once. It is not shown again:")
        click.echo(password)
    return Ending.FINE


@account.command("reset-code")
@click.argument("name", metavar="NAME")
def reset_code(name: str) -> int:
    """Turn the one-time code of an account off, when phone and recovery codes are lost. Ends its sessions."""

    async def work(store: Store) -> None:
        from leaver.access.codes import Codes
        from leaver.access.sessions import Sessions
        from leaver.domain.actor import Actor
        from leaver.offboarding.intake import operator

        await Codes(store.papers, store.vault, store.audit).remove(name, Actor(operator()))
        await Sessions(store.papers).close_all(name)

    in_store(work)
    click.echo(f"{name} signs in without a code. It should set up another one.")
    return Ending.FINE


@account.command("sign-out")
@click.argument("name", metavar="NAME")
@json_option
def sign_out(name: str, wants_json: bool) -> int:
    """End every session of a person in the portal, also of one who came with an identity provider's word."""

    async def work(store: Store) -> int:
        from leaver.access.sessions import Sessions
        from leaver.domain.actor import Actor
        from leaver.offboarding.intake import operator

        ended = await Sessions(store.papers).close_of(name)
        await store.audit.add(Actor(operator()), "sessions.ended", after={"name": name, "sessions": ended})
        return ended

    ended = in_store(work)
    if wants_json:
        print_json({"name": name, "sessions": ended})
    else:
        click.echo(f"Ended {ended} {'session' if ended == 1 else 'sessions'} of {name}.")
    return Ending.FINE
