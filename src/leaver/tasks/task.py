"""What a task is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from leaver.domain.people import Colleague, Leaver
from leaver.domain.plan import Change, PlanItem, Reversibility
from leaver.m365.tenant import Tenant

Facts = TypeVar("Facts")

MICROSOFT_MAY_TAKE = 90.0
"""Seconds until a directory read shows what was written, in the worst case that we wait for (contracts/graph.md §0)."""


class Person(str):
    """A colleague named in the settings: a UPN, an object id, or the word `manager`."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """A string that is not blank."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(strict=True, strip_whitespace=True, min_length=1)
        )


class Setting(BaseModel):
    """The parameters of one task: a small model in the task's own file. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @property
    def placeholders(self) -> frozenset[str]:
        """What its texts want to be filled in for each user."""
        return frozenset()


class Switch(Setting):
    """The setting of a task that has nothing to choose: `true`."""


class Section(StrEnum):
    """What a task is about; people find it under this heading. When it runs is the stage's business."""

    ACCESS = "Access now"
    MAILBOX = "Mailbox"
    FILES = "Files and Teams"
    GROUPS = "Groups and licenses"
    ACCOUNT = "Account"


@dataclass(frozen=True)
class Option:
    """How a task is offered: in the portal, the API, the command line and the docs."""

    api_field: str
    """The name that `POST /api/ExecOffboardUser` uses."""
    label: str
    section: Section
    place: int
    """Where it stands within its section; no two of a section have the same."""
    text: str
    """One sentence for whoever decides about it."""
    setting: type[Setting] = Switch
    """Parsed from `true` (all defaults) or from the shape that `shape` names."""
    list_of: str = ""
    """Where the setting is written as a bare list, the field of the model that takes it."""
    noun: str = "change"
    """What one of several changes is counted as: `3 devices`."""
    short: str = ""
    """What it is called where there is little room, if the label is too long for that."""


@dataclass(frozen=True)
class Context:
    """What a task may know besides its facts: how the offboarding was asked for."""

    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was asked for, on the service's clock; with an earlier offboarding still in force, that one's moment."""
    decisions: Mapping[str, str] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()
    """Names of the tasks chosen for this offboarding."""
    people: Mapping[str, Colleague] = field(default_factory=dict)
    """Each `Person` of the settings, resolved within the tenant."""
    accepted: frozenset[str] = frozenset()
    """Keys of changes that Microsoft has accepted since `asked_at`; for what it shows no other trace of."""
    begun: Mapping[str, Change] = field(default_factory=dict)
    """Changes whose answer was lost, by key, as they were planned then: Microsoft may have made them, or not."""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    """What the texts of the settings are filled in with."""

    @property
    def earliest(self) -> datetime:
        """What counts as stamped by Microsoft since `asked_at`: stamps are cut to seconds, and clocks differ."""
        return self.asked_at.replace(microsecond=0) - timedelta(seconds=2)


class Task(ABC, Generic[Facts]):
    """One kind of offboarding work for one leaver.

    It inspects (reads), plans (a pure function of facts, setting and context), applies one change, undoes one change.
    It is verified when a fresh inspect leaves nothing to plan, so it has no `verify`.
    """

    option: ClassVar[Option]
    scopes: ClassVar[tuple[str, ...]]
    """Application permissions, least first (contracts/auth.md §5)."""
    roles: ClassVar[tuple[str, ...]] = ()
    """Directory roles that the application needs besides."""
    after: ClassVar[tuple[str, ...]] = ()
    """Tasks that must have ended, well or badly, before this one starts."""
    follows: ClassVar[tuple[str, ...]] = ()
    """Tasks whose changes Microsoft must have accepted before this one makes its own; reading them back may go on."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tasks that must have ended well; `*` is every other task that was chosen."""
    reversibility: ClassVar[Reversibility] = Reversibility.UNDO
    patience: ClassVar[float] = MICROSOFT_MAY_TAKE
    """Seconds to wait for Microsoft to show the result."""
    drift_matters: ClassVar[bool] = False
    """Whether a change that nobody has confirmed (another group) stops a scheduled run before it starts."""
    usual_seconds: ClassVar[float] = 1.0
    """What one change usually takes, for the estimate."""

    name: ClassVar[str] = ""
    stage: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """The file gives the task its name, the folder its stage."""
        super().__init_subclass__(**kwargs)
        *_, cls.stage, cls.name = cls.__module__.split(".")

    def __init__(
        self, tenant: Tenant, leaver: Leaver, setting: Setting | None = None, context: Context | None = None
    ) -> None:
        self.tenant = tenant
        self.leaver = leaver
        self.setting: Any = setting if setting is not None else self.option.setting()
        self.context = context or Context()
        self.seen: Facts | None = None
        """The facts from which the change that is applied was planned, seen a moment ago; None where nobody looked."""

    @abstractmethod
    async def inspect(self) -> Facts:
        """Read what the plan needs to know; write nothing."""

    @abstractmethod
    def plan(self, facts: Facts) -> Iterable[PlanItem]:
        """What is still to change, does not apply, must be decided or followed up. No I/O."""

    @abstractmethod
    async def apply(self, change: Change) -> None:
        """Make one change. It may run again after a crash, without harm."""

    async def undo(self, change: Change) -> None:
        """Put one change back; only called for a reversible one."""
        raise NotImplementedError(f"{self.name} cannot be undone")

    def same(self, one: Change, other: Change) -> bool:
        """Whether two changes are about one thing; for what undo makes anew, which has another id."""
        return one.what == other.what and one.before == other.before

    @classmethod
    def comes_behind(cls) -> tuple[str, ...]:
        """Every task that this one waits for in one way or another; `*` is all."""
        return tuple(dict.fromkeys((*cls.after, *cls.follows, *cls.needs)))

    async def pending(self) -> list[Change]:
        """The changes still needed, from fresh facts."""
        return [item for item in self.plan(await self.inspect()) if isinstance(item, Change)]

    def decision(self, code: str, about: str = "") -> str:
        """What was decided for a note: for this object (`code:about`) or for all of its kind; empty if nothing."""
        decisions = self.context.decisions
        return decisions.get(f"{code}:{about}", "") or decisions.get(code, "")


TaskType = type[Task[Any]]
