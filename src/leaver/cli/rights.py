"""`leaver tenant index`: who has which rights on the mailboxes of a tenant, looked up once for whoever leaves later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house, in_store
from leaver.cli.options import json_option, tenant_argument

if TYPE_CHECKING:
    from leaver.config import Config
    from leaver.store.rights import Standing
    from leaver.wiring import House, Store

STEPS = 10
"""How often progress is said where there is no terminal."""


@click.command()
@tenant_argument
@click.option("--show", "only_show", is_flag=True, help="Say how old it is, and build nothing.")
@json_option
def index(tenant: str, only_show: bool, wants_json: bool) -> int:
    """Build the rights index of a tenant: who has Full Access and calendar rights on which mailboxes.

    Every mailbox is looked at once, in time that offboardings of the tenant do not need; nothing is changed. A plan
    takes its candidates from the index while that is young enough, and looks at each of them. `leaver serve` and
    `leaver worker` build it by themselves; one that was stopped is gone on with.
    """
    from leaver.config import Config

    config = Config.from_environment()
    if only_show:

        async def find(store: Store) -> Standing:
            return await store.rights.standing((await store.tenants.find(tenant)).id)

        return _show(in_store(find), config, wants_json)

    async def work(house: House) -> Standing:
        from leaver.domain.actor import Actor
        from leaver.offboarding.drive import worker_name
        from leaver.offboarding.intake import operator
        from leaver.offboarding.survey import build_index

        known = await house.tenants.find(tenant)
        await house.audit.add(Actor(operator()), "rights_index.asked_for", tenant_id=known.id)
        with _progress() as tell:
            return await build_index(house, known.id, worker_name(), tell)

    return _show(in_house(work, config), config, wants_json)


def _show(standing: Standing, config: Config, wants_json: bool) -> int:
    from leaver.offboarding.survey import as_json

    if wants_json:
        print_json(as_json(standing, config))
    else:
        for line in in_words(standing, config):
            click.echo(line)
    return Ending.FINE


def in_words(standing: Standing, config: Config) -> Iterator[str]:
    """How the rights index of a tenant stands, in sentences."""
    from leaver.offboarding.survey import is_usable
    from leaver.offboarding.words import ago, counted, day_and_time

    if standing.as_of is None:
        yield "There is no rights index: a plan looks through every mailbox."
    else:
        when = f"{day_and_time(standing.as_of)} UTC ({ago(standing.as_of)})"
        yield f"Rights index of {when}: {standing.mailboxes:,} mailboxes."
        if not is_usable(standing, config):
            yield "It is too old to go by: a plan looks through every mailbox."
    if standing.unread:
        could = counted(standing.unread, "mailbox", "mailboxes")
        yield f"{could} could not be read; a plan looks there itself, and says why it cannot."
    if standing.building:
        yield f"A new one is being built: {standing.done:,} of {standing.of:,} mailboxes."
    if standing.problem:
        yield f"The last try failed: {standing.problem}"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    err = console(err=True)
    if not err.is_terminal:
        yield _Steps()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Looking at mailboxes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


class _Steps:
    """A line for every tenth of the way."""

    def __init__(self) -> None:
        self._said = -1

    def __call__(self, done: int, of: int) -> None:
        step = done * STEPS // of if of else STEPS
        if step != self._said:
            self._said = step
            click.echo(f"{done:,} of {of:,} mailboxes", err=True)
