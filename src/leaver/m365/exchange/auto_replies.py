"""Automatic replies of a mailbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from leaver.m365.exchange.values import anchor, store_lane, text
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard

_UNSEEN = re.compile(r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h\d)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class AutoReply:
    """What senders are told."""

    state: str = "Disabled"
    """`Enabled`, `Disabled` or `Scheduled`."""
    internal: str = ""
    external: str = ""
    audience: str = "All"
    """Which outside senders get the external text: `None`, `Known` (contacts) or `All`."""
    start: str = ""
    """With `Scheduled`: from when, as Exchange writes it."""
    end: str = ""

    def tells_the_same(self, other: AutoReply) -> bool:
        """Whether senders notice no difference. Exchange wraps texts in HTML of its own, so only their words count."""
        if self.state != other.state:
            return False
        if self.state == "Disabled":
            return True
        same = self.audience == other.audience and plain(self.internal) == plain(other.internal)
        return same and (self.audience == "None" or plain(self.external) == plain(other.external))


class AutoReplies:
    """Reads anybody's automatic replies; sets the leaver's."""

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def get(self, user: Addressed) -> AutoReply:
        """The automatic replies of a mailbox; NotFound where there is no mailbox."""
        rows = await self._wire.read("Get-MailboxAutoReplyConfiguration", anchor=anchor(user), Identity=user.id)
        row = rows[0] if rows else {}
        return AutoReply(
            state=text(row, "AutoReplyState") or "Disabled",
            internal=text(row, "InternalMessage"),
            external=text(row, "ExternalMessage"),
            audience=text(row, "ExternalAudience") or "All",
            start=text(row, "StartTime"),
            end=text(row, "EndTime"),
        )

    async def set(self, user: Addressed, reply: AutoReply) -> None:
        """Set state, both texts and audience together: each alone would leave something of an earlier reply."""
        self._guard.only(user.id, "setting automatic replies")
        times: dict[str, Any] = {"StartTime": reply.start, "EndTime": reply.end} if reply.state == "Scheduled" else {}
        await self._wire.run(
            "Set-MailboxAutoReplyConfiguration",
            anchor=anchor(user),
            lane=store_lane(user.id),
            Identity=user.id,
            AutoReplyState=reply.state,
            InternalMessage=reply.internal,
            ExternalMessage=reply.external,
            ExternalAudience=reply.audience,
            **times,
        )


def plain(html: str) -> str:
    """The words of an HTML text, with single spaces: what two texts are compared by."""
    seen = _TAG.sub("", _BREAK.sub(" ", _UNSEEN.sub(" ", html)))
    return " ".join(unescape(seen).split())
