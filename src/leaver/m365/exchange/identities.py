"""How Exchange writes somebody down: as an address, an id, a name in the directory, a name for people, or an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SURE = (
    "PrimarySmtpAddress",
    "SmtpAddress",
    "EmailAddress",
    "WindowsEmailAddress",
    "UserPrincipalName",
    "ExternalDirectoryObjectId",
    "ObjectId",
    "Guid",
    "DistinguishedName",
)
"""What an object says of a person that nobody else has."""
_NAMES = ("RawIdentity", "Identity", "DisplayName", "Name")
_ACCOUNT = "s-1-5-21-"
"""How the security id of an account of some domain begins, as opposed to those of the system."""


def written(value: Any) -> str:
    """One entry as a single text: the surest name that an object holds, or the text that it is."""
    if value is None:
        return ""
    if not isinstance(value, Mapping):
        return str(value).strip()
    flat = dict(_leaves(value))
    return next((flat[key] for key in (*_SURE, *_NAMES) if flat.get(key)), "")


def spellings(entry: str) -> tuple[str, ...]:
    r"""An entry, and the name at the end of a path: of `host/OU/Ada`, `CN=Ada,OU=x` and `DOMAIN\Ada`."""
    name = entry
    if entry[:3].casefold() == "cn=":
        name = entry[3:].replace("\\,", "\0").partition(",")[0].replace("\0", ",")
    elif "@" not in entry:
        name = entry.rpartition("/")[2].rpartition("\\")[2]
    return tuple(dict.fromkeys(each for each in (entry, name.strip()) if each))


def is_account(entry: str) -> bool:
    """Whether it is the bare security id of an account: Exchange could not, or did not, look up whose."""
    return entry.casefold().startswith(_ACCOUNT)


def _leaves(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Its texts, the inner ones first so that the outer ones win."""
    for inner in value.values():
        if isinstance(inner, Mapping):
            yield from _leaves(inner)
    yield from ((key, str(inner).strip()) for key, inner in value.items() if isinstance(inner, str) and inner.strip())
