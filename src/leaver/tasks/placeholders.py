"""Words in braces that stand for something of the leaver's, in texts that are written once for many."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape

from leaver.domain.people import Colleague

OF_THE_LEAVER = ("first_name", "display_name")
OF_THE_MANAGER = ("manager_name", "manager_mail")
EVERY = (*OF_THE_LEAVER, *OF_THE_MANAGER)
OFFERED = "Placeholders are filled in per user: " + ", ".join(f"{{{name}}}" for name in EVERY)

_BRACED = re.compile(r"\{[ ]*([A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*)[ ]*\}")
"""What looks like one: a word or a few in braces. Styles and code have other signs between theirs."""


def used(*texts: str | None) -> frozenset[str]:
    """The placeholders that these texts hold."""
    return frozenset(name for text in texts for name in _names(text or "") if name in EVERY)


def unknown(*texts: str | None) -> list[str]:
    """What looks like a placeholder and is none, as it is written, each once."""
    found = [match[0] for text in texts for match in _BRACED.finditer(text or "") if match[1].lower() not in EVERY]
    return list(dict.fromkeys(found))


def filled(text: str, values: Mapping[str, str], *, html: bool = False) -> str:
    """The text with the values that there are in place of their placeholders; for HTML they are escaped."""
    spoken: Callable[[str], str] = escape if html else str

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1].lower())
        return match[0] if value is None else spoken(value)

    return _BRACED.sub(fill, text)


def values(wanted: frozenset[str], first_name: str, display_name: str, manager: Colleague | None) -> dict[str, str]:
    """What is put in their place. Without a manager nothing is said of one."""
    found = {"first_name": first_name or _first_of(display_name), "display_name": display_name}
    if manager is not None:
        found |= {"manager_name": manager.display_name, "manager_mail": manager.mail or manager.upn}
    return {name: found[name] for name in EVERY if name in wanted and name in found}


def _names(text: str) -> list[str]:
    return [match[1].lower() for match in _BRACED.finditer(text)]


def _first_of(display_name: str) -> str:
    """`Ada` of `Ada Lovelace` and of `Lovelace, Ada`, where the directory holds no first name."""
    _, comma, behind = display_name.partition(",")
    words = (behind if comma and behind.strip() else display_name).split()
    return words[0] if words else display_name
