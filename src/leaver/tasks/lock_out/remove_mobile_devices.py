"""Remove mobile devices."""

from __future__ import annotations

from collections.abc import Iterable

from leaver.domain.plan import Change, PlanItem, Reversibility, info
from leaver.m365.exchange.mobile_devices import MobileDevice
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_beside
from leaver.tasks.task import Option, Task


class RemoveMobileDevices(Task[tuple[MobileDevice, ...] | Absent]):
    """Remove every mobile device partnership of the mailbox. Nothing is wiped.

    It cannot be undone: the device pairs again when its user signs in.
    """

    option = Option("RemoveMobile", label="Remove mobile devices")
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    after = ("disable_sign_in", "reset_password", "revoke_sessions")
    """A device that can still sign in would pair again at once."""
    reversibility = Reversibility.ONE_WAY
    usual_seconds = 2.0

    async def inspect(self) -> tuple[MobileDevice, ...] | Absent:
        """The devices, or why there is no mailbox to look at."""
        found = await mailbox_beside(self.tenant, self.leaver, self.tenant.mobile_devices.list(self.leaver))
        return found[1] if isinstance(found, tuple) else found

    def plan(self, facts: tuple[MobileDevice, ...] | Absent) -> Iterable[PlanItem]:
        """One change for each device."""
        if not isinstance(facts, tuple):
            yield facts
            return
        if facts:
            yield info(
                "not_a_wipe",
                "Removes the partnership only: mail that a phone holds stays on it. Wipe it before where that "
                "matters (Intune, or an account-only wipe in the Exchange admin center).",
            )
        for device in facts:
            yield Change(
                f"mobile device {_words(device)}",
                before="partner",
                ref={"guid": device.guid},
                reversibility=self.reversibility,
            )

    async def apply(self, change: Change) -> None:
        """End one partnership."""
        await self.tenant.mobile_devices.remove(self.leaver, str(change.ref["guid"]))


def _words(device: MobileDevice) -> str:
    model = device.model if device.model and device.model != device.name else ""
    return " ".join(filter(None, (device.name, f"({model})" if model else "")))
