"""Shows a plan: who, what exactly, what is in place, what does not apply, what cannot come back, how long."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.people import TenantName
from leaver.domain.plan import Note, NoteKind, Reversibility
from leaver.offboarding import words
from leaver.offboarding.sections import by_section

WIDEST = 100
"""Columns; longer lines are hard to read."""
STYLES = {"add": "green", "change": "cyan", "remove": "red", "done": "dim", "not_here": "dim", "blocker": "bold red"}
MARKS = {Reversibility.ONE_WAY: "yellow", Reversibility.PERMANENT: "bold red"}
NOTE_STYLES = {
    NoteKind.WARNING: "yellow",
    NoteKind.BLOCKER: "bold red",
    NoteKind.FOLLOW_UP: "magenta",
    NoteKind.INFO: "dim",
}
NOTE_WORDS = {NoteKind.WARNING: "Warning: ", NoteKind.BLOCKER: "Blocker: ", NoteKind.FOLLOW_UP: "For a person: "}


def show_plan(console: Console, tenant: TenantName, offboardings: Sequence[Offboarding]) -> None:
    """Every user's plan, then a line that sums them up."""
    width = min(console.width, WIDEST)
    console.print(Text(f"{tenant.name or tenant.domain} ({tenant.domain or tenant.id})", style="bold"), width=width)
    for offboarding in offboardings:
        console.print()
        console.print(_user(offboarding), width=width)
    console.print()
    console.print(_key(offboardings), width=width)


def show_plans_of_many(console: Console, tenant: TenantName, offboardings: Sequence[Offboarding]) -> None:
    """A line for each user; what needs a second thought is gathered below."""
    width = min(console.width, WIDEST)
    console.print(Text(f"{tenant.name or tenant.domain} ({tenant.domain or tenant.id})", style="bold"), width=width)
    console.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", width=width)
    table.add_column("User", overflow="fold", ratio=1)
    for name in ("Tasks", "Changes", "Permanent", "Warnings"):
        table.add_column(name, justify="right", no_wrap=True)
    for record in offboardings:
        changing = [task for task in record.tasks if task.changes]
        changes = sum(len(task.changes) for task in changing)
        permanent, warnings = len(record.permanent), len(words.notes_of(record, NoteKind.WARNING))
        table.add_row(
            Text.assemble((record.user.display_name, "bold"), f"  {record.user.upn}"),
            str(len(changing)),
            str(changes) if changes else Text("nothing to do", style="dim"),
            Text(str(permanent or ""), style="bold red"),
            Text(str(warnings or ""), style="yellow"),
        )
    console.print(table)
    gathered: dict[tuple[NoteKind, str], list[tuple[str, str]]] = {}
    for record in offboardings:
        for _, note in words.notes_of(record, NoteKind.WARNING, NoteKind.FOLLOW_UP):
            gathered.setdefault((note.kind, note.code), []).append((record.user.display_name, note.text))
    if gathered:
        console.print()
    for (kind, _), found in gathered.items():
        console.print(_of_many(kind, found), width=width)
    console.print()
    changes = sum(len(task.changes) for record in offboardings for task in record.tasks)
    total = f"{words.counted(len(offboardings), 'user')}, {words.counted(changes, 'change')}."
    console.print(Text(f"{total} `leaver plan` shows every one.", style="dim"), width=width)
    if permanent := sum(len(record.permanent) for record in offboardings):
        text = f"{words.counted(permanent, 'change')} cannot be undone by anyone."
        console.print(Text(text, style="bold red"), width=width)


