"""Who has which rights on whose mailbox: the words that Microsoft's clients and our memory share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

FULL_ACCESS = "full access"
CALENDAR = "calendar"
FROM_INDEX = "rights_from_index"
"""The code of the note that says how far a look went which an index has shortened."""
_LONGEST = 320
"""Letters of a word that count: the longest mail address."""


@dataclass(frozen=True)
class Held:
    """A right that somebody has on a mailbox."""

    kind: str
    """`full access` or `calendar`."""
    who: frozenset[str]
    """Everything that names the holder, as `words_of` writes it: an id, an address, a name."""
    rights: tuple[str, ...] = ()


@dataclass(frozen=True)
class MailboxRights:
    """A mailbox as it was looked at, and everybody's rights on it."""

    id: str
    guid: str = ""
    """Exchange's own id: a user who gets another mailbox keeps the first one's `id`, and not this."""
    names: frozenset[str] = frozenset()
    """What its own user was called, as `words_of` writes it."""
    held: tuple[Held, ...] = ()


@dataclass(frozen=True)
class Looked:
    """How far a look for somebody's rights went."""

    mailboxes: int
    """How many mailboxes there are."""
    looked_at: int
    """How many of them were looked at, for this person, now."""
    as_of: datetime | None = None
    """The moment from which the index is that named them; None: every mailbox was looked at."""
    named: int = 0
    """How many of those looked at the index named."""
    unknown: int = 0
    """How many of those looked at the index did not know."""


def words_of(shown: Iterable[str | None]) -> frozenset[str]:
    """Ids, addresses and names so that they can be compared, whatever their letter case."""
    cleaned = (word.replace("\0", "").strip().casefold()[:_LONGEST] for word in shown if word)
    return frozenset(word for word in cleaned if word)
