"""`leaver tasks`: every task with the shape of its setting and what it needs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console
from leaver.cli.options import json_option

if TYPE_CHECKING:
    from leaver.tasks.task import TaskType


@click.command(short_help="List every task and its setting.")
@json_option
def tasks(wants_json: bool) -> int:
    """List every task, the shape of its setting, and the permissions it needs."""
    from leaver.tasks.catalogue import all_tasks

    if wants_json:
        print_json({"tasks": [_as_json(task) for task in all_tasks()]})
    else:
        _show(all_tasks())
    return Ending.FINE


def shape(task: TaskType) -> str:
    """How the setting is written: `true`, `{to, keep_copy}`, `[{user, automapping}]`."""
    model: Any = task.option.setting
    fields = model.model_fields
    if not fields:
        return "true"
    if task.option.list_of:
        item = fields[task.option.list_of].annotation
        (inner,) = [part for part in getattr(item, "__args__", ()) if part is not Ellipsis][:1] or [None]
        return f"[{_braces(inner.model_fields)}]" if hasattr(inner, "model_fields") else "[user]"
    required = any(field.is_required() for field in fields.values())
    return _braces(fields) if required else f"true or {_braces(fields)}"


def _braces(fields: dict[str, Any]) -> str:
    return "{" + ", ".join(name if field.is_required() else f"{name}?" for name, field in fields.items()) + "}"


def _as_json(task: TaskType) -> dict[str, Any]:
    return {
        "task": task.name,
        "label": task.option.label,
        "stage": task.stage,
        "api_field": task.option.api_field,
        "setting": shape(task),
        "schema": True if shape(task) == "true" else task.option.setting.model_json_schema(),
        "reversibility": task.reversibility.value,
        "permissions": list(task.scopes),
        "roles": list(task.roles),
        "description": inspect.getdoc(task) or "",
    }


def _show(found: tuple[TaskType, ...]) -> None:
    from rich.table import Table

    from leaver.offboarding.words import REVERSIBILITY, STAGES

    out = console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Setting", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("Afterwards", no_wrap=True)
    stage = ""
    for task in found:
        if task.stage != stage:
            stage = task.stage
            table.add_row(STAGES.get(stage, stage), style="bold", end_section=False)
        table.add_row(f" {task.name}", shape(task), REVERSIBILITY[task.reversibility])
    out.print(table)
    out.print("\nWith --json: permissions, roles and what each task does.")