def _of_many(kind: NoteKind, found: Sequence[tuple[str, str]]) -> RenderableType:
    """A note that several users have: whom it is about, and what it says, of the first where they differ."""
    names = list(dict.fromkeys(name for name, _ in found))
    shown = words.listed(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"
    texts = {text for _, text in found}
    such = "" if len(texts) == 1 else "for example: "
    style = NOTE_STYLES[kind]
    text = Text.assemble((NOTE_WORDS.get(kind, ""), style), (f"{shown}: ", "bold"), such, found[0][1])
    return row(Text("·", style=style), text)


def change_lines(task: TaskRecord) -> list[RenderableType]:
    """Each change of a task, with its glyph."""
    return [
        row(
            Text(words.GLYPHS[kind], style=STYLES[kind]),
            Text(words.sentence(record.change)),
            indent=4,
        )
        for record in task.changes
        for kind in [words.kind_of(record.change)]
    ]


def note_line(note: Note, indent: int = 4) -> RenderableType:
    """A note, and how to decide it if it can be decided."""
    style = NOTE_STYLES[note.kind]
    text = Text.assemble(
        (NOTE_WORDS.get(note.kind, ""), style), (note.text, style if note.kind is NoteKind.INFO else "")
    )
    lines: list[RenderableType] = [
        row(Text("!" if note.kind is NoteKind.BLOCKER else "·", style=style), text, indent=indent)
    ]
    if note.choices:
        choices = "  or  ".join(f"--decide {shlex.quote(f'{note.key}={choice}')}" for choice in note.choices)
        lines.append(Padding(Text(choices, style="cyan"), (0, 0, 0, indent + 2)))
    return Group(*lines)


def row(glyph: Text, body: Text, end: Text | None = None, indent: int = 0) -> RenderableType:
    """Glyph, text that wraps under itself, and a word at the right edge."""
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(width=1, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    cells: list[Text] = [glyph, body]
    if end is not None and end.plain:
        grid.add_column(justify="right", no_wrap=True)
        cells.append(end)
    grid.add_row(*cells)
    return Padding(grid, (0, 0, 0, indent))


def _user(offboarding: Offboarding) -> RenderableType:
    user = offboarding.user
    lines: list[RenderableType] = [
        Text.assemble((user.display_name, "bold"), f"  {user.upn}"),
        Text(_sum(offboarding), style="dim"),
        *(note_line(note, indent=0) for note in offboarding.notes),
    ]
    for title, tasks in by_section(offboarding):
        lines.append(Text(f"\n{title}", style="bold"))
        for task in tasks:
            lines += _task(task)
    return Group(*lines)


def _task(task: TaskRecord) -> list[RenderableType]:
    kind = words.kind_of_task(task)
    mark = words.mark(task)
    if task.outcome is Outcome.PLANNED:
        end = Text(words.REVERSIBILITY[mark], style=MARKS.get(mark, "dim")) if mark else Text("waits", style="dim")
    else:
        end = Text(words.OUTCOMES[task.outcome].lower(), style="bold red" if kind == "blocker" else "dim")
    name = Text(task.label or task.task, style="" if task.changes or kind == "blocker" else "dim")
    lines = [row(Text(words.GLYPHS[kind], style=STYLES[kind]), name, end, indent=1)]
    lines += change_lines(task)
    lines += [note_line(note) for note in task.notes]
    return lines


def _sum(offboarding: Offboarding) -> str:
    tasks = offboarding.tasks
    changing = [task for task in tasks if task.changes]
    number = words.counted(sum(len(task.changes) for task in changing), "change")
    parts = [f"{number} in {words.counted(len(changing), 'task')}" if changing else "nothing to change"]
    for outcome in (Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE, Outcome.BLOCKED):
        found = sum(task.outcome is outcome for task in tasks)
        if found:
            parts.append(f"{found} {words.OUTCOMES[outcome].lower()}")
    if changing:
        parts.append(words.about(offboarding.estimate_seconds))
    return " · ".join(parts)


def _key(offboardings: Sequence[Offboarding]) -> Text:
    permanent = sum(len(offboarding.permanent) for offboarding in offboardings)
    text = Text("+ add  ~ change  − remove  ✓ in place  ⊘ not here", style="dim")
    if permanent:
        text.append(f"\n{words.counted(permanent, 'change')} cannot be undone by anyone.", style="bold red")
    return text
