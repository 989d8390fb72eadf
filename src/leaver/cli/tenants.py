"""`leaver tenant`: the tenants that Leaver knows, and whom it must never offboard there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house, in_store
from leaver.cli.options import json_option, tenant_argument

if TYPE_CHECKING:
    from leaver.store.tenants import KnownTenant
    from leaver.wiring import House, Store


@click.group()
def tenant() -> None:
    """Add, list, check and forget tenants."""


@tenant.command()
@click.argument("tenant_id")
@click.option("--domain", default="", help="The domain to show; it must be one of the tenant's.")
@click.option("--unseen", is_flag=True, help="Add it without asking Microsoft, e.g. before it has consented.")
@json_option
def add(tenant_id: str, domain: str, unseen: bool, wants_json: bool) -> int:
    """Add a tenant, after asking Microsoft for its name and domains."""

    async def work(house: House) -> int:
        from leaver.domain.actor import Actor
        from leaver.offboarding.connecting import connect
        from leaver.offboarding.intake import operator

        known = await connect(house, tenant_id, domain, Actor(operator()), unseen=unseen)
        if wants_json:
            print_json(_as_json(known))
        else:
            click.echo(f"Added {known.name or known.domain or known.id} ({known.domain or known.id}).")
        return Ending.FINE

    return in_house(work)


@tenant.command("list")
@json_option
def list_(wants_json: bool) -> int:
    """List the known tenants."""
    known = in_store(lambda store: store.tenants.all())
    if wants_json:
        print_json({"tenants": [_as_json(item) for item in known]})
    elif not known:
        click.echo("No tenants yet. Connect one: leaver tenant add TENANT_ID --domain DOMAIN")
    else:
        _show(known)
    return Ending.FINE


@tenant.command()
@json_option
def sync(wants_json: bool) -> int:
    """Add all delegated customers of the partner tenant (LEAVER_PARTNER_TENANT)."""

    async def work(house: House) -> int:
        from leaver.domain.actor import Actor
        from leaver.offboarding.connecting import connect_customers
        from leaver.offboarding.intake import operator

        found = await connect_customers(house, Actor(operator()))
        closed = [{"tenant": _as_json(known), "reason": reason} for known, reason in found if reason]
        if wants_json:
            print_json({"tenants": [_as_json(known) for known, _ in found], "not_reachable": closed})
            return Ending.FINE
        click.echo(f"{len(found)} customers, {len(found) - len(closed)} of them let Leaver in.")
        for known, reason in found:
            if reason:
                click.echo(f"  {known.name or known.domain or known.id}: {reason}")
        return Ending.FINE

    return in_house(work)


@tenant.command()
@tenant_argument
@json_option
def remove(tenant: str, wants_json: bool) -> int:
    """Forget a tenant. Nothing is changed in it, and its evidence stays."""

    async def work(store: Store) -> KnownTenant:
        from leaver.domain.actor import Actor
        from leaver.offboarding.connecting import forget
        from leaver.offboarding.intake import operator

        return await forget(store, tenant, Actor(operator()))

    known = in_store(work)
    if wants_json:
        print_json({"removed": _as_json(known)})
    else:
        click.echo(f"Forgot {known.name or known.domain or known.id}. Nothing was changed in the tenant.")
    return Ending.FINE


@tenant.command()
@tenant_argument
@click.argument("user")
@json_option
def protect(tenant: str, user: str, wants_json: bool) -> int:
    """Put a user on the tenant's protected list: Leaver refuses to offboard them."""

    async def work(house: House) -> int:
        from leaver.domain.actor import Actor
        from leaver.offboarding import protection
        from leaver.offboarding.intake import operator

        known, found = await protection.protect(house, tenant, user, Actor(operator()))
        if wants_json:
            print_json(_as_json(known))
        else:
            click.echo(f"Protected {found.display_name} ({found.upn}).")
        return Ending.FINE

    return in_house(work)


@tenant.command()
@tenant_argument
@click.argument("user")
@json_option
def unprotect(tenant: str, user: str, wants_json: bool) -> int:
    """Take a user off the protected list."""

    async def work(store: Store) -> KnownTenant:
        from leaver.domain.actor import Actor
        from leaver.offboarding import protection
        from leaver.offboarding.intake import operator

        return await protection.unprotect(store.tenants, store.audit, tenant, user, Actor(operator()))

    known = in_store(work)
    if wants_json:
        print_json(_as_json(known))
    else:
        click.echo(f"No longer protected: {user.strip()}.")
    return Ending.FINE


def _as_json(known: KnownTenant) -> dict[str, Any]:
    protected = [{"id": item, "upn": upn} for item, upn in known.protected.items()]
    return {
        "id": known.id,
        "domain": known.domain,
        "name": known.name,
        "domains": known.domains,
        "protected": protected,
    }


def _show(known: list[KnownTenant]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("Name", "Domain", "Id", "Protected"):
        table.add_column(name, no_wrap=name == "Id", overflow="fold")
    for item in known:
        table.add_row(item.name, item.domain, item.id, ", ".join(item.protected.values()))
    console().print(table)
