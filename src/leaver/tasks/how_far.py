"""How far a look for rights went: said with every plan and every proof that goes by an index."""

from __future__ import annotations

from collections.abc import Iterable

from leaver.domain.plan import Note, info
from leaver.domain.rights import FROM_INDEX, Looked


def how_far(looked: Looked | None, what: str) -> Iterable[Note]:
    """A note where not every mailbox was looked at: `what` names the rights that may have been missed."""
    if looked is None or looked.as_of is None:
        return
    others = looked.looked_at - looked.named - looked.unknown
    why = [
        f"{looked.named:,} that the rights index of {looked.as_of:%Y-%m-%d %H:%M} UTC names",
        *([f"{others:,} where this offboarding has changed something"] if others else []),
        f"{looked.unknown:,} that the index does not know",
    ]
    yield info(
        FROM_INDEX,
        f"Looked at {looked.looked_at:,} of {looked.mailboxes:,} mailboxes: {', '.join(why[:-1])} and {why[-1]}. "
        f"{what} given since then on another mailbox is found only by a full scan, which looks through every mailbox.",
    )
