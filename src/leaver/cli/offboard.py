"""`leaver plan` and `leaver offboard`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from leaver.cli.confirm import confirm
from leaver.cli.ending import Ending, as_json, ending_of, print_json
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
from leaver.cli.when import in_both, moment_of
from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from rich.console import Console

    from leaver.domain.offboarding import Offboarding
    from leaver.offboarding.intake import Opened
    from leaver.offboarding.planner import Preview
    from leaver.wiring import House


@click.command(short_help="Show exactly what would change; changes nothing.")
@tenant_argument
@click.argument("users", nargs=-1, metavar="USER...", required=True)
@settings_option
@decide_option
@full_scan_option
@json_option
def plan(
    tenant: str,
    users: tuple[str, ...],
    settings_file: str | None,
    decide: tuple[str, ...],
    full_scan: bool,
    wants_json: bool,
) -> int:
    """Show exactly what would change. Nothing is changed."""
    wish = _wish(settings_file, decide, full_scan)

    async def work(house: House) -> int:
        opened = await _accept(house, tenant, users, wish)
        preview = await _preview(house, opened)
        if wants_json:
            print_json(preview.as_json())
        else:
            _show_plan(console(), preview)
        return _after_planning(preview, quiet=wants_json)

    return in_house(work)


@click.command(short_help="Plan, confirm, carry out, prove.")
@tenant_argument
@click.argument("users", nargs=-1, metavar="[USER]...")
@settings_option
@click.option(
    "--csv", "csv_file", metavar="FILE", help="One person a line; columns: user, at, reference, settings (JSON)."
)
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

    Run again, it does only what is still missing.
    """
    when, zone = moment_of(at)
    if bool(users) == bool(csv_file):
        raise click.UsageError("Name users, or a file with --csv; one of the two.")
    lines, bad = read_people(csv_file) if csv_file else ([], [])
    wish = (
        read_wish(settings_file, decide, full_scan=full_scan) if csv_file else _wish(settings_file, decide, full_scan)
    )

    async def work(house: House) -> int:
        if csv_file is None:
            opened = await _accept(house, tenant, users, wish, reference)
        else:
            opened = await _accept_lines(house, tenant, lines, wish, reference, bad)
            _tell_bad(bad)
        if not opened:
            if wants_json:
                print_json(
                    {"tenant": None, "digest": "", "offboardings": [], "rejected": [_rejected(line) for line in bad]}
                )
            return Ending.UNUSABLE
        preview = await _preview(house, opened)
        if not wants_json or not yes:
            _show_plan(console(err=wants_json), preview)
        ending = _after_planning(preview, quiet=wants_json)
        if ending is Ending.FINE:
            ending = await _carry_out(house, preview, when, zone, yes=yes, quiet=wants_json)
        if wants_json:
            document = preview.as_json()
            if csv_file is not None:
                document["rejected"] = [_rejected(line) for line in bad]
            print_json(document)
        return Ending.UNUSABLE if bad and ending is Ending.FINE else ending

    return in_house(work)


async def run_preview(house: House, preview: Preview, err: Console) -> bool:
    """Carry out a confirmed plan with progress and keep the evidence; False if it was interrupted."""
    from leaver.cli.progress import watching
    from leaver.offboarding.drive import carry_out
    from leaver.offboarding.settle import Stop

    stop = Stop()
    with _stopping(stop, err):
        try:
            with watching(err, preview.offboardings) as watcher:
                await carry_out(house, preview, on_event=watcher, stop=stop)
        finally:
            for record in preview.offboardings:
                if record.started:
                    keep_evidence(house, record)
    return not stop.is_set()


async def drive_here(house: House, offboarding_id: str, err: Console) -> Offboarding:
    """Work on one accepted offboarding in this process, with progress, and keep the evidence."""
    from leaver.cli.progress import watching
    from leaver.offboarding.drive import drive, worker_name
    from leaver.offboarding.settle import Stop

    stop = Stop()
    record = await house.offboardings.get(offboarding_id)
    with _stopping(stop, err), watching(err, [record]) as watcher:
        await drive(house, record.id, owner=worker_name(), tell=watcher, stop=stop)
    record = await house.offboardings.get(record.id)
    if record.started:
        keep_evidence(house, record)
    return record


def keep_evidence(house: House, record: Offboarding) -> str:
    """Write the evidence as page and as JSON into the data folder; the path of the page."""
    import json

    from leaver.offboarding import report
    from leaver.store.files import write_private

    folder = house.config.data_dir / "reports"
    write_private(folder / f"{record.id}.json", json.dumps(report.evidence(record), indent=2, ensure_ascii=False))
    path = folder / f"{record.id}.html"
    write_private(path, report.page(record))
    return str(path)


async def _carry_out(
    house: House, preview: Preview, when: datetime | None, zone: str, *, yes: bool, quiet: bool
) -> Ending:
    from leaver.cli.result_view import show_result

    err, out = console(err=True), console(err=quiet)
    if not yes:
        confirm(preview.offboardings, err.print)
    preview = await _schedule(house, preview, when, zone, out.print)
    if not preview.planned:
        return Ending.FINE
    finished = await run_preview(house, preview, err)
    show_result(out, preview.offboardings)
    out.print()
    for record in preview.offboardings:
        if record.awaits_approval:
            out.print(f"{record.id} waits for a second person, in the portal or through the API.", soft_wrap=True)
            continue
        out.print(f"Evidence: {house.config.data_dir / 'reports' / record.id}.html and .json", soft_wrap=True)
    if not finished:
        err.print("Stopped by Ctrl-C. Run the same command again to do what is still missing.")
        return Ending.INTERRUPTED
    return ending_of(record.state for record in preview.offboardings)


