"""Remove mobile devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem, Reversibility, info
from leaver.m365.exchange.mobile_devices import MobileDevice
from leaver.m365.graph.users import Device
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_beside
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Devices:
    """The partnerships of the mailbox, or why there is none to look at; and the devices that Entra knows."""

    partners: tuple[MobileDevice, ...] | Absent
    registered: tuple[Device, ...] = ()


class RemoveMobileDevices(Task[Devices]):
    """Remove every mobile device partnership of the mailbox. Nothing is wiped.

    It cannot be undone: the device pairs again when its user signs in.
    """

    option = Option(
        "RemoveMobile",
        label="Remove mobile devices",
        short="Mobile devices",
        section=Section.ACCESS,
        place=5,
        text="Removes Exchange device partnerships. Company data on phones is not wiped.",
        noun="device",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    follows = ("disable_sign_in", "reset_password", "revoke_sessions")
    """A device that can still sign in would pair again at once."""
    reversibility = Reversibility.ONE_WAY
    usual_seconds = 2.0

    async def inspect(self) -> Devices:
        """The devices on both sides."""
        return Devices(*await asyncio.gather(self._partners(), self.tenant.users.devices(self.leaver.id)))

    def plan(self, facts: Devices) -> Iterable[PlanItem]:
        """One change for each partnership; devices of Entra are named and left to a person."""
        enabled = [device.display_name or device.id for device in facts.registered if device.enabled]
        if enabled:
            yield info(
                "registered_devices_stay",
                f"Entra knows {', '.join(enabled)} as this person's, and they stay enabled there: disable them (Entra "
                "admin center > Devices), and retire or wipe in Intune what is managed there.",
            )
        if not isinstance(facts.partners, tuple):
            yield facts.partners
            return
        if facts.partners:
            yield info(
                "not_a_wipe",
                "Removes the partnership only: mail that a phone holds stays on it. Wipe it before where that "
                "matters (Intune, or an account-only wipe in the Exchange admin center).",
            )
        for device in facts.partners:
            yield Change(
                f"mobile device {_words(device)}",
                before="partner",
                ref={"guid": device.guid},
                reversibility=self.reversibility,
            )

    async def apply(self, change: Change) -> None:
        """End one partnership."""
        await self.tenant.mobile_devices.remove(self.leaver, str(change.ref["guid"]))

    async def _partners(self) -> tuple[MobileDevice, ...] | Absent:
        found = await mailbox_beside(self.tenant, self.leaver, self.tenant.mobile_devices.list(self.leaver))
        return found[1] if isinstance(found, tuple) else found


def _words(device: MobileDevice) -> str:
    model = device.model if device.model and device.model != device.name else ""
    return " ".join(filter(None, (device.name, f"({model})" if model else "")))
