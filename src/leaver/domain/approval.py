"""What a second person must agree to before the first change, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from leaver.domain.plan import Json


class Verdict(StrEnum):
    """How an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


PERMANENT = "permanent"
PRIVILEGED = "privileged"
"""Why an approval is needed. For a privileged user it takes an administrator."""


@dataclass(frozen=True)
class Approval:
    """The approval of one offboarding."""

    reasons: Mapping[str, str]
    """`permanent` or `privileged`, each with a sentence for the person who decides."""
    verdict: Verdict = Verdict.PENDING
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""

    def as_json(self) -> dict[str, Json]:
        """The public shape."""
        at = self.decided_at
        return {
            "state": self.verdict.value,
            "reasons": dict(self.reasons),
            "needs_administrator": PRIVILEGED in self.reasons,
            "decided_by": self.decided_by,
            "decided_at": None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "note": self.note,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> Approval | None:
        """The approval that `as_json` wrote, if there was one."""
        if document is None:
            return None
        at = document["decided_at"]
        return cls(
            document["reasons"],
            Verdict(document["state"]),
            document["decided_by"],
            None if at is None else datetime.fromisoformat(at),
            document["note"],
        )
