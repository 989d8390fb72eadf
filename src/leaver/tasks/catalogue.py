"""Finds every task, stage by stage.

Tasks are imported by name from the folders of the stages, so import graphs do not show these edges.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module

from leaver.domain.errors import Unusable
from leaver.tasks.task import Task, TaskType

STAGES = ("lock_out", "hand_over", "clear_out", "close_account")


@cache
def all_tasks() -> tuple[TaskType, ...]:
    """Every task, stage by stage, each behind those that it names."""
    found: list[TaskType] = []
    for stage in STAGES:
        package = import_module(f"leaver.tasks.{stage}")
        modules = (import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__))
        found += in_order([task for module in modules for task in _tasks_in(module.__name__)])
    return tuple(found)


def task_named(name: str) -> TaskType:
    """The task with this name; an unknown one is unusable."""
    for task in all_tasks():
        if task.name == name:
            return task
    raise Unusable(
        f"There is no task named {name!r}.", code="unknown_setting", advice="`leaver tasks` lists the names."
    )


def in_order(tasks: Sequence[TaskType]) -> list[TaskType]:
    """Each task behind those that its `after`, `follows` and `needs` name; otherwise as given."""
    by_name = {task.name: task for task in tasks}
    sorter = TopologicalSorter({name: waits_for(task, by_name) for name, task in by_name.items()})
    return [by_name[name] for name in sorter.static_order()]


def waits_for(task: TaskType, chosen: Iterable[str]) -> list[str]:
    """The chosen tasks that come before this one."""
    before = {*ends_first(task, chosen), *task.follows}
    return [name for name in chosen if name in before]


def ends_first(task: TaskType, chosen: Iterable[str]) -> list[str]:
    """The chosen tasks that must have ended before this one starts."""
    names = set(task.after) | set(task.needs)
    return [name for name in chosen if name != task.name and (name in names or "*" in names)]


def _tasks_in(module: str) -> list[TaskType]:
    members = inspect.getmembers(import_module(module), inspect.isclass)
    return [
        cls for _, cls in members if issubclass(cls, Task) and cls.__module__ == module and not inspect.isabstract(cls)
    ]
