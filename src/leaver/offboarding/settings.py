"""Settings: from what a door hands in to each chosen task's own parameters, and back to plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from leaver.domain.errors import Unusable
from leaver.domain.plan import Json
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import Person, Setting, Switch, TaskType


def parse(settings: Mapping[str, Any]) -> dict[str, Setting]:
    """Each chosen task's parameters, by task name in the catalogue's order; all that is wrong is said at once.

    `true` chooses a task as it is, `false` or `null` leaves it out, anything else must fit the task's own model.
    """
    if not isinstance(settings, Mapping):
        raise Unusable("The settings are not a JSON object.", "malformed_settings", advice=_ADVICE)
    tasks = {task.name: task for task in all_tasks()}
    reasons = [f"{name!r} is no task{_meant(name, tasks)}." for name in settings if name not in tasks]
    chosen: dict[str, Setting] = {}
    for name, task in tasks.items():
        value = settings.get(name)
        if value is None or value is False:
            continue
        try:
            chosen[name] = _parse_one(task, value)
        except ValidationError as error:
            reasons += [f"{name}{_place(item['loc'])}: {item['msg']}." for item in error.errors(include_url=False)]
        except ValueError as error:
            reasons.append(f"{name}: {error}")
    if not reasons and not chosen:
        reasons.append("No task is chosen, so nothing would be done.")
    if reasons:
        raise Unusable(" ".join(reasons), "malformed_settings", advice=_ADVICE)
    return chosen


def wrong_with(task: TaskType, value: Any) -> list[tuple[str, str]]:
    """What is wrong with a task's value: the field of its model, empty for the whole, and why."""
    try:
        _parse_one(task, value)
    except ValidationError as error:
        return [
            (str(item["loc"][0]) if item["loc"] else "", _why(item["type"], item["msg"])) for item in error.errors()
        ]
    except ValueError as error:
        return [("", str(error).partition(" it ")[2] or str(error))]
    return []


def same(task: TaskType, one: Any, other: Any) -> bool:
    """Whether two values of a task ask for the same; off is off, however it is written."""
    off = (None, False)
    if one in off or other in off:
        return one in off and other in off
    try:
        return _parse_one(task, one) == _parse_one(task, other)
    except ValueError:
        return bool(one == other)


def as_plain(chosen: Mapping[str, Setting]) -> dict[str, Json]:
    """The settings as they are written: what `parse` reads."""
    plain: dict[str, Json] = {}
    tasks = {task.name: task for task in all_tasks()}
    for name, setting in chosen.items():
        values = setting.model_dump(mode="json")
        option = tasks[name].option
        plain[name] = values[option.list_of] if option.list_of else (values or True)
    return plain


def people_in(chosen: Mapping[str, Setting]) -> Iterator[tuple[str, Person]]:
    """Every colleague that the settings name, with the task that names them."""
    for name, setting in chosen.items():
        for person in _people(setting):
            yield name, person


def placeholders_in(chosen: Mapping[str, Setting]) -> dict[str, frozenset[str]]:
    """What the texts of the settings want to be filled in, by the task whose texts they are."""
    found = {name: setting.placeholders for name, setting in chosen.items()}
    return {name: wanted for name, wanted in found.items() if wanted}


_ADVICE = "`leaver tasks` lists every task with the shape of its setting."


def _parse_one(task: TaskType, value: Any) -> Setting:
    option = task.option
    if value is True:
        required = [name for name, item in option.setting.model_fields.items() if item.is_required()]
        if required:
            raise ValueError(f"it needs more than `true`: {', '.join(required)}.")
        return option.setting()
    if option.setting is Switch:
        raise ValueError(f"it is either true or false, not {value!r}.")
    if option.list_of and isinstance(value, list):
        if not value:
            raise ValueError("the list is empty, so nothing would be done.")
        return option.setting.model_validate({option.list_of: value})
    if option.list_of and isinstance(value, str):
        return option.setting.model_validate({option.list_of: [value]})
    if not isinstance(value, (dict, list)):
        raise ValueError(f"it has the wrong shape: {value!r}.")
    return option.setting.model_validate(value)


def _why(kind: str, message: str) -> str:
    return "nothing is entered" if kind in ("missing", "string_too_short", "too_short") else message


def _place(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _meant(name: str, tasks: Mapping[str, TaskType]) -> str:
    folded = str(name).replace("_", "").lower()
    for task in tasks.values():
        if folded in (task.name.replace("_", ""), task.option.api_field.lower()):
            return f" (is {task.name!r} meant?)"
    return ""


def _people(value: Any) -> Iterator[Person]:
    if isinstance(value, Person):
        yield value
    elif isinstance(value, Setting):
        for name in type(value).model_fields:
            yield from _people(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _people(item)
