"""Shows runs while they go on: a live view on a terminal, plain lines elsewhere; many at once as an overview."""

from __future__ import annotations

from collections import Counter
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
from leaver.cli.result_view import ICONS, MANY, STATES, end_of, task_line
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.offboarding import words
from leaver.offboarding.run import Event

ROOM = 8
"""Running tasks, or users, shown at once; more are counted."""


class Watcher(Protocol):
    """Whoever is told what happens."""

    def __call__(self, event: Event, /) -> None:
        """Something happened."""


@contextmanager
def watching(console: Console, offboardings: Sequence[Offboarding]) -> Iterator[Watcher]:
    """A watcher that shows events on the console until the block ends."""
    many = len(offboardings) > MANY
    if not console.is_terminal:
        yield PlainOverview(console, offboardings) if many else PlainLines(console, several=len(offboardings) > 1)
        return
    view = Overview(console, offboardings) if many else LiveView(console, offboardings)
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
        if task is None:
            self._once(record.id, "", event.text, f"{who}{_sentence(event.text)}")
        elif task.ended_at is None:
            if not event.text.endswith(("changing", "done, checking")):
                self._once(record.id, task.task, event.text, f"{who}{task.label or task.task}: {event.text}")
        elif (record.id, task.task) not in self._ended:
            self._ended.add((record.id, task.task))
            self._print(f"{words.clock(task.ended_at)}  {who}{task_line(task).plain}")

    def _once(self, offboarding_id: str, task: str, text: str, line: str) -> None:
        said = (offboarding_id, task, text)
        if text and said not in self._said:
            self._said.add(said)
            self._print(f"          {line}")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class LiveView:
    """Ended tasks scroll by; below them what is running, and a bar for each user."""

    def __init__(self, console: Console, offboardings: Sequence[Offboarding]) -> None:
        self._console = console
        self._offboardings = {record.id: record for record in offboardings}
        self._latest: dict[tuple[str, str], str] = {}
        self._ended: set[tuple[str, str]] = set()
        self._spinner = Spinner("dots", style="cyan")

    def __call__(self, event: Event, /) -> None:
        """Remember the news; a task that ended leaves a line."""
        record, task = event.offboarding, event.task
        self._offboardings[record.id] = record
        who = f"{record.user.display_name}: " if len(self._offboardings) > 1 else ""
        if task is None:
            if event.text:
                self._console.print(Text(f"  {who}{_sentence(event.text)}", style="cyan"), soft_wrap=True)
            return
        key = (record.id, task.task)
        self._latest[key] = event.text
        if task.ended_at is None or key in self._ended:
            return
        self._ended.add(key)
        glyph, style = ICONS[task.outcome]
        line = Text.assemble((glyph, style), " ", (words.clock(task.ended_at), "dim"), "  ", (who, "dim"))
        self._console.print(line.append(task_line(task)), no_wrap=True, overflow="ellipsis")

    def __rich__(self) -> RenderableType:
        """What is running at the moment."""
        lines: list[RenderableType] = []
        records = list(self._offboardings.values())
        running = [(record, task) for record in records for task in record.tasks if _is_running(task)]
        for record, task in running[:ROOM]:
            lines.append(self._running(record, task))
        if len(running) > ROOM:
            lines.append(Text(f"  and {len(running) - ROOM} more", style="dim"))
        lines += [_bar(record) for record in records]
        return Group(*lines)

    def _running(self, record: Offboarding, task: TaskRecord) -> RenderableType:
        attempt = task.next_attempt
        text = words.next_attempt(attempt) if attempt else self._latest.get((record.id, task.task), "")
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=1)
        line.add_column(no_wrap=True, overflow="ellipsis", max_width=min(self._console.width, WIDEST) - 3)
        line.add_row(self._spinner, Text.assemble(task.label or task.task, (f"  {text}", "dim")))
        return line


class PlainOverview:
    """Many users: one line for each who has come to an end, with how many have."""

    def __init__(self, console: Console, offboardings: Sequence[Offboarding]) -> None:
        self._console = console
        self._all = len(offboardings)
        self._ended: set[str] = set()

    def __call__(self, event: Event, /) -> None:
        """Print what is worth a line."""
        record = event.offboarding
        if not _is_over(record) or record.id in self._ended:
            return
        self._ended.add(record.id)
        done = f"{len(self._ended):>{len(str(self._all))}} of {self._all}"
        self._console.print(Text(f"{done}  ").append(end_of(record)), soft_wrap=True)


class Overview:
    """Many users: those who have come to an end scroll by; below them who is under way, and how many stand how."""

    def __init__(self, console: Console, offboardings: Sequence[Offboarding]) -> None:
        self._console = console
        self._offboardings = {record.id: record for record in offboardings}
        self._ended: set[str] = set()
        self._latest: dict[str, str] = {}
        self._spinner = Spinner("dots", style="cyan")

    def __call__(self, event: Event, /) -> None:
        """Remember the news; a user who has come to an end leaves a line."""
        record = event.offboarding
        self._offboardings[record.id] = record
        label = (event.task.label or event.task.task) if event.task is not None else ""
        if event.task is None or event.task.ended_at is None:
            self._latest[record.id] = ": ".join(part for part in (label, event.text) if part)
        if _is_over(record) and record.id not in self._ended:
            self._ended.add(record.id)
            self._console.print(end_of(record), no_wrap=True, overflow="ellipsis")

    def __rich__(self) -> RenderableType:
        """Who is under way."""
        records = list(self._offboardings.values())
        under_way = [record for record in records if record.started and not _is_over(record)]
        width = min(self._console.width, WIDEST)
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(12, width // 4))
        table.add_column(width=10)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(10, width - width // 4 - 24))
        for record in under_way[:ROOM]:
            done, total = _figures(record)
            bar = ProgressBar(total=max(total, 1), completed=done, width=10)
            doing = Text(self._latest.get(record.id, ""), style="dim")
            table.add_row(self._spinner, record.user.display_name, bar, f"{done} of {total}", doing)
        lines: list[RenderableType] = [table] if under_way else []
        if len(under_way) > ROOM:
            lines.append(Text(f"  and {len(under_way) - ROOM} more under way", style="dim"))
        return Group(*lines, self._counts(records, len(under_way)))

    def _counts(self, records: Sequence[Offboarding], under_way: int) -> RenderableType:
        states = Counter(record.state for record in records if record.id in self._ended)
        parts = [Text(f"{len(self._ended)} of {len(records)} ended", style="bold")]
        parts += [
            Text(f"{count} {words.STATES[state].lower()}", style=STATES[state][1]) for state, count in states.items()
        ]
        parts.append(Text(f"{under_way} under way"))
        parts.append(Text(f"{len(records) - len(self._ended) - under_way} to come", style="dim"))
        return Text(" · ").join(parts)


def _is_running(task: TaskRecord) -> bool:
    return task.started_at is not None and task.ended_at is None


def _is_over(record: Offboarding) -> bool:
    return record.ended_at is not None or record.awaits_approval


def _figures(record: Offboarding) -> tuple[int, int]:
    return sum(task.ended_at is not None for task in record.tasks), len(record.tasks)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _bar(record: Offboarding) -> RenderableType:
    done, total = _figures(record)
    failed = sum(task.outcome in words.UNTRIED and task.ended_at is not None for task in record.tasks)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(
        Text(record.user.display_name, style="bold"),
        ProgressBar(total=max(total, 1), completed=done, width=24),
        Text.assemble(f"{done} of {total}", (f", {failed} not well" if failed else "", "bold red")),
    )
    return grid
