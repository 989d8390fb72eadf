"""Rules of the tenant about mail that leaves it."""

from __future__ import annotations

from leaver.domain.errors import Refused
from leaver.m365.exchange.values import text, truth
from leaver.m365.http import ExchangeWire


class MailFlow:
    """Reads whether forwarded mail may leave the tenant."""

    def __init__(self, wire: ExchangeWire) -> None:
        self._wire = wire

    async def outbound_forwarding(self) -> str:
        """AutoForwardingMode of the default outbound policy: `Off`, `Automatic` (mostly off) or `On`.

        Empty where the application may not read it; the reader then warns that it is unknown.
        """
        try:
            rows = await self._wire.read("Get-HostedOutboundSpamFilterPolicy")
        except Refused:
            return ""
        default = next((row for row in rows if truth(row, "IsDefault")), rows[0] if rows else {})
        return text(default, "AutoForwardingMode")
