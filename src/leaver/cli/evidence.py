"""`leaver status` and `leaver report`: what was done, from what Leaver kept of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, ending_of, print_json
from leaver.cli.house import console, in_store
from leaver.cli.options import json_option
from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from leaver.domain.offboarding import Offboarding


@click.command()
@click.argument("offboarding_id", metavar="[ID]", default="")
@click.option("--limit", default=20, show_default=True, help="How many to list, the latest first.")
@json_option
def status(offboarding_id: str, limit: int, wants_json: bool) -> int:
    """List offboardings, or show how one stands."""
    if offboarding_id:
        return _show_one(_kept(offboarding_id), wants_json)
    found, _ = in_store(lambda store: store.offboardings.page(limit=limit))
    if wants_json:
        print_json({"offboardings": [_row(item) for item in found]})
    elif not found:
        click.echo("No offboardings yet. `leaver plan` shows what one would change.")
    else:
        _show_list(found)
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
    _write(target, pdf(record))
    click.echo(f"Written to {target}.", err=True)
    return Ending.FINE


def _kept(offboarding_id: str) -> Offboarding:
    return in_store(lambda store: store.offboardings.get(offboarding_id))


def _show_one(record: Offboarding, wants_json: bool) -> int:
    from leaver.cli.result_view import show_result
    from leaver.domain.offboarding import document

    if wants_json:
        print_json(document(record.tenant, [record], record.digest))
    else:
        show_result(console(), [record])
    return ending_of([record.state])


def _show_list(found: list[Offboarding]) -> None:
    from rich.table import Table

    from leaver.offboarding.words import day_and_time

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("ID", "State", "User", "Tenant", "Asked for (UTC)", "Reference"):
        table.add_column(name, no_wrap=name == "ID", overflow="fold")
    for item in found:
        state = item.state.value.replace("_", "-")
        table.add_row(
            item.id,
            state,
            item.user.upn,
            item.tenant.domain or item.tenant.id,
            day_and_time(item.requested_at),
            item.reference,
        )
    console().print(table)


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
    _write(Path(out), text.encode())
    click.echo(f"Written to {out}.", err=True)


def _write(target: Path, data: bytes) -> None:
    try:
        target.write_bytes(data)
    except OSError as error:
        raise Unusable(f"{target} cannot be written: {error.strerror}.", "unwritable_file") from error