async def _schedule(
    house: House, preview: Preview, when: datetime | None, zone: str, tell: Callable[..., None]
) -> Preview:
    """Accept what is to start later, by a line of its own or by `--at`; the rest of the plan is for now."""
    from leaver.offboarding.desk import accept_plan

    later = [item for item in preview.planned if item.record.at or when]
    for item in later:
        item.record.at, item.record.time_zone = (item.record.at or when), (item.record.time_zone or zone)
    await accept_plan(house.offboardings, replace(preview, planned=later))
    for item in later:
        record = item.record
        if record.at is not None:
            who = f"{record.user.display_name} ({record.user.upn})"
            tell(f"Scheduled {record.id}: {who}, {in_both(record.at, record.time_zone)}.", soft_wrap=True)
    if later:
        tell("A running `leaver worker` starts what is scheduled, after planning anew; `leaver cancel ID` stops it.")
    return replace(preview, planned=[item for item in preview.planned if item.record.at is None])


@contextmanager
def _stopping(stop: asyncio.Event, err: Console) -> Iterator[None]:
    """Let Ctrl-C (and a polite kill) finish what is under way and start nothing more; a second one breaks off."""
    loop = asyncio.get_running_loop()

    def halt() -> None:
        stop.set()
        err.print("\nStopping: what is under way finishes first. Press Ctrl-C again to break off.")
        loop.remove_signal_handler(signal.SIGINT)

    handled = []
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, halt)
        except (NotImplementedError, RuntimeError):
            continue
        handled.append(name)
    try:
        yield
    finally:
        for name in handled:
            loop.remove_signal_handler(name)


def _wish(settings_file: str | None, decide: tuple[str, ...], full_scan: bool) -> Wish:
    if settings_file is None:
        raise Unusable(
            "No settings are given, so no task is chosen.",
            "no_settings",
            advice='Name a file like {"disable_sign_in": true} with --settings; `leaver tasks` lists the tasks.',
        )
    return read_wish(settings_file, decide, full_scan=full_scan)


async def _accept(house: House, tenant: str, users: Sequence[str], wish: Wish, reference: str = "") -> list[Opened]:
    from leaver.offboarding.intake import accept

    return await accept(
        house,
        tenant,
        users,
        wish.settings,
        decisions=wish.decisions,
        reference=reference,
        full_scan=wish.full_scan,
    )


async def _accept_lines(
    house: House, tenant: str, lines: Sequence[Line], wish: Wish, reference: str, bad: list[BadLine]
) -> list[Opened]:
    """The offboardings of the good lines; the others join the bad ones. An unknown tenant is everybody's problem."""
    from leaver.offboarding.intake import batch_refusals

    await house.tenants.find(tenant)
    opened = [(line, await _accept_line(house, tenant, line, wish, reference, bad)) for line in lines]
    good = [(line, item) for line, item in opened if item is not None]
    refused = batch_refusals([item for _, item in good])
    for line, item in good:
        if item.record.id in refused:
            bad.append(BadLine(line.number, line.user, Unusable(refused[item.record.id], "refused_request")))
    bad.sort(key=lambda line: line.number)
    return [item for _, item in good if item.record.id not in refused]


async def _accept_line(
    house: House, tenant: str, line: Line, wish: Wish, reference: str, bad: list[BadLine]
) -> Opened | None:
    settings: Mapping[str, Any] = wish.settings if line.settings is None else line.settings
    try:
        when = moment_of(line.at)
        (opened,) = await _accept(
            house, tenant, [line.user], replace(wish, settings=settings), line.reference or reference
        )
    except Unusable as error:
        bad.append(BadLine(line.number, line.user, error))
        return None
    opened.record.at, opened.record.time_zone = when
    return opened


async def _preview(house: House, opened: Sequence[Opened]) -> Preview:
    from leaver.offboarding.planner import preview

    err = console(err=True)
    if not err.is_terminal:
        return await preview(house, opened)
    people = ", ".join(item.record.user.display_name for item in opened[:3])
    with err.status(f"Reading {people}{' and others' if len(opened) > 3 else ''}"):
        return await preview(house, opened)


def _show_plan(out: Console, preview: Preview) -> None:
    from leaver.cli.plan_view import show_plan

    show_plan(out, preview.tenant, preview.offboardings)


def _after_planning(preview: Preview, *, quiet: bool) -> Ending:
    if not preview.blocked:
        return Ending.FINE
    err = console(err=True)
    if preview.unreachable:
        if not quiet:
            err.print("A service could not be reached. Nothing was changed.")
        return Ending.UNREACHABLE
    if not quiet:
        err.print("Resolve the blockers to continue. Nothing was changed.")
    return Ending.UNUSABLE


def _tell_bad(bad: Sequence[BadLine]) -> None:
    for line in bad:
        click.secho(f"Line {line.number}, {line.user or 'no user'}: {line.error}", fg="red", err=True)


def _rejected(line: BadLine) -> dict[str, Any]:
    return {"line": line.number, "user": line.user, **as_json(line.error)}
