"""`leaver retry`, `cancel`, `undo`, `reschedule` and `worker`: what goes on after an offboarding was accepted."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house, in_store
from leaver.cli.options import decide_option, json_option, read_wish
from leaver.cli.seeing import see, tell_left, tell_scheduled, tell_seen
from leaver.cli.when import moment_of
from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from leaver.domain.offboarding import Offboarding
    from leaver.store.workers import AtWork
    from leaver.wiring import House, Store

id_argument = click.argument("offboarding_id", metavar="ID")


@click.command(short_help="Do what is still missing.")
@id_argument
@decide_option
@json_option
def retry(offboarding_id: str, decide: tuple[str, ...], wants_json: bool) -> int:
    """Do what is still missing of an offboarding: what is verified is left as it is.

    One that has not ended, because whoever worked on it was stopped, goes on from where it stands. A running
    `leaver serve` or `leaver worker` does the work while this shows it; without one it is done here.
    """
    from leaver.domain.actor import Actor

    decisions = read_wish(None, decide).decisions

    async def work(house: House) -> int:
        from leaver.offboarding import desk
        from leaver.offboarding.intake import operator

        record = await house.offboardings.get(offboarding_id)
        if decisions or not record.is_under_way:
            record = await desk.retry(house, record.id, Actor(operator()), decisions)
        return await _see_through(house, record, wants_json)

    return in_house(work)


@click.command(short_help="Stop an offboarding; what was done stays.")
@id_argument
@json_option
def cancel(offboarding_id: str, wants_json: bool) -> int:
    """Stop an offboarding: the call under way finishes, the rest is not started. What was done stays as it is."""
    from leaver.domain.actor import Actor

    async def work(house: House) -> Offboarding:
        from leaver.offboarding import desk
        from leaver.offboarding.intake import operator
        from leaver.offboarding.see_through import SeeingThrough

        record = await desk.cancel(house.offboardings, offboarding_id, Actor(operator()))
        seeing = SeeingThrough(house, [record])  # ends it here, unless somebody is there who does
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(seeing.through(), house.config.lease_seconds + CANCEL_PATIENCE)
        return await house.offboardings.get(record.id)

    from leaver.offboarding.desk import done_and_not_done

    record = in_house(work)
    if wants_json:
        _show_json(record)
        return Ending.FINE
    done, left = done_and_not_done(record)
    ended = "Canceled" if record.ended_at else "The process that works on it has been told; it stops after its call"
    click.echo(f"{ended}: {record.id}, {record.user.display_name} ({record.user.upn}).")
    click.echo(f"Done and kept: {', '.join(done) or 'nothing'}.")
    click.echo(f"Not done: {', '.join(left) or 'nothing'}.")
    return Ending.FINE


CANCEL_PATIENCE = 15.0
"""Seconds, beyond those that a dead process keeps its lease, in which whoever works on it finishes its call."""


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

    What cannot come back (passwords, sessions, MFA methods, canceled meetings) is said.
    """
    from leaver.domain.actor import Actor

    decisions = read_wish(None, decide).decisions

    async def work(house: House) -> int:
        from leaver.cli.plan_view import show_plan
        from leaver.offboarding.desk import Desk, accept_undo
        from leaver.offboarding.intake import operator

        record = await Desk(house).undo_plan(offboarding_id, Actor(operator()), tasks, decisions)
        blocked = record.state.value == "blocked"
        if not wants_json or not (yes or only_plan or blocked):
            show_plan(console(err=wants_json), record.tenant, [record])
        if blocked or only_plan:
            if wants_json:
                _show_json(record)
            return Ending.UNUSABLE if blocked else Ending.FINE
        if not yes:
            _confirm_undo(record)
        await accept_undo(house.offboardings, record)
        return await _see_through(house, record, wants_json)

    return in_house(work)


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

    async def work(store: Store) -> tuple[Offboarding, Sequence[AtWork]]:
        from leaver.offboarding import desk
        from leaver.offboarding.intake import operator

        actor = Actor(operator())
        record = await desk.reschedule(store.offboardings, offboarding_id, at, zone, actor)
        return record, await store.workers.at_work()

    record, at_work = in_store(work)
    if wants_json:
        _show_json(record)
    else:
        tell_scheduled([record], at_work, console())
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


async def _see_through(house: House, record: Offboarding, wants_json: bool) -> Ending:
    err = console(err=True)
    seen = await see(house, [record], err)
    if wants_json:
        _show_json(seen.records[0])
        tell_left(seen, err)
    else:
        tell_seen(house, seen, console(), err)
    return seen.ending


def _show_json(record: Offboarding) -> None:
    from leaver.domain.offboarding import document

    print_json(document(record.tenant, [record], record.digest))
