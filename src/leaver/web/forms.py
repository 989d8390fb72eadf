"""Forms made from the tasks' own options: no task is named here."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from leaver.domain.plan import Json
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import Person, Section, TaskType

ICONS = {
    Section.ACCESS: "lock",
    Section.MAILBOX: "mail",
    Section.FILES: "cloud",
    Section.GROUPS: "license",
    Section.ACCOUNT: "user",
}


@dataclass(frozen=True)
class Field:
    """One input of a task."""

    name: str
    label: str
    kind: str
    """`people`, `person`, `text`, `flag`, `number` or `choice`."""
    required: bool = False
    value: str = ""
    choices: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Row:
    """A task as it is offered."""

    task: TaskType
    on: bool
    fields: tuple[Field, ...]
    text: str
    origin: str = ""
    locked: bool = False


def rows(settings: Mapping[str, Any], origins: Mapping[str, tuple[str, bool]]) -> list[tuple[str, str, list[Row]]]:
    """Every task by section: heading, icon and rows. `origins` is who says so, and whether it is locked."""
    tasks = sorted(all_tasks(), key=lambda task: task.option.place)
    return [
        (
            section.value,
            ICONS[section],
            [_row(task, settings.get(task.name), origins) for task in tasks if task.option.section is section],
        )
        for section in Section
    ]


def read(form: Mapping[str, list[str]]) -> dict[str, Json]:
    """The settings that a posted form chose."""
    chosen = set(form.get("task", []))
    return {task.name: _read(task, form) for task in all_tasks() if task.name in chosen}


def read_defaults(form: Mapping[str, list[str]]) -> dict[str, Json]:
    """What a posted form presets: a task's value, or False where it is off; nothing for what is inherited."""
    said = {task: "".join(form.get(f"is:{task.name}", [])) for task in all_tasks()}
    return {
        task.name: _read(task, form) if word == "on" else False for task, word in said.items() if word in ("on", "off")
    }


def _row(task: TaskType, value: Any, origins: Mapping[str, tuple[str, bool]]) -> Row:
    origin, locked = origins.get(task.name, ("", False))
    return Row(task, value not in (None, False), tuple(_fields(task, value)), task.option.text, origin, locked)


def _fields(task: TaskType, value: Any) -> list[Field]:
    option = task.option
    if option.list_of:
        item = _item(option.setting.model_fields[option.list_of].annotation)
        given = value if isinstance(value, list) else []
        flag = _flag_of(item)
        if flag is None:
            return [_people(f"{task.name}.people", "Who", [str(person) for person in given])]
        return [
            _people(
                f"{task.name}.{flag}.{word}",
                f"{'With' if word == 'yes' else 'Without'} {flag}",
                [str(each["user"]) for each in given if bool(each.get(flag, True)) == (word == "yes")],
            )
            for word in ("yes", "no")
        ]
    values: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    return [
        _field(f"{task.name}.{name}", name, info, values.get(name))
        for name, info in option.setting.model_fields.items()
    ]


def _field(name: str, label: str, info: Any, value: Any) -> Field:
    kind, choices = _kind(info.annotation)
    default = None if info.is_required() else info.default
    shown = value if value is not None else default
    text = "on" if shown is True else "" if shown in (None, False) else str(shown)
    hint = "A UPN, an object id, or `manager`." if kind == "person" else ""
    return Field(name, label.replace("_", " ").capitalize(), kind, info.is_required(), text, choices, hint)


def _people(name: str, label: str, given: list[str]) -> Field:
    return Field(name, label, "people", value="\n".join(given), hint="One a line: a UPN, an object id, or `manager`.")


def _kind(annotation: Any) -> tuple[str, tuple[str, ...]]:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return "choice", tuple(str(choice) for choice in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        return _kind(inner[0])
    if origin is typing.Annotated:
        return _kind(typing.get_args(annotation)[0])
    if annotation is bool:
        return "flag", ()
    if annotation is int:
        return "number", ()
    if isinstance(annotation, type) and issubclass(annotation, Person):
        return "person", ()
    return "text", ()


def _item(annotation: Any) -> Any:
    inner = annotation
    while typing.get_origin(inner) is typing.Annotated:
        inner = typing.get_args(inner)[0]
    parts = [part for part in typing.get_args(inner) if part is not Ellipsis]
    return parts[0] if parts else str


def _flag_of(item: Any) -> str | None:
    if not (isinstance(item, type) and issubclass(item, BaseModel)):
        return None
    return next((name for name, info in item.model_fields.items() if info.annotation is bool), None)


def _read(task: TaskType, form: Mapping[str, list[str]]) -> Json:
    option = task.option
    if option.list_of:
        flag = _flag_of(_item(option.setting.model_fields[option.list_of].annotation))
        if flag is None:
            return list(_lines(form, f"{task.name}.people"))
        return [
            {"user": person, flag: word == "yes"}
            for word in ("yes", "no")
            for person in _lines(form, f"{task.name}.{flag}.{word}")
        ]
    values: dict[str, Json] = {}
    for name, info in option.setting.model_fields.items():
        kind, _ = _kind(info.annotation)
        text = "".join(form.get(f"{task.name}.{name}", [])).strip()
        if kind == "flag":
            values[name] = text == "on"
        elif kind == "number" and text:
            values[name] = int(text) if text.isdigit() else text
        elif text or info.is_required():
            values[name] = text
    return values or True


def _lines(form: Mapping[str, list[str]], name: str) -> list[str]:
    text = "\n".join(form.get(name, []))
    return [line.strip() for line in text.replace(",", "\n").replace(";", "\n").splitlines() if line.strip()]
