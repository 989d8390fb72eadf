"""Writes docs/cli.md and docs/tasks.md from the program itself; a test holds both true.

`.venv/bin/python tools/reference.py` writes them anew.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from leaver.cli import main
from leaver.cli.tasks import shape
from leaver.offboarding.words import REVERSIBILITY, STAGES
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import TaskType

DOCS = Path(__file__).parent.parent / "docs"
HEAD = "<!-- Written by tools/reference.py; change the program, not this page. -->\n"


def commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*words, name))
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield words, command


def cli_page() -> str:
    """docs/cli.md: every command with its arguments and options."""
    parts = [HEAD, "# Commands\n", inspect.cleandoc((main.help or "").split("\b")[0]).strip() + "\n"]
    parts.append(
        "TENANT is an id or any domain of the tenant; USER a UPN or an object id. Exit status: 0 nothing failed,\n"
        "1 something failed, 2 unusable input or a blocker, 3 a service could not be reached.\n"
    )
    for words, command in commands(main, ("leaver",)):
        if command.hidden:
            continue
        context = click.Context(command, info_name=words[-1])
        usage = " ".join([*words, *command.collect_usage_pieces(context)])
        text = _markdown(command.help or command.short_help or "")
        parts.append(f"## {' '.join(words)}\n\n```text\n{usage}\n```\n\n{text}\n")
        options = [found for found in (p.get_help_record(context) for p in command.params) if found]
        if options:
            rows = "\n".join(f"| `{_cell(names)}` | {_cell(help_text)} |" for names, help_text in options)
            parts.append(f"| Option | |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


def tasks_page() -> str:
    """docs/tasks.md: every task, what it is written as, what it needs and what it waits for."""
    parts = [
        HEAD,
        "# Tasks\n",
        "In the order in which they may run. What does not wait for another task runs beside it.\n",
    ]
    stage = ""
    for task in all_tasks():
        if task.stage != stage:
            stage = task.stage
            parts.append(f"## {STAGES.get(stage, stage)}\n")
        parts.append(_task(task))
    return "\n".join(parts)


def _task(task: TaskType) -> str:
    waits, changes, needs = (
        ", ".join(f"`{name}`" if name != "*" else "all others" for name in dict.fromkeys(names)) or "–"
        for names in ((*task.after, *task.needs), task.follows, task.needs)
    )
    rows = [
        ("Setting", f"`{task.name}: {shape(task)}`"),
        (
            "In `POST /api/ExecOffboardUser`",
            ", ".join(f"`{part.strip()}`" for part in task.option.api_field.split(",")),
        ),
        ("Afterwards", REVERSIBILITY[task.reversibility]),
        ("Starts after the changes of", changes),
        ("Starts after the end of", waits),
        ("Only when these ended well", needs),
        ("Waits for Microsoft up to", f"{task.patience:.0f} s in one go"),
        ("Permissions", ", ".join(f"`{scope}`" for scope in task.scopes)),
        ("Directory roles", ", ".join(task.roles) or "–"),
    ]
    table = "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows)
    return f"### {task.option.label}\n\n{inspect.getdoc(task)}\n\n| | |\n|---|---|\n{table}\n"


def _markdown(help_text: str) -> str:
    return inspect.cleandoc(re.sub(r"\s*\x08\n", "\n\n", help_text)).strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    (DOCS / "cli.md").write_text(cli_page())
    (DOCS / "tasks.md").write_text(tasks_page())
