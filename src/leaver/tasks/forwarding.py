"""A mailbox's forward as changes show it and as undo puts it back."""

from __future__ import annotations

from typing import TypedDict

from leaver.domain.plan import Change, Json
from leaver.m365.exchange.mailboxes import Mailbox, Recipient


class Forward(TypedDict):
    """What `set_forwarding` takes."""

    address: str | None
    smtp: str | None
    keep_copy: bool


def as_recorded(mailbox: Mailbox, inside: Recipient | None) -> dict[str, Json] | None:
    """Where the mail goes today, both kinds, for the reader and for undo; None where nothing is forwarded.

    A stored name that is not unique is kept as it is: nobody could say whom it means.
    """
    if not (mailbox.forwarding_address or mailbox.forwarding_smtp):
        return None
    return {
        "inside": (inside.smtp or inside.id if inside else mailbox.forwarding_address) or None,
        "outside": mailbox.forwarding_smtp or None,
        "keeps_copy": mailbox.deliver_and_forward,
    }


def recorded(change: Change) -> Forward:
    """What was set before a change."""
    before = change.before if isinstance(change.before, dict) else {}
    inside, outside = before.get("inside"), before.get("outside")
    return {
        "address": str(inside) if inside else None,
        "smtp": str(outside) if outside else None,
        "keep_copy": bool(before.get("keeps_copy")),
    }
