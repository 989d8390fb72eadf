"""Shows a run while it goes on: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from leaver.cli.plan_view import WIDEST
from leaver.cli.result_view import ICONS, task_line
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.offboarding import words
from leaver.offboarding.run import Event

ROOM = 8
"""Running tasks shown at once; more are counted."""


class Watcher(Protocol):
    """Whoever is told what happens."""

    def __call__(self, event: Event, /) -> None:
        """Something happened."""


@contextmanager
def watching(console: Console, offboardings: Sequence[Offboarding]) -> Iterator[Watcher]:
    """A watcher that shows events on the console until the block ends."""
    if not console.is_terminal:
        yield PlainLines(console, several=len(offboardings) > 1)
        return
    view = LiveView(console, offboardings)
    with Live(view, console=console, refresh_per_second=8, transient=True):
        yield view


class PlainLines:
    """One line for each task that ends, and for each new reason to wait."""

    def __init__(self, console: Console, *, several: bool) -> None:
        self._console = console
        self._several = several
        self._ended: set[tuple[str, str]] = set()
        self._said: set[tuple[str, str, str]] = set()

    def __call__(self, event: Event, /) -> None:
        """Print what is worth a line."""
        record, task = event.offboarding, event.task
        who = f"{record.user.display_name}: " if self._several else ""
        if task.ended_at is not None and (record.id, task.task) not in self._ended:
            self._ended.add((record.id, task.task))
            self._print(f"{words.clock(task.ended_at)}  {who}{task_line(task).plain}")
        elif task.ended_at is None and not event.text.endswith("done, checking"):
            said = (record.id, task.task, event.text)
            if said not in self._said:
                self._said.add(said)
                self._print(f"          {who}{task.label or task.task}: {event.text}")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class LiveView:
    """Ended tasks scroll by; below them what is running, and a bar for each user."""

    def __init__(self, console: Console, offboardings: Sequence[Offboarding]) -> None:
        self._console = console
        self._offboardings = offboardings
        self._latest: dict[tuple[str, str], str] = {}
        self._ended: set[tuple[str, str]] = set()
        self._spinner = Spinner("dots", style="cyan")

    def __call__(self, event: Event, /) -> None:
        """Remember the news; a task that ended leaves a line."""
        record, task = event.offboarding, event.task
        key = (record.id, task.task)
        self._latest[key] = event.text
        if task.ended_at is None or key in self._ended:
            return
        self._ended.add(key)
        glyph, style = ICONS[task.outcome]
        who = (f"{record.user.display_name}: ", "dim") if len(self._offboardings) > 1 else ""
        line = Text.assemble((glyph, style), " ", (words.clock(task.ended_at), "dim"), "  ", who, task_line(task))
        self._console.print(line, no_wrap=True, overflow="ellipsis")

    def __rich__(self) -> RenderableType:
        """What is running at the moment."""
        lines: list[RenderableType] = []
        running = [(record, task) for record in self._offboardings for task in record.tasks if _is_running(task)]
        for record, task in running[:ROOM]:
            lines.append(self._running(record, task))
        if len(running) > ROOM:
            lines.append(Text(f"  and {len(running) - ROOM} more", style="dim"))
        lines += [_bar(record) for record in self._offboardings]
        return Group(*lines)

    def _running(self, record: Offboarding, task: TaskRecord) -> RenderableType:
        text = self._latest.get((record.id, task.task), "")
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=1)
        line.add_column(no_wrap=True, overflow="ellipsis", max_width=min(self._console.width, WIDEST) - 3)
        line.add_row(self._spinner, Text.assemble(task.label or task.task, (f"  {text}", "dim")))
        return line


def _is_running(task: TaskRecord) -> bool:
    return task.started_at is not None and task.ended_at is None


def _bar(record: Offboarding) -> RenderableType:
    done, total = sum(task.ended_at is not None for task in record.tasks), len(record.tasks)
    failed = sum(task.outcome in words.UNTRIED and task.ended_at is not None for task in record.tasks)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(
        Text(record.user.display_name, style="bold"),
        ProgressBar(total=max(total, 1), completed=done, width=24),
        Text.assemble(f"{done} of {total}", (f", {failed} not well" if failed else "", "bold red")),
    )
    return grid
