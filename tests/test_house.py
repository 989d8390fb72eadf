"""Rules about all tasks and all rooms; no test lists the tasks."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from leaver.tasks.catalogue import STAGES, all_tasks
from leaver.tasks.task import Task, TaskType

ROOT = Path(__file__).parent.parent
TASKS = all_tasks()


def named(task: TaskType) -> str:
    """The task's name, for the test's."""
    return task.name


@pytest.mark.parametrize("task", TASKS, ids=named)
class TestEveryTask:
    def test_has_a_test_of_its_own(self, task: TaskType) -> None:
        text = (ROOT / "tests" / "tasks" / task.stage / f"test_{task.name}.py").read_text()

        assert "TaskContract" in text

    def test_has_a_docstring(self, task: TaskType) -> None:
        assert task.__doc__ != Task.__doc__
        assert (task.__doc__ or "").strip()

    def test_names_the_permissions_that_it_needs(self, task: TaskType) -> None:
        assert task.scopes

    def test_waits_only_for_tasks_that_exist(self, task: TaskType) -> None:
        assert set(task.comes_behind()) <= {other.name for other in TASKS} | {"*"}

    def test_stands_in_a_stage(self, task: TaskType) -> None:
        assert task.stage in STAGES

    def test_undoes_what_it_calls_reversible(self, task: TaskType) -> None:
        source = inspect.getsource(inspect.getmodule(task) or task)
        one_way = "ONE_WAY" in source or "PERMANENT" in source

        assert task.undo is not Task.undo or one_way


def test_no_two_tasks_use_one_field_of_the_api() -> None:
    fields = [field.strip() for task in TASKS for field in task.option.api_field.split(",")]

    assert len(fields) == len(set(fields))


def test_no_two_tasks_of_a_section_stand_in_the_same_place() -> None:
    places = [(task.option.section, task.option.place) for task in all_tasks()]

    assert len(set(places)) == len(places)


def test_each_task_follows_those_that_it_waits_for() -> None:
    position = {task.name: index for index, task in enumerate(TASKS)}
    for stage in STAGES:
        for task in (task for task in TASKS if task.stage == stage):
            for other in task.comes_behind():
                if other != "*" and TASKS[position[other]].stage == stage:
                    assert position[other] < position[task.name]


def test_the_order_has_no_circle() -> None:
    waits = {task.name: set(task.comes_behind()) for task in TASKS}
    everything = set(waits)
    done: set[str] = set()
    while done != everything:
        ready = {
            name
            for name, names in waits.items()
            if name not in done and (everything - {name} if "*" in names else names) <= done
        }
        assert ready, f"these wait for each other: {sorted(everything - done)}"
        done |= ready


def test_the_product_does_not_know_the_simulator() -> None:
    allowed = {"simulate.py", "demo.py"}  # they start it, as a process of its own
    knowing = [
        path.name
        for path in (ROOT / "src" / "leaver").rglob("*.py")
        if re.search(r"m365_simulator|simulat", path.read_text()) and path.name not in allowed
    ]

    assert [name for name in knowing if name != "__init__.py"] == []


def test_help_loads_neither_the_clients_nor_the_tasks() -> None:
    """`leaver --help` answers in under half a second because it loads nothing that it does not show."""
    code = "import sys, leaver.cli; print([m for m in ('httpx', 'msal', 'pydantic', 'rich.live') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
