"""How Exchange Online writes its values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from leaver.domain.errors import WrongTarget
from leaver.m365.exchange.identities import written
from leaver.m365.graph import values as graph
from leaver.m365.target import Addressed

Row = Mapping[str, Any]

_BYTES = re.compile(r"\(([\d,. ' \u202f]+)\s*bytes\)", re.IGNORECASE)
_NO_GUID = "00000000-0000-0000-0000-000000000000"


def text(row: Row, key: str) -> str:
    """A string property; absent and null are the empty string, and an object is whom or what it names."""
    value = row.get(key)
    if isinstance(value, Mapping):
        return written(value)
    return "" if value is None else str(value)


def truth(row: Row, key: str) -> bool:
    """A switch, which some cmdlets write as a word."""
    value = row.get(key)
    return value.casefold() == "true" if isinstance(value, str) else bool(value)


def texts(row: Row, key: str) -> tuple[str, ...]:
    """A list of strings; a single one may stand without its list, and objects stand for whom they name."""
    value = row.get(key)
    if value is None or value == "":
        return ()
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        return tuple(filter(None, (written(value),)))
    return tuple(word for each in value if (word := written(each)))


def guid(row: Row, key: str) -> str:
    """A GUID, as Graph's are kept; the one of zeros means that there is none."""
    value = graph.guid(row, key)
    return "" if value == _NO_GUID else value


def size_in_bytes(words: str) -> int | None:
    """The bytes in `1.234 GB (1,325,000,000 bytes)`; None where there is no number (`Unlimited`)."""
    if words.isascii() and words.isdigit():
        return int(words)
    found = _BYTES.search(words)
    return int(re.sub(r"\D", "", found[1])) if found else None


def added(*entries: str) -> dict[str, Any]:
    """A change to a list that leaves its other entries alone; a plain list would replace them all."""
    return {"@odata.type": "#Exchange.GenericHashTable", "add": list(entries)}


def removed(*entries: str) -> dict[str, Any]:
    """A change that takes entries from a list and leaves the others."""
    return {"@odata.type": "#Exchange.GenericHashTable", "remove": list(entries)}


def opath(value: str) -> str:
    """A string as OPATH filters write it, with its quotes."""
    return "'" + value.replace("'", "''") + "'"


def anchor(user: Addressed) -> str:
    """The routing hint that leads a call to the server which holds this mailbox."""
    # A header holds no other letters; such a mailbox is found without the hint.
    return f"UPN:{user.upn}" if user.upn and user.upn.isascii() else ""


def mailbox_lane(mailbox_id: str) -> str:
    """One write at a time on a mailbox object."""
    return f"mailbox:{mailbox_id}"


def store_lane(mailbox_id: str) -> str:
    """One write at a time on rules and automatic replies, which live in the store."""
    return f"store:{mailbox_id}"


def permissions_lane(recipient_id: str) -> str:
    """One write at a time on an access list."""
    return f"permissions:{recipient_id}"


def the_one(rows: list[dict[str, Any]], user: Addressed) -> dict[str, Any] | None:
    """The row about this user. A look-up that answers with somebody else's object must not go any further."""
    if not rows:
        return None
    ids = [text(row, "ExternalDirectoryObjectId") for row in rows]
    for row, found in zip(rows, ids, strict=True):
        if found.casefold() == user.id.casefold():
            return row
    if len(rows) == 1 and not ids[0]:
        return rows[0]
    raise WrongTarget(
        f"Exchange was asked about {user.id!r} and answered about another object.",
        code="wrong_answer",
        service="exchange",
    )
