"""Whether a plan that was made anew is still the one that a person confirmed."""

from __future__ import annotations

from collections.abc import Mapping

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.plan import Note, NoteKind, blocker
from leaver.tasks.catalogue import all_tasks

CODE = "plan_changed"
ACCEPT = "accept"
NAMES_SHOWN = 5


def drifted(record: Offboarding, confirmed: Mapping[str, TaskRecord]) -> list[Note]:
    """A blocker that names what nobody has confirmed; empty when the difference does not matter or was accepted.

    What has gone from the plan does not matter: somebody did it already. What is new matters where the task says so,
    and so does a warning that nobody has seen.
    """
    if record.decisions.get(CODE) == ACCEPT:
        return []
    matters = {task.name for task in all_tasks() if task.drift_matters}
    news: list[str] = []
    for task in record.tasks:
        before = confirmed.get(task.task)
        seen = set() if before is None else {change.change.key for change in before.changes}
        warned = set() if before is None else {note.code for note in before.notes}
        if task.task in matters:
            news += [change.change.what for change in task.changes if change.change.key not in seen]
        news += [note.text for note in task.notes if note.kind is NoteKind.WARNING and note.code not in warned]
    if not news:
        return []
    shown = "; ".join(news[:NAMES_SHOWN]) + (f"; and {len(news) - NAMES_SHOWN} more" if len(news) > NAMES_SHOWN else "")
    who = record.user.display_name or record.user.upn
    text = f"The plan for {who} is no longer the one that was confirmed. New: {shown}. Nothing was changed."
    return [blocker(CODE, text, ACCEPT)]
