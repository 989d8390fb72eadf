"""`leaver users`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house
from leaver.cli.options import json_option, tenant_argument

if TYPE_CHECKING:
    from leaver.m365.graph.users import UserRow
    from leaver.m365.tenant import Tenant
    from leaver.wiring import House

SHOWN = 50


@click.command()
@tenant_argument
@click.option("--search", default="", metavar="TEXT", help="A part of a name or address that begins so.")
@click.option("--limit", type=click.IntRange(min=1), help=f"How many at most; {SHOWN} by default, all with --json.")
@json_option
def users(tenant: str, search: str, limit: int | None, wants_json: bool) -> int:
    """List the users of a tenant."""

    async def work(house: House) -> int:
        known = (await house.tenants.find(tenant)).named
        most = limit or (None if wants_json else SHOWN)
        rows, more = await _rows(house.doorway(known.id), search.strip(), most)
        if wants_json:
            shown = {"id": known.id, "domain": known.domain, "name": known.name}
            print_json({"tenant": shown, "users": [_as_json(row) for row in rows], "more": more})
            return Ending.FINE
        _show(rows)
        if more:
            click.echo(f"The first {len(rows)}. Narrow the list with --search, or raise --limit.", err=True)
        return Ending.FINE

    return in_house(work)


async def _rows(doorway: Tenant, search: str, most: int | None) -> tuple[list[UserRow], bool]:
    rows: list[UserRow] = []
    if not search and most is None:
        return [row async for row in doorway.users.all_users()], False
    after = ""
    while True:
        page, after = await doorway.users.page(search, after)
        rows += page
        if most is not None and (len(rows) > most or (len(rows) == most and after)):
            return rows[:most], True
        if not after:
            return rows, False


def _as_json(row: UserRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "upn": row.upn,
        "display_name": row.display_name,
        "mail": row.mail,
        "enabled": row.account_enabled,
        "guest": row.is_guest,
        "synced": row.synced,
        "licensed": row.licensed,
        "department": row.department,
    }


def _show(rows: list[UserRow]) -> None:
    from rich.table import Table

    if not rows:
        click.echo("No user matches.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("Name", "UPN", "Sign-in", ""):
        table.add_column(name, overflow="fold")
    for row in rows:
        facts = [
            word
            for word, true in (("guest", row.is_guest), ("synced", row.synced), ("unlicensed", not row.licensed))
            if true
        ]
        table.add_row(row.display_name, row.upn, "enabled" if row.account_enabled else "blocked", ", ".join(facts))
    console().print(table)
