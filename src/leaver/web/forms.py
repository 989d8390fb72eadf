"""Forms made from the tasks' own options: no task is named here."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from leaver.domain.plan import Json
from leaver.offboarding.settings import wrong_with
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.placeholders import unknown
from leaver.tasks.task import Person, Section, TaskType

ICONS = {
    Section.ACCESS: "lock",
    Section.MAILBOX: "mail",
    Section.FILES: "cloud",
    Section.GROUPS: "license",
    Section.ACCOUNT: "user",
}


NAMED = "UPNs or object ids, or the word manager; several with commas between them."


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
    caution: str = ""
    """What is odd about the value, and no fault."""


@dataclass(frozen=True)
class Fault:
    """A field that has to be put right: the id of its element, and what is wrong."""

    field: str
    text: str


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


def drop(form: dict[str, list[str]]) -> str:
    """Take the person out of a posted form whose cross was pressed; the field they were in, or nothing."""
    name, _, person = "".join(form.get("drop", [])[:1]).partition("|")
    if name in form:
        form[name] = [value for value in form[name] if value != person]
    return name


def read_defaults(form: Mapping[str, list[str]]) -> dict[str, Json]:
    """What a posted form presets: a task's value, or False where it is off; nothing for what is inherited."""
    said = {task: "".join(form.get(f"is:{task.name}", [])) for task in all_tasks()}
    return {
        task.name: _read(task, form) if word == "on" else False for task, word in said.items() if word in ("on", "off")
    }


def faults(settings: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with what was entered, each with the field where it is put right."""
    found = []
    for task in all_tasks():
        value = settings.get(task.name)
        if value in (None, False):
            continue
        fields = {field.name: field for field in _fields(task, value)}
        for name, why in wrong_with(task, value):
            field = fields.get(f"{task.name}.{name}") or next(iter(fields.values()), None)
            label = f"{task.option.label}, {field.label.lower()}" if field else task.option.label
            said = "nobody is named" if "empty" in why and task.option.list_of else why
            found.append(Fault(field.name if field else f"t-{task.name}", f"{label}: {said}"))
    return found


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
            return [_people(f"{task.name}.people", "Who gets access", [str(person) for person in given])]
        info = item.model_fields[flag]
        named = {"yes": info.title or f"With {flag}", "no": f"Without {flag}"}
        hints = {"yes": info.description or "", "no": ""}
        return [
            _people(
                f"{task.name}.{flag}.{word}",
                named[word],
                [str(each["user"]) for each in given if bool(each.get(flag, True)) == (word == "yes")],
                hints[word] and f"{hints[word]} {NAMED}",
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
    hint = info.description or ("A UPN, an object id, or the word manager." if kind == "person" else "")
    shown_as = info.title or label.replace("_", " ").capitalize()
    odd = unknown(text) if kind == "text" else []
    caution = f"Senders read {', '.join(odd)} as it stands: there is no such placeholder." if odd else ""
    return Field(name, shown_as, kind, info.is_required(), text, choices, hint, caution)


def _people(name: str, label: str, given: list[str], hint: str = "") -> Field:
    return Field(name, label, "people", value="\n".join(given), hint=hint or NAMED)


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
    lines = text.replace(",", "\n").replace(";", "\n").splitlines()
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
