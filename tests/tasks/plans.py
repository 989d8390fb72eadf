"""Plans of one task, asked for as a planner would, for tests that say what is special about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from leaver.domain.people import Leaver
from leaver.domain.plan import Change, NotApplicable, Note, PlanItem
from leaver.m365.tenant import Tenant
from leaver.offboarding.settings import parse
from leaver.tasks.task import Task, TaskType
from tasks.contract import make_context, with_accepted


class Asked:
    """One task of one leaver; each question is asked of fresh facts."""

    def __init__(
        self,
        tenant: Tenant,
        leaver: Leaver,
        task_type: TaskType,
        setting: Any = True,
        *,
        decisions: Mapping[str, str] | None = None,
        chosen: Iterable[str] = (),
    ) -> None:
        self.tenant, self.leaver, self.task_type, self.setting = tenant, leaver, task_type, setting
        self.decisions, self.chosen = decisions or {}, frozenset(chosen)
        self.made: list[Change] = []

    async def task(self) -> Task[Any]:
        """The task, with nothing remembered but what it has changed."""
        parsed = parse({self.task_type.name: self.setting})[self.task_type.name]
        context = await make_context(
            self.tenant, self.leaver, self.task_type, self.setting, self.decisions, self.chosen
        )
        return self.task_type(self.tenant.fresh(), self.leaver, parsed, with_accepted(context, self.made))

    async def plan(self) -> list[PlanItem]:
        """Everything that the plan says."""
        task = await self.task()
        return list(task.plan(await task.inspect()))

    async def changes(self) -> list[str]:
        """What would change."""
        return [item.what for item in await self.plan() if isinstance(item, Change)]

    async def notes(self) -> dict[str, str]:
        """The kind of each note by its code; what does not apply is `not_applicable`."""
        items = await self.plan()
        said = {item.code: item.kind.value for item in items if isinstance(item, Note)}
        return said | {item.code: "not_applicable" for item in items if isinstance(item, NotApplicable)}

    async def texts(self) -> str:
        """All notes, one a line."""
        return "\n".join(item.text for item in await self.plan() if not isinstance(item, Change))

    async def run(self) -> list[Change]:
        """Makes the planned changes, once each."""
        changes = await (await self.task()).pending()
        for change in changes:
            await (await self.task()).apply(change)
            self.made.append(change)
        return changes

    async def undo(self) -> None:
        """Takes the changes back, the last one first."""
        for change in reversed(self.made):
            await (await self.task()).undo(change)
