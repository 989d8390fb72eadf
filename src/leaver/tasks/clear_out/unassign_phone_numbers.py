"""Unassign Teams phone numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from leaver.domain.plan import Change, NotApplicable, PlanItem, follow_up
from leaver.m365.graph.phone_numbers import PhoneNumber
from leaver.tasks.licensing import licensing_of
from leaver.tasks.task import Option, Section, Task

_ON_PREMISES = "onPremises"
_TELEPHONY = ("MCOEV", "MCOPSTN")
"""How the names of the service plans begin that let a user have a number."""
_UNMANAGED = "no_number_management"


@dataclass(frozen=True)
class Numbers:
    """What is known of the leaver's numbers."""

    held: tuple[PhoneNumber, ...] | None
    """None where Teams does not show them to applications."""
    may_have_one: bool = False
    """Whether a license lets the leaver have a number; read only where none are shown."""


class UnassignPhoneNumbers(Task[Numbers]):
    """Take the Teams phone numbers away, so that they can be given to others. Undo works while they are still free."""

    option = Option(
        "RemoveTeamsPhoneDID",
        label="Release Teams phone number",
        short="Phone number",
        section=Section.FILES,
        place=3,
        text="Returns the number to the tenant's pool.",
        noun="number",
    )
    scopes = ("TeamsTelephoneNumber.ReadWrite.All",)
    patience = 300.0
    usual_seconds = 10.0

    async def inspect(self) -> Numbers:
        """The numbers assigned to the leaver; where they are not shown, whether there may be any."""
        held = await self.tenant.phone_numbers.of(self.leaver.id)
        if held is not None:
            return Numbers(held)
        licensing = await licensing_of(self.tenant, self.leaver.id)
        plans = licensing.plans(state.sku_id for state in licensing.user.license_states)
        return Numbers(None, any(plan.startswith(_TELEPHONY) for plan in plans))

    def plan(self, facts: Numbers) -> Iterable[PlanItem]:
        """One change for each number; one that Active Directory holds is released there."""
        if facts.held is None and facts.may_have_one:
            yield follow_up(
                _UNMANAGED,
                f"{self.leaver.display_name} is licensed for a phone number, and Microsoft shows none to applications "
                "here (it does in the global cloud only): unassign it in the Teams admin center > Users > "
                f"{self.leaver.upn} > Account.",
            )
        elif facts.held is None:
            text = f"Teams shows no numbers here, and {self.leaver.display_name} has no license for one."
            yield NotApplicable(_UNMANAGED, text)
        for number in facts.held or ():
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
