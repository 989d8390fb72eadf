"""How Microsoft Graph writes its values and its refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from leaver.domain.errors import LeaverError

Row = Mapping[str, Any]

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def text(row: Row, key: str) -> str:
    """A string property; absent and null are the empty string."""
    value = row.get(key)
    return "" if value is None else str(value)


def guid(row: Row, key: str) -> str:
    """An id of the directory, in lower case: the same one comes in either, and ids are compared everywhere."""
    value = text(row, key)
    return value.lower() if _GUID.fullmatch(value) else value


def moment(row: Row, key: str) -> datetime | None:
    """A date property with its zone, which is UTC where none is written; None where there is no date."""
    try:
        found = datetime.fromisoformat(str(row.get(key) or ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_a(row: Row, kind: str) -> bool:
    """Whether a directory object is of a type, such as `group`; one that does not say so counts as what was asked."""
    said = text(row, "@odata.type")
    return not said or said.rpartition(".")[2].casefold() == kind.casefold()


def says(error: LeaverError, *fragments: str) -> bool:
    """Whether an error's words contain one of these; the code alone rarely tells directory refusals apart."""
    words = f"{error.message} {error.code}".casefold()
    return any(fragment.casefold() in words for fragment in fragments)


def literal(value: str) -> str:
    """A string as OData filters and key predicates write it, with its quotes."""
    return "'" + value.replace("'", "''") + "'"
