"""How far a look for rights went: said with every plan and every proof that goes by an index."""

from __future__ import annotations

from collections.abc import Iterable

from leaver.domain.plan import Note, info
from leaver.domain.rights import Looked


def how_far(looked: Looked | None, what: str) -> Iterable[Note]:
    """A note where not every mailbox was looked at: `what` names the rights that may have been missed."""
    if looked is None or looked.as_of is None:
        return
    named = looked.looked_at - looked.newer
    yield info(
        "rights_from_index",
        f"Looked at {looked.looked_at:,} of {looked.mailboxes:,} mailboxes: {named:,} that the rights index of "
        f"{looked.as_of:%Y-%m-%d %H:%M} UTC names, and {looked.newer:,} that it does not know. {what} given since then "
        "on another mailbox is found only by looking through every mailbox (--full-scan).",
    )
