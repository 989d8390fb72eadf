"""What a task waits for before it tries again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class NextAttempt:
    """The attempt that comes next, and when."""

    reason: str
    """Why the last one came to nothing: `Exchange is busy (429)`."""
    number: int
    """Which one it is; the first one was 1."""
    of: int
    """How many there are at most; 0 where it ends with a time and not with a number."""
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """The public shape."""
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"reason": self.reason, "number": self.number, "of": self.of or None, "at": at}

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> NextAttempt | None:
        """What `as_json` wrote, if it wrote anything."""
        if document is None:
            return None
        at = datetime.fromisoformat(document["at"])
        return cls(document["reason"], document["number"], document["of"] or 0, at)
