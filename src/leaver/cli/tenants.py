"""`leaver tenant`: the tenants that Leaver knows, and whom it must never offboard there."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house, in_store
from leaver.cli.options import json_option, tenant_argument
from leaver.domain.errors import LeaverError, Refused, Unusable

if TYPE_CHECKING:
    from leaver.store.tenants import KnownTenant, Tenants
    from leaver.wiring import House, Store

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


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
    wanted = tenant_id.strip()
    if not _GUID.fullmatch(wanted):
        raise Unusable(
            f"{tenant_id!r} is no tenant id: it looks like 8a8bf9e1-05c4-4f6e-9d2b-1f4a8f0c7d11.",
            "bad_tenant_id",
            advice="The tenant's administrator finds it in the Entra admin center under Overview.",
        )

    async def work(house: House) -> int:
        known = (
            await _seen(house, wanted, domain.strip()) if not unseen else await _unseen(house, wanted, domain.strip())
        )
        await house.tenants.save(known)
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
        partner = house.config.partner_tenant
        if not partner:
            raise Unusable(
                "LEAVER_PARTNER_TENANT is not set.", "no_partner_tenant", advice="Set it to your own tenant's id."
            )
        customers = await house.doorway(partner).organization.customers()
        found = await asyncio.gather(*(_customer(house, item.id, item.domain, item.name) for item in customers))
        for known, _ in found:
            await house.tenants.save(known)
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
        known = await store.tenants.find(tenant)
        await store.tenants.remove(known.id)
        return known

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


async def _seen(house: House, tenant_id: str, domain: str) -> KnownTenant:
    from leaver.store.tenants import KnownTenant

    organization = await house.doorway(tenant_id).organization.get()
    if organization.id.lower() != tenant_id.lower():
        raise Unusable(f"{tenant_id} answers as another tenant ({organization.id}).", "wrong_tenant")
    domains = list(organization.domains)
    if domain and domain.lower() not in map(str.lower, domains):
        raise Unusable(
            f"{domain} is no domain of {organization.name}.",
            "wrong_domain",
            advice=f"Its domains: {', '.join(domains)}.",
        )
    shown = domain or organization.default_domain
    return KnownTenant(
        organization.id, shown, organization.name, domains, await _protected(house.tenants, organization.id)
    )


async def _unseen(house: House, tenant_id: str, domain: str) -> KnownTenant:
    from leaver.store.tenants import KnownTenant

    protected = await _protected(house.tenants, tenant_id)
    return KnownTenant(tenant_id, domain, "", [domain] if domain else [], protected)


async def _customer(house: House, tenant_id: str, domain: str, name: str) -> tuple[KnownTenant, str]:
    """A customer with all its domains, or with what the partner tenant knows and why it cannot be reached."""
    try:
        return await _seen(house, tenant_id, ""), ""
    except (Refused, Unusable) as error:
        known = await _unseen(house, tenant_id, domain)
        known.name = name
        return known, error.message
    except LeaverError as error:
        known = await _unseen(house, tenant_id, domain)
        known.name = name
        return known, str(error)


async def _protected(store: Tenants, tenant_id: str) -> dict[str, str]:
    return next((item.protected for item in await store.all() if item.id.lower() == tenant_id.lower()), {})


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
