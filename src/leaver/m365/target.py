"""Who a call is about, and the guard that keeps writes away from everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from leaver.domain.errors import WrongTarget
from leaver.domain.people import Leaver


class Addressed(Protocol):
    """Anything that has an Entra object id to act on and a UPN to route by: a leaver, a colleague, a mailbox."""

    @property
    def id(self) -> str:
        """The Entra object id."""

    @property
    def upn(self) -> str:
        """The user principal name: a routing hint, never what is acted on."""


@dataclass(frozen=True)
class Guard:
    """Lets through only writes about one leaver; without a leaver it lets through none."""

    leaver: Leaver | None = None

    @property
    def leaver_id(self) -> str:
        """The leaver's object id; a guard without a leaver refuses."""
        if self.leaver is None or not self.leaver.id:
            raise WrongTarget("This view of the tenant is for reading; it acts on nobody.", code="no_leaver")
        return self.leaver.id

    def only(self, user_id: str, doing: str) -> None:
        """Refuse a write to anybody but the leaver."""
        if user_id.casefold() != self.leaver_id.casefold():
            raise WrongTarget(f"Not sent: {doing} aimed at {user_id!r}, who is not the leaver.", code="wrong_target")

    def either(self, one_id: str, other_id: str, doing: str) -> None:
        """Refuse a write about two people of whom neither is the leaver."""
        if self.leaver_id.casefold() not in (one_id.casefold(), other_id.casefold()):
            raise WrongTarget(
                f"Not sent: {doing} concerns {one_id!r} and {other_id!r}, and neither is the leaver.",
                code="wrong_target",
            )

    def somebody(self) -> None:
        """Refuse every write while there is no leaver."""
        _ = self.leaver_id
