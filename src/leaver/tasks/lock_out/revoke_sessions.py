"""Revoke sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from leaver.domain.plan import Change, PlanItem, Reversibility, info, warning
from leaver.m365.graph.users import User
from leaver.tasks.task import Option, Section, Task


class RevokeSessions(Task[User]):
    """Make every refresh token and browser session that was issued until now worthless.

    It cannot be undone: who is let in again signs in again. Microsoft shows from when on sessions are valid, and that
    is the evidence; the answer to the call itself only says that it was accepted.
    """

    option = Option(
        "RevokeSessions",
        label="Revoke sessions",
        section=Section.ACCESS,
        place=3,
        text="Signs out every app and browser. Open sessions can last up to an hour.",
    )
    scopes = ("User.RevokeSessions.All", "User.Read.All")
    follows = ("disable_sign_in", "reset_password")
    reversibility = Reversibility.ONE_WAY

    async def inspect(self) -> User:
        """The account, with the moment from which sessions are valid."""
        return await self.tenant.users.get(self.leaver.id)

    def plan(self, facts: User) -> Iterable[PlanItem]:
        """One change, unless sessions were revoked since the offboarding was asked for and the password was changed."""
        if facts.sessions_valid_from is not None and facts.sessions_valid_from >= self._needed(facts):
            return
        if facts.is_guest:
            yield warning(
                "guest_sessions",
                "Is a guest, who signs in at home: this has no effect on sessions that the home tenant issued. "
                "Disable or delete the guest to end access.",
            )
        yield info(
            "issued_access_tokens",
            "Access tokens that are out already work until they expire, usually within an hour; sessions that other "
            "vendors' apps keep themselves are not reached.",
        )
        since = facts.sessions_valid_from
        yield Change(
            "sessions",
            before=f"valid since {since:%Y-%m-%d %H:%M} UTC" if since else "valid",
            after="revoked",
            reversibility=self.reversibility,
        )

    async def apply(self, change: Change) -> None:
        """Revoke; a repeat moves the moment forward."""
        await self.tenant.users.revoke_sessions(self.leaver.id)

    def _needed(self, user: User) -> datetime:
        """What sessions must be younger than: one that was opened before the reset must not survive it."""
        changed = user.last_password_change
        if changed is None or changed < self.context.earliest:
            return self.context.earliest
        return changed.replace(microsecond=0)
