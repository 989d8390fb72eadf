"""`leaver status` and `leaver report`: what was done, from what Leaver kept of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, ending_of, print_json
from leaver.cli.house import console, in_house, in_store
from leaver.cli.options import json_option
from leaver.cli.when import in_both
from leaver.store.files import write_whole

if TYPE_CHECKING:
    from leaver.domain.offboarding import Offboarding
    from leaver.store.leases import Standing
    from leaver.store.workers import AtWork
    from leaver.wiring import House, Store


WITH_TENANT = 110
"""Columns of a terminal that has room for the tenant, too."""


@click.command()
@click.argument("offboarding_id", metavar="[ID]", default="")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many to list, the latest first."
)
@click.option("--follow", is_flag=True, help="Watch the one with this ID until it has ended; Ctrl-C stops watching.")
@json_option
def status(offboarding_id: str, limit: int, follow: bool, wants_json: bool) -> int:
    """List offboardings, or show how one stands."""
    if follow and not offboarding_id:
        raise click.UsageError("Name the ID of the offboarding to follow.")
    if follow:
        return in_house(lambda house: _follow(house, offboarding_id, wants_json))
    if offboarding_id:
        return _show_one(*in_store(lambda store: _with_workers(store, offboarding_id)), wants_json)
    found, at_work = in_store(lambda store: _listed(store, limit))
    if wants_json:
        print_json({"offboardings": [_row(item) for item in found], "workers": [_worker(each) for each in at_work]})
    elif not found:
        click.echo("No offboardings yet. `leaver plan` shows what one would change.")
    else:
        _show_list(found, at_work)
    return Ending.FINE


@click.command(short_help="Write the evidence of an offboarding.")
@click.argument("offboarding_id", metavar="ID")
@click.option("--format", "form", type=click.Choice(["html", "json", "pdf"]), default="html", show_default=True)
@click.option("--out", metavar="FILE", help="Where to write it; html and json go to standard output otherwise.")
def report(offboarding_id: str, form: str, out: str | None) -> int:
    """Write the evidence of an offboarding: facts before, each change, facts after, follow-ups."""
    from leaver.offboarding.report import evidence, page

    record = _kept(offboarding_id)
    if form == "json":
        _put(json.dumps(evidence(record), indent=2, ensure_ascii=False) + "\n", out)
        return Ending.FINE
    if form == "html":
        _put(page(record), out)
        return Ending.FINE
    from leaver.offboarding.paper import pdf

    target = Path(out or f"offboarding-{record.id}.pdf")
    write_whole(target, pdf(record))
    click.echo(f"Written to {target}.", err=True)
    return Ending.FINE


def _kept(offboarding_id: str) -> Offboarding:
    return in_store(lambda store: store.offboardings.get(offboarding_id))


async def _listed(store: Store, limit: int) -> tuple[list[Offboarding], Sequence[AtWork]]:
    found, _ = await store.offboardings.page(limit=limit)
    return found, await store.workers.at_work()


async def _with_workers(store: Store, offboarding_id: str) -> tuple[Offboarding, Standing, Sequence[AtWork]]:
    record = await store.offboardings.get(offboarding_id)
    standings = await store.leases.standings([record.id])
    return record, standings[record.id], await store.workers.at_work()


async def _follow(house: House, offboarding_id: str, wants_json: bool) -> int:
    from leaver.cli.seeing import see, tell_left, tell_seen
    from leaver.domain.offboarding import document

    record = await house.offboardings.get(offboarding_id)
    err = console(err=True)
    seen = await see(house, [record], err, works=False)
    if wants_json:
        print_json(document(record.tenant, seen.records, seen.records[0].digest))
        tell_left(seen, err)
    else:
        tell_seen(house, seen, console(), err)
    return seen.ending


def _show_one(record: Offboarding, standing: Standing, at_work: Sequence[AtWork], wants_json: bool) -> int:
    from leaver.cli.result_view import show_result
    from leaver.domain.offboarding import document

    if wants_json:
        print_json(document(record.tenant, [record], record.digest))
        return ending_of([record.state])
    out = console()
    show_result(out, [record])
    if record.ended_at is None and not record.awaits_approval:
        out.print()
        out.print(_what_next(record, standing, at_work), soft_wrap=True)
    return ending_of([record.state])


def _what_next(record: Offboarding, standing: Standing, at_work: Sequence[AtWork]) -> str:
    """Who goes on with it and when; or that nobody does, and what helps."""
    from leaver.cli.seeing import named

    if record.at is not None and not record.started:
        when = f"It starts at {in_both(record.at, record.time_zone)}"
        return f"{when}{'.' if at_work else ', if `leaver serve` or `leaver worker` runs then; none is running.'}"
    if standing.held:
        return f"It is being worked on. `leaver status {record.id} --follow` watches it."
    if at_work:
        return f"{named(at_work)} goes on with it. `leaver status {record.id} --follow` watches it."
    return f"Nobody works on it. `leaver retry {record.id}` goes on with it; `leaver cancel {record.id}` stops it."


def _worker(each: AtWork) -> dict[str, object]:
    return {"kind": each.kind, "host": each.host, "process": each.process, "since": each.since.isoformat()}


def _show_list(found: list[Offboarding], at_work: Sequence[AtWork]) -> None:
    from rich.table import Table

    out = console()
    with_tenant = out.width >= WITH_TENANT and len({item.tenant.id for item in found}) > 1
    with_reference = any(item.reference for item in found)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("ID", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("User", overflow="fold", min_width=16)
    if with_tenant:
        table.add_column("Tenant", overflow="fold")
    table.add_column("Asked (UTC)", no_wrap=True)
    if with_reference:
        table.add_column("Reference", overflow="fold")
    for item in found:
        state = "undo, " * (item.kind == "undo") + item.state.value.replace("_", "-")
        cells = [item.id, state, item.user.upn]
        cells += [item.tenant.domain or item.tenant.id] if with_tenant else []
        cells += [f"{item.requested_at:%Y-%m-%d %H:%M}"] + ([item.reference] if with_reference else [])
        table.add_row(*cells)
    out.print(table)
    if at_work:
        out.print(f"\nAt work: {', '.join(map(str, at_work))}.", soft_wrap=True)
    elif any(item.ended_at is None for item in found):
        text = "Neither `leaver serve` nor `leaver worker` is running, so nobody goes on with what has not ended."
        out.print(f"\n{text}", soft_wrap=True)


def _row(item: Offboarding) -> dict[str, object]:
    tenant, user = item.tenant, item.user
    shown = item.as_json()
    return {
        "id": item.id,
        "state": item.state.value,
        "tenant": {"id": tenant.id, "domain": tenant.domain, "name": tenant.name},
        "user": {"id": user.id, "upn": user.upn, "display_name": user.display_name},
        "reference": item.reference,
        "requested_at": shown["requested_at"],
        "ended_at": shown["ended_at"],
    }


def _put(text: str, out: str | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(Path(out), text.encode())
    click.echo(f"Written to {out}.", err=True)
