"""`leaver plan` and `leaver offboard`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from leaver.cli.batch import Batch
from leaver.cli.confirm import confirm
from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house
from leaver.cli.options import (
    Wish,
    decide_option,
    full_scan_option,
    json_option,
    read_wish,
    settings_option,
    tenant_argument,
)
from leaver.cli.people_csv import BadLine, Line, read_people
from leaver.cli.seeing import see, tell_left, tell_scheduled, tell_seen
from leaver.cli.when import moment_of
from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from rich.console import Console

    from leaver.domain.offboarding import Offboarding
    from leaver.offboarding.intake import Opened
    from leaver.offboarding.planner import Preview
    from leaver.wiring import House

csv_option = click.option(
    "--csv", "csv_file", metavar="FILE", help="One person a line; columns: user, at, reference, settings (JSON)."
)


@click.command(short_help="Show exactly what would change; changes nothing.")
@tenant_argument
@click.argument("users", nargs=-1, metavar="[USER]...")
@settings_option
@csv_option
@decide_option
@full_scan_option
@json_option
def plan(
    tenant: str,
    users: tuple[str, ...],
    settings_file: str | None,
    csv_file: str | None,
    decide: tuple[str, ...],
    full_scan: bool,
    wants_json: bool,
) -> int:
    """Show exactly what would change. Nothing is changed."""
    asked = _asked(tenant, users, settings_file, csv_file, decide, full_scan=full_scan)

    async def work(house: House) -> int:
        batch = asked.batch()
        opened = await _accept(house, asked, batch)
        preview = await _preview(house, opened) if opened else None
        if wants_json:
            print_json(_document(preview, batch))
            return _after_planning(preview, batch, quiet=True)
        if preview is not None:
            _show_plan(console(), preview)
        if batch is not None:
            batch.tell(console(err=True))
        return _after_planning(preview, batch, quiet=False)

    return in_house(work)


@click.command(short_help="Plan, confirm, carry out, prove.")
@tenant_argument
@click.argument("users", nargs=-1, metavar="[USER]...")
@settings_option
@csv_option
@click.option(
    "--at",
    metavar="TIME",
    default="",
    help="When to start: 2026-12-01T17:00+01:00, or '2026-12-01T17:00 Europe/Amsterdam'.",
)
@click.option("--reference", metavar="TEXT", default="", help="A ticket number, kept with the evidence.")
@decide_option
@full_scan_option
@click.option("--yes", is_flag=True, help="Answer the confirmation with yes; it never answers a blocker.")
@json_option
def offboard(
    tenant: str,
    users: tuple[str, ...],
    settings_file: str | None,
    csv_file: str | None,
    at: str,
    reference: str,
    decide: tuple[str, ...],
    full_scan: bool,
    yes: bool,
    wants_json: bool,
) -> int:
    """Plan, ask for confirmation, carry out, read back, and keep the evidence.

    A running `leaver serve` or `leaver worker` on the same database does the work while this shows it; without one it
    is done here. Either way it waits for the end. Run again, it does only what is still missing.
    """
    when = moment_of(at)
    asked = _asked(tenant, users, settings_file, csv_file, decide, reference, full_scan=full_scan)

    async def work(house: House) -> int:
        batch = asked.batch()
        opened = await _accept(house, asked, batch)
        preview = await _preview(house, opened) if opened else None
        if preview is not None and batch is not None and not preview.unreachable:
            preview = batch.without_blocked(preview)
        if preview is not None and preview.planned and (not wants_json or not yes):
            _show_plan(console(err=wants_json), preview, whole=batch is None)
        if batch is not None and not wants_json:
            batch.tell(console(err=True))
        records = preview.offboardings if preview is not None else []
        ending = _after_planning(preview, None, quiet=wants_json)
        if preview is not None and ending is Ending.FINE:
            records, ending = await _carry_out(house, preview, when, batch, yes=yes, quiet=wants_json)
        if wants_json:
            print_json(_document(preview, batch, records))
        return Ending.UNUSABLE if batch is not None and batch.bad and ending is Ending.FINE else ending

    return in_house(work)


async def _carry_out(
    house: House, preview: Preview, when: tuple[datetime | None, str], batch: Batch | None, *, yes: bool, quiet: bool
) -> tuple[list[Offboarding], Ending]:
    """Confirm, accept, and see through; what came of each, those that start later among them."""
    from leaver.offboarding.desk import accept_plan

    err, out = console(err=True), console(err=quiet)
    if not yes:
        confirm(preview.offboardings, err.print)
    for record in preview.offboardings:
        if record.at is None:
            record.at, record.time_zone = when
    if batch is None:
        await accept_plan(house.offboardings, preview)
    else:
        preview = await batch.keep(house, preview)
        if not quiet:
            batch.tell(err)
    later = [record for record in preview.offboardings if record.at is not None]
    if later:
        tell_scheduled(later, await house.workers.at_work(), out)
    now = preview.only(lambda record: record.at is None)
    if not now.planned:
        return later, Ending.FINE
    seen = await see(house, now.offboardings, err, planned=now.planned)
    if quiet:
        tell_left(seen, err)
    else:
        tell_seen(house, seen, out, err)
    ended = {record.id: record for record in seen.records}
    return [ended.get(record.id, record) for record in preview.offboardings], seen.ending


@dataclass(frozen=True)
class _Asked:
    """What the command line asks for."""

    tenant: str
    users: Sequence[str]
    lines: tuple[Sequence[Line], Sequence[BadLine]] | None
    """The good and the bad lines of a file, if one is named."""
    wish: Wish
    reference: str = ""

    def batch(self) -> Batch | None:
        """The lines of the file, on their way."""
        return None if self.lines is None else Batch(self.lines[0], list(self.lines[1]))


def _asked(
    tenant: str,
    users: tuple[str, ...],
    settings_file: str | None,
    csv_file: str | None,
    decide: tuple[str, ...],
    reference: str = "",
    *,
    full_scan: bool,
) -> _Asked:
    if bool(users) == bool(csv_file):
        raise click.UsageError("Name users, or a file with --csv; one of the two.")
    if settings_file == csv_file == "-":
        raise click.UsageError("Standard input can be the settings or the people, not both.")
    lines = read_people(csv_file) if csv_file else None
    own = lines is not None and all(line.settings is not None for line in lines[0])
    if settings_file is None and not own:
        which = "" if lines is None else " for the lines that have none of their own"
        raise Unusable(
            f"No settings are given{which}, so no task is chosen.",
            "no_settings",
            advice='Name a file like {"disable_sign_in": true} with --settings; `leaver tasks` lists the tasks.',
        )
    return _Asked(tenant, users, lines, read_wish(settings_file, decide, full_scan=full_scan), reference)


async def _accept(house: House, asked: _Asked, batch: Batch | None) -> list[Opened]:
    from leaver.offboarding.intake import accept

    if batch is not None:
        return await batch.accept(house, asked.tenant, asked.wish, asked.reference)
    wish = asked.wish
    return await accept(
        house,
        asked.tenant,
        asked.users,
        wish.settings,
        decisions=wish.decisions,
        reference=asked.reference,
        full_scan=wish.full_scan,
    )


async def _preview(house: House, opened: Sequence[Opened]) -> Preview:
    from leaver.offboarding.planner import preview

    err = console(err=True)
    if not err.is_terminal:
        return await preview(house, opened)
    names = [item.record.user.display_name for item in opened]
    people = ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"
    with err.status(f"Reading {people}"):
        return await preview(house, opened)


def _show_plan(out: Console, preview: Preview, *, whole: bool = True) -> None:
    from leaver.cli.plan_view import show_plan, show_plans_of_many
    from leaver.cli.result_view import MANY

    show = show_plan if whole or len(preview.planned) <= MANY else show_plans_of_many
    show(out, preview.tenant, preview.offboardings)


def _after_planning(preview: Preview | None, batch: Batch | None, *, quiet: bool) -> Ending:
    """The exit status of a plan, and what to do about it."""
    if preview is not None and preview.blocked:
        err = console(err=True)
        if preview.unreachable:
            if not quiet:
                err.print("A service could not be reached. Nothing was changed.")
            return Ending.UNREACHABLE
        if not quiet:
            err.print("Resolve the blockers to continue. Nothing was changed.")
        return Ending.UNUSABLE
    if preview is None or not preview.planned or (batch is not None and batch.bad):
        return Ending.UNUSABLE
    return Ending.FINE


def _document(
    preview: Preview | None, batch: Batch | None, records: Sequence[Offboarding] | None = None
) -> dict[str, Any]:
    """The JSON of a plan, or of what came of it."""
    from leaver.domain.offboarding import document

    shown: dict[str, Any] = {"tenant": None, "digest": "", "offboardings": []}
    if preview is not None:
        shown = document(preview.tenant, preview.offboardings if records is None else records, preview.digest)
    return shown if batch is None else shown | {"rejected": batch.as_json()}
