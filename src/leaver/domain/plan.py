"""What a plan is made of: changes, notes, and what does not apply or is still awaited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""A plain value: what JSON can hold."""


class Reversibility(StrEnum):
    """Whether a change can be put back."""

    UNDO = "undo"
    UNDO_30_DAYS = "undo_30_days"
    ONE_WAY = "one_way"
    """It cannot be put back, but the person can set it up again (password, MFA methods)."""
    PERMANENT = "permanent"
    """Nobody can put it back; the confirmation asks for the person's name."""


@dataclass(frozen=True)
class Change:
    """One thing that will be different afterwards: plan line, evidence and undo ticket at once. It holds no secret."""

    what: str
    """In the reader's words, with the name of the thing: `group Sales Team`, `accountEnabled`."""
    before: Json = None
    after: Json = None
    ref: Mapping[str, Json] = field(default_factory=dict)
    """The ids and values that `apply` and `undo` need and the reader does not."""
    reversibility: Reversibility = Reversibility.UNDO
    lane: str = ""
    """Changes with one lane are made in the order of the plan; lanes run side by side. Empty: a lane of its own."""

    @property
    def reversible(self) -> bool:
        """Whether undo can put it back."""
        return self.reversibility in (Reversibility.UNDO, Reversibility.UNDO_30_DAYS)

    @property
    def key(self) -> str:
        """The same for the same change found twice: what it is about and what it leads to."""
        return json.dumps([self.what, self.after, dict(self.ref)], sort_keys=True, default=str)


class NoteKind(StrEnum):
    """How much a note asks of its reader."""

    INFO = "info"
    WARNING = "warning"
    BLOCKER = "blocker"
    """Nothing is changed for this user until it is resolved."""
    FOLLOW_UP = "follow_up"
    """Something that a person must do, elsewhere."""


@dataclass(frozen=True)
class Note:
    """A sentence for the technician."""

    kind: NoteKind
    code: str
    """Stable, snake case; what `--decide CODE=CHOICE` names."""
    text: str
    choices: tuple[str, ...] = ()
    """What may be decided; the plan reads the answer from `decisions[code]`."""
    about: str = ""
    """The one thing it concerns, where the same code can come several times; then `decisions["code:about"]` answers."""

    @property
    def key(self) -> str:
        """What a decision names."""
        return f"{self.code}:{self.about}" if self.about else self.code


def info(code: str, text: str, *choices: str, about: str = "") -> Note:
    """Something worth knowing."""
    return Note(NoteKind.INFO, code, text, choices, about)


def warning(code: str, text: str, *choices: str) -> Note:
    """Something that does not stop the run."""
    return Note(NoteKind.WARNING, code, text, choices)


def blocker(code: str, text: str, *choices: str) -> Note:
    """Something that stops the run before its first change, unless one of the choices is taken."""
    return Note(NoteKind.BLOCKER, code, text, choices)


def follow_up(code: str, text: str, *choices: str, about: str = "") -> Note:
    """Something a person must do: what, and where."""
    return Note(NoteKind.FOLLOW_UP, code, text, choices, about)


@dataclass(frozen=True)
class NotApplicable:
    """Why there is nothing for this task to do with this user."""

    code: str
    text: str


@dataclass(frozen=True)
class Awaiting:
    """Something that was set in motion and that Microsoft has not finished; nobody has to act."""

    code: str
    text: str


PlanItem = Change | Note | NotApplicable | Awaiting
