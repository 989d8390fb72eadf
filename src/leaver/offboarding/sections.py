"""An offboarding's tasks under the headings where people look for them: the same for every door and on paper."""

from __future__ import annotations

from collections.abc import Iterator

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import Section


def by_section(offboarding: Offboarding) -> Iterator[tuple[str, list[TaskRecord]]]:
    """The sections' titles with their tasks, in the order in which people are offered them."""
    options = {task.name: task.option for task in all_tasks()}
    known = sorted((task for task in offboarding.tasks if task.task in options), key=lambda t: options[t.task].place)
    for section in Section:
        tasks = [task for task in known if options[task.task].section is section]
        if tasks:
            yield section.value, tasks
    gone = [task for task in offboarding.tasks if task.task not in options]  # of another version of the program
    if gone:
        yield "Other tasks", gone
