"""Shows how offboardings ended: the verdict, each task, what went wrong, what is left for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaver.cli.plan_view import WIDEST, row
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome, State
from leaver.domain.plan import NoteKind
from leaver.domain.rights import FROM_INDEX
from leaver.offboarding import words
from leaver.offboarding.sections import by_section

ICONS = {
    Outcome.VERIFIED: ("✓", "green"),
    Outcome.ALREADY_IN_PLACE: ("✓", "dim"),
    Outcome.NOT_APPLICABLE: ("⊘", "dim"),
    Outcome.FOLLOW_UP: ("→", "magenta"),
    Outcome.WAITING: ("…", "cyan"),
    Outcome.PLANNED: ("·", "dim"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.UNVERIFIED: ("?", "bold red"),
    Outcome.BLOCKED: ("!", "bold red"),
    Outcome.CANCELLED: ("⊘", "yellow"),
}
STATES = {
    State.COMPLETED: ("✓", "green"),
    State.FOLLOW_UP: ("→", "magenta"),
    State.FAILED: ("✗", "bold red"),
    State.BLOCKED: ("!", "bold red"),
    State.CANCELLED: ("⊘", "yellow"),
    State.WAITING: ("…", "cyan"),
    State.RUNNING: ("…", "cyan"),
    State.PLANNED: ("·", "dim"),
    State.SCHEDULED: ("·", "dim"),
}
TONES = {"ok": "bold green", "warn": "bold magenta", "bad": "bold red", "info": "bold cyan"}


MANY = 5
"""More users than this are shown as an overview: a line for each, and in full what did not end well."""


def show_results(console: Console, offboardings: Sequence[Offboarding]) -> None:
    """Each offboarding's end; of many a line each, and then what somebody has to look at."""
    if len(offboardings) <= MANY:
        show_result(console, offboardings)
        return
    width = min(console.width, WIDEST)
    console.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", width=width)
    table.add_column("")
    table.add_column("User", overflow="fold", ratio=3)
    table.add_column("Result", no_wrap=True)
    table.add_column("Changes", no_wrap=True, justify="right")
    table.add_column("ID", no_wrap=True)
    for record in offboardings:
        glyph, style = STATES[record.state]
        made = sum(len(words.made(task)) for task in record.tasks)
        who = Text.assemble((record.user.display_name, "bold"), f"  {record.user.upn}")
        table.add_row(
            Text(glyph, style=style), who, Text(words.STATES[record.state], style=style), str(made), record.id
        )
    console.print(table)
    for record in offboardings:
        if record.state not in (State.COMPLETED, State.SCHEDULED):
            show_result(console, [record], tasks_too=False)
    counts = Counter(record.state for record in offboardings)
    console.print()
    parts = (f"{count} {words.STATES[state].lower()}" for state, count in counts.items())
    console.print(Text(f"{words.counted(len(offboardings), 'user')}: {', '.join(parts)}.", style="bold"), width=width)


def end_of(record: Offboarding) -> Text:
    """How one of many ended, in one line."""
    glyph, style = STATES[record.state]
    made = sum(len(words.made(task)) for task in record.tasks)
    began = min((task.started_at for task in record.tasks if task.started_at is not None), default=None)
    details = [words.counted(made, "change")]
    if duration := words.took(began, max((t.ended_at for t in record.tasks if t.ended_at is not None), default=None)):
        details.append(duration)
    when = words.clock(record.ended_at)
    state = "waits for a second person" if record.awaits_approval else words.STATES[record.state].lower()
    line = Text.assemble((glyph, style), " ", (f"{when}  " if when else "", "dim"))
    line.append(record.user.display_name, style="bold").append(f"  {record.user.upn}: ").append(state, style=style)
    return line.append(f" ({', '.join(details)})", style="dim")


def show_result(console: Console, offboardings: Sequence[Offboarding], *, tasks_too: bool = True) -> None:
    """Each offboarding's end."""
    width = min(console.width, WIDEST)
    for offboarding in offboardings:
        verdict = words.verdict(offboarding)
        console.print()
        console.print(Text.assemble((offboarding.user.display_name, "bold"), f"  {offboarding.user.upn}"), width=width)
        console.print(Text.assemble((verdict.headline, TONES[verdict.tone]), " ", verdict.figures), width=width)
        if tasks_too:
            for title, tasks in by_section(offboarding):
                console.print(Text(f"\n{title}", style="bold"))
                for task in tasks:
                    console.print(_task(task), width=width)
                    for note in task.notes:
                        if note.code == FROM_INDEX:
                            console.print(row(Text(" "), Text(note.text, style="dim"), indent=3), width=width)
        _problems(console, offboarding, width)


def task_line(task: TaskRecord) -> Text:
    """A task that has ended, in one line."""
    line = Text.assemble(task.label or task.task, ": ", (words.OUTCOMES[task.outcome].lower(), ICONS[task.outcome][1]))
    done = words.made(task)
    details = [words.counted(len(done), "change")] if done else []
    if duration := words.took(task.started_at, task.ended_at):
        details.append(duration)
    return line.append(f" ({', '.join(details)})", style="dim") if done else line


def _task(task: TaskRecord) -> object:
    glyph, style = ICONS[task.outcome]
    done = words.made(task)
    name = Text(task.label or task.task)
    if done:
        name.append(f"  {words.counted(len(done), 'change')}", style="dim")
    seen = [record.verified_at for record in done if record.verified_at]
    end = Text(words.OUTCOMES[task.outcome], style=style)
    if seen and task.outcome in (Outcome.VERIFIED, Outcome.FOLLOW_UP):
        end.append(f"  read back {words.clock(max(seen))}", style="dim")
    return row(Text(glyph, style=style), name, end, indent=1)


def _own_notes(console: Console, offboarding: Offboarding, width: int) -> None:
    """Why it stands still and how to decide that; and what was noticed about the user."""
    for note in offboarding.notes:
        stops = note.kind is NoteKind.BLOCKER
        console.print()
        console.print(Text(note.text, style="bold red" if stops else "dim"), width=width)
        for choice in note.choices if stops else ():
            console.print(f"  leaver retry {offboarding.id} --decide {note.code}={choice}", soft_wrap=True)


def _problems(console: Console, offboarding: Offboarding, width: int) -> None:
    _own_notes(console, offboarding, width)
    for task in offboarding.tasks:
        if task.error is None:
            continue
        console.print()
        console.print(Text(f"{task.label or task.task}: {words.OUTCOMES[task.outcome].lower()}", style="bold red"))
        console.print(Text(f"{task.error.message} [{task.error.code}]"), width=width)
        if task.error.advice:
            console.print(Text(task.error.advice), width=width)
        if task.error.request_id:
            console.print(Text(f"Microsoft's request id: {task.error.request_id}", style="dim"), width=width)
    hindered = [task for task in offboarding.tasks if task.outcome is Outcome.BLOCKED and task.error is None]
    for task in hindered:
        for note in task.notes:
            console.print(Text(f"\n{task.label or task.task}: {note.text}"), width=width)
    follow_ups = words.notes_of(offboarding, NoteKind.FOLLOW_UP)
    if follow_ups:
        console.print(Text("\nLeft for a person", style="bold magenta"))
    for _, note in follow_ups:
        console.print(row(Text("→", style="magenta"), Text(note.text), indent=1), width=width)
