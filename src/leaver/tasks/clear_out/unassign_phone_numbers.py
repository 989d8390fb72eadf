"""Unassign Teams phone numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from leaver.domain.plan import Change, PlanItem, follow_up
from leaver.m365.graph.phone_numbers import PhoneNumber
from leaver.tasks.task import Option, Section, Task

_ON_PREMISES = "onPremises"


class UnassignPhoneNumbers(Task[tuple[PhoneNumber, ...]]):
    """Take the Teams phone numbers away, so that they can be given to others. Undo works while they are still free."""

    option = Option(
        "RemoveTeamsPhoneDID",
        label="Release Teams phone number",
        section=Section.FILES,
        place=3,
        text="Returns the number to the tenant's pool.",
    )
    scopes = ("TeamsTelephoneNumber.ReadWrite.All",)
    patience = 300.0
    usual_seconds = 10.0

    async def inspect(self) -> tuple[PhoneNumber, ...]:
        """The numbers assigned to the leaver; none in a tenant without Teams."""
        return await self.tenant.phone_numbers.of(self.leaver.id)

    def plan(self, facts: tuple[PhoneNumber, ...]) -> Iterable[PlanItem]:
        """One change for each number; one that Active Directory holds is released there."""
        for number in facts:
            if number.source == _ON_PREMISES:
                yield follow_up(
                    "on_premises_number",
                    f"{number.number} is set in Active Directory (msRTCSIP-Line of {self.leaver.upn}); clear it there.",
                )
            else:
                what = f"{number.category} phone number {number.number}"
                yield Change(what, before="assigned", ref=asdict(number), lane=self.leaver.id)

    async def apply(self, change: Change) -> None:
        """Unassign one number, and wait until Teams has done it."""
        await self.tenant.phone_numbers.unassign(_number(change))

    async def undo(self, change: Change) -> None:
        """Assign it again, with its emergency location."""
        await self.tenant.phone_numbers.assign(_number(change), self.leaver.id)


def _number(change: Change) -> PhoneNumber:
    return PhoneNumber(**{key: str(value) for key, value in change.ref.items()})
