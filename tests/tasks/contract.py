"""What every task promises, as a class to subclass."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from leaver.domain.people import Colleague, Leaver
from leaver.domain.plan import Change
from leaver.m365.tenant import Tenant
from leaver.offboarding.settings import parse, people_in
from leaver.tasks.catalogue import task_named
from leaver.tasks.task import Context, Task, TaskType
from m365_simulator.world import World
from support import Wire


class TaskContract:
    """Planning writes nothing; applying leaves nothing to plan; twice is harmless; undoing restores the world."""

    task_type: ClassVar[TaskType]
    setting: ClassVar[Any] = True
    """As it is written in the settings."""
    decisions: ClassVar[Mapping[str, str]] = {}
    chosen: ClassVar[frozenset[str]] = frozenset()
    """Other tasks that are chosen besides."""
    undoable: ClassVar[bool] = True
    """False where the docstring of the task says why nothing comes back."""

    def given(self, world: World) -> None:
        """Arrange the world so that the task has something to do for ada."""

    def untouched(self, world: World) -> Any:
        """What undo restores: a comparable picture of the world. By default the whole of it."""
        return copy.deepcopy(world)

    async def make(self, tenant: Tenant, leaver: Leaver, context: Context | None = None) -> Task[Any]:
        """The task with its setting, people resolved."""
        if context is None:
            context = await make_context(tenant, leaver, self.task_type, self.setting, self.decisions, self.chosen)
        parsed = parse({self.task_type.name: self.setting})[self.task_type.name]
        return self.task_type(tenant.fresh(), leaver, parsed, context)

    @pytest.fixture
    def arranged(self, world: World) -> World:
        """The world that the test starts from."""
        self.given(world)
        return world

    def test_is_found_in_the_catalogue(self) -> None:
        assert task_named(self.task_type.name) is self.task_type

    async def test_there_is_something_to_do(self, arranged: World, tenant: Tenant, ada: Leaver) -> None:
        task = await self.make(tenant, ada)

        assert await task.pending()

    async def test_planning_writes_nothing(self, arranged: World, tenant: Tenant, ada: Leaver, wire: Wire) -> None:
        before = copy.deepcopy(arranged)

        await (await self.make(tenant, ada)).pending()

        assert wire.writes == []
        assert arranged == before

    async def test_planning_twice_says_the_same(self, arranged: World, tenant: Tenant, ada: Leaver) -> None:
        task = await self.make(tenant, ada)
        facts = await task.inspect()

        assert list(task.plan(facts)) == list(task.plan(facts))

    async def test_applying_leaves_nothing_to_plan(self, arranged: World, tenant: Tenant, ada: Leaver) -> None:
        made = await self.apply_all(tenant, ada)

        assert made

    async def test_applying_twice_is_harmless(self, arranged: World, tenant: Tenant, ada: Leaver) -> None:
        context = await make_context(tenant, ada, self.task_type, self.setting, self.decisions, self.chosen)
        changes = await (await self.make(tenant, ada, context)).pending()
        await self.apply_all(tenant, ada, context)

        for change in changes:
            if change.reversibility.value != "permanent":
                await (await self.make(tenant, ada, context)).apply(change)

        after = with_accepted(context, changes)
        assert await (await self.make(tenant, ada, after)).pending() == []

    async def test_undoing_restores_the_world(self, arranged: World, tenant: Tenant, ada: Leaver) -> None:
        if not self.undoable:
            changes = await (await self.make(tenant, ada)).pending()
            assert not any(change.reversible for change in changes)
            return
        before = self.untouched(arranged)
        made = await self.apply_all(tenant, ada)

        for change in reversed(made):
            assert change.reversible, f"{change.what} cannot come back; say so with undoable = False"
            await (await self.make(tenant, ada)).undo(change)

        assert self.untouched(arranged) == before

    async def apply_all(self, tenant: Tenant, leaver: Leaver, context: Context | None = None) -> list[Change]:
        """Apply round after round, as settling does, until nothing is left to plan; gives the changes made."""
        context = context or await make_context(
            tenant, leaver, self.task_type, self.setting, self.decisions, self.chosen
        )
        made: list[Change] = []
        for _ in range(20):
            context = with_accepted(context, made)
            changes = await (await self.make(tenant, leaver, context)).pending()
            if not changes:
                return made
            for change in changes:
                try:
                    await (await self.make(tenant, leaver, context)).apply(change)
                except Exception as error:
                    if type(error).__name__ != "NotYet":
                        raise
                else:
                    made.append(change)
            await asyncio.sleep(0.01)
        raise AssertionError(f"still to do after 20 rounds: {[change.what for change in changes]}")


async def make_context(
    tenant: Tenant,
    leaver: Leaver,
    task_type: TaskType,
    setting: Any,
    decisions: Mapping[str, str],
    chosen: frozenset[str],
) -> Context:
    """A context as intake and planner make it."""
    parsed = parse({task_type.name: setting})
    people: dict[str, Colleague] = {}
    for _, person in people_in(parsed):
        found = await (tenant.users.manager(leaver.id) if person == "manager" else tenant.users.colleague(person))
        assert found is not None
        people[person] = found
    return Context(asked_at=tenant.now(), decisions=decisions, chosen=chosen | {task_type.name}, people=people)


def with_accepted(context: Context, made: list[Change]) -> Context:
    """The context after these changes were made."""
    keys = context.accepted | {change.key for change in made}
    return Context(context.asked_at, context.decisions, context.chosen, context.people, frozenset(keys))
