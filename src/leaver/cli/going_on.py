"""`leaver retry`, `cancel`, `undo`, `reschedule` and `worker`: what goes on after an offboarding was accepted."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, ending_of, print_json
from leaver.cli.house import console, in_house, in_store
from leaver.cli.options import decide_option, json_option, read_wish
from leaver.cli.when import in_both, moment_of
from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from leaver.domain.offboarding import Offboarding
    from leaver.wiring import House, Store

id_argument = click.argument("offboarding_id", metavar="ID")


@click.command(short_help="Do what is still missing.")
@id_argument
@decide_option
@json_option
def retry(offboarding_id: str, decide: tuple[str, ...], wants_json: bool) -> int:
    """Do what is still missing of an offboarding that has ended: what is verified is left as it is."""
    from leaver.domain.actor import Actor

    decisions = read_wish(None, decide).decisions

    async def work(house: House) -> Offboarding:
        from leaver.cli.offboard import drive_here
        from leaver.offboarding import desk
        from leaver.offboarding.intake import operator

        record = await desk.retry(house, offboarding_id, Actor(operator()), decisions)
        return await drive_here(house, record.id, console(err=True))

    record = in_house(work)
    _show(record, wants_json)
    return ending_of([record.state])


@click.command(short_help="Stop an offboarding; what was done stays.")
@id_argument
@json_option
def cancel(offboarding_id: str, wants_json: bool) -> int:
    """Stop an offboarding: the call under way finishes, the rest is not started. What was done stays as it is."""
    from leaver.domain.actor import Actor

    async def work(house: House) -> Offboarding:
        from leaver.offboarding import desk
        from leaver.offboarding.drive import drive, worker_name
        from leaver.offboarding.intake import operator

        record = await desk.cancel(house.offboardings, house.audit, offboarding_id, Actor(operator()))
        await drive(house, record.id, owner=worker_name())  # ends it here, unless a process is working on it
        for _ in range(CANCEL_LOOKS):
            record = await house.offboardings.get(record.id)
            if record.ended_at is not None:
                break
            await asyncio.sleep(0.5)
        return record

    from leaver.offboarding.desk import done_and_not_done

    record = in_house(work)
    if wants_json:
        _show(record, wants_json)
        return Ending.FINE
    done, left = done_and_not_done(record)
    ended = "Cancelled" if record.ended_at else "The process that works on it has been told; it stops after its call"
    click.echo(f"{ended}: {record.id}, {record.user.display_name} ({record.user.upn}).")
    click.echo(f"Done and kept: {', '.join(done) or 'nothing'}.")
    click.echo(f"Not done: {', '.join(left) or 'nothing'}.")
    return Ending.FINE


CANCEL_LOOKS = 60


@click.command(short_help="Put back what an offboarding changed.")
@id_argument
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task; may be repeated.")
@decide_option
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be put back, and stop.")
@click.option("--yes", is_flag=True, help="Answer the confirmation with yes; it never answers a blocker.")
@json_option
def undo(
    offboarding_id: str, tasks: tuple[str, ...], decide: tuple[str, ...], only_plan: bool, yes: bool, wants_json: bool
) -> int:
    """Put back what an offboarding changed, and read it back: planned, confirmed and proved like the offboarding.

    What cannot come back (passwords, sessions, MFA methods, cancelled meetings) is said.
    """
    from leaver.domain.actor import Actor

    decisions = read_wish(None, decide).decisions

    async def work(house: House) -> tuple[Offboarding, bool]:
        from leaver.cli.offboard import drive_here
        from leaver.cli.plan_view import show_plan
        from leaver.offboarding.desk import Desk, accept_undo
        from leaver.offboarding.intake import operator

        record = await Desk(house).undo_plan(offboarding_id, Actor(operator()), tasks, decisions)
        blocked = record.state.value == "blocked"
        if not wants_json or not (yes or only_plan or blocked):
            show_plan(console(err=wants_json), record.tenant, [record])
        if blocked or only_plan:
            return record, False
        if not yes:
            _confirm_undo(record)
        await accept_undo(house.offboardings, record)
        return await drive_here(house, record.id, console(err=True)), True

    record, ran = in_house(work)
    if wants_json or ran:
        _show(record, wants_json)
    return Ending.UNUSABLE if record.state.value == "blocked" else ending_of([record.state]) if ran else Ending.FINE


def _confirm_undo(record: Offboarding) -> None:
    import sys

    if not sys.stdin.isatty():
        raise Unusable(
            "Nobody is here to confirm the undo, since standard input is not a terminal.",
            "not_confirmed",
            advice="Nothing was changed. Review it with --plan, then add --yes.",
        )
    if not click.confirm(f"Put this back for {record.user.display_name} ({record.user.upn})?", err=True):
        raise Unusable("Not confirmed.", "not_confirmed", advice="Nothing was changed.")


@click.command(short_help="Move a scheduled offboarding.")
@id_argument
@click.argument("time")
@json_option
def reschedule(offboarding_id: str, time: str, wants_json: bool) -> int:
    """Move an offboarding that has not started to another TIME, e.g. 2026-12-01T17:00+01:00."""
    from leaver.domain.actor import Actor

    at, zone = moment_of(time)
    if at is None:
        raise Unusable("No time is given.", "malformed_time")

    async def work(store: Store) -> Offboarding:
        from leaver.offboarding import desk
        from leaver.offboarding.intake import operator

        actor = Actor(operator())
        return await desk.reschedule(store.offboardings, store.audit, offboarding_id, at, zone, actor)

    record = in_store(work)
    if wants_json:
        _show(record, wants_json)
    else:
        click.echo(f"Scheduled {record.id}: {record.user.display_name}, {in_both(at, zone)}.")
    return Ending.FINE


@click.command(short_help="Work on what was accepted, until stopped.")
def worker() -> int:
    """Work on scheduled and waiting offboardings, and on what a stopped process left behind, until stopped.

    Several workers share the work when LEAVER_DATABASE_URL names a PostgreSQL database.
    """
    from leaver import traces
    from leaver.config import Config

    traces.start_log(Config.from_environment().log_format)
    traces.start_traces("worker")

    async def work(house: House) -> int:
        from leaver.offboarding.worker import Worker

        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stop.set)
        working = Worker(house)
        await working.start()
        await house.courier.start()
        click.echo(f"Working as {working.name}. Stop with Ctrl-C.", err=True)
        await stop.wait()
        click.echo("Stopping: what is under way finishes, the rest is left for another worker.", err=True)
        await working.stop()
        await house.courier.stop()
        return Ending.FINE

    return in_house(work)


def _show(record: Offboarding, wants_json: bool) -> None:
    from leaver.cli.result_view import show_result
    from leaver.domain.offboarding import document

    if wants_json:
        print_json(document(record.tenant, [record], record.digest))
    else:
        show_result(console(), [record])
