"""Mobile devices that synchronize a mailbox."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from leaver.domain.errors import NotFound
from leaver.m365.exchange.values import anchor, guid, text
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard


@dataclass(frozen=True)
class MobileDevice:
    """A partnership between a mailbox and a device."""

    guid: str
    """What it goes by; its whole identity where Exchange shows no GUID."""
    name: str
    model: str = ""
    client: str = ""
    """`EAS`, `Outlook`, `REST`, …"""


class MobileDevices:
    """Reads anybody's partnerships; removes the leaver's. Nothing on the device itself is wiped."""

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def list(self, user: Addressed) -> tuple[MobileDevice, ...]:
        """The devices of a mailbox."""
        rows = await self._wire.read("Get-MobileDevice", anchor=anchor(user), Mailbox=user.id)
        return tuple(
            MobileDevice(
                guid=guid(row, "Guid") or text(row, "Identity"),
                name=text(row, "FriendlyName") or text(row, "DeviceType") or text(row, "DeviceId"),
                model=text(row, "DeviceModel"),
                client=text(row, "ClientType"),
            )
            for row in rows
        )

    async def remove(self, user: Addressed, device: str) -> None:
        """End a partnership; one that is gone is no error. Partnerships do not share anything, so they need no lane."""
        self._guard.only(user.id, "removing a mobile device")
        with suppress(NotFound):
            await self._wire.run("Remove-MobileDevice", anchor=anchor(user), Identity=device, Confirm=False)
