"""Filters in OPATH: `Members -eq 'CN=ada,…' -and RecipientTypeDetails -ne 'SharedMailbox'`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

from m365_simulator.exchange import errors

Getter = Callable[[str], Any]
"""From a lower-case property name to the value of the object in question."""
Test = Callable[[Getter], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|'(?P<single>(?:[^']|'')*)'|"(?P<double>[^"]*)"|-(?P<op>[a-z]+)"""
    r"""|(?P<word>[$\w.:@+-]+))""",
    re.IGNORECASE,
)


def parse(text: str, properties: Collection[str]) -> Test:
    """The test that a filter stands for; `properties` are the lower-case names that may be filtered by."""
    return _Parser(text, properties).whole()


class _Parser:
    def __init__(self, text: str, properties: Collection[str]) -> None:
        self._text = text
        self._properties = properties
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._wrong()
            kind = found.lastgroup or ""
            value = found[kind].replace("''", "'") if kind == "single" else found[kind]
            self._tokens.append(("value" if kind in ("single", "double") else kind, value))
            at = found.end()

    def whole(self) -> Test:
        test = self._either()
        if self._tokens:
            raise self._wrong()
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda get: any(test(get) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda get: all(test(get) for test in tests)

    def _one(self) -> Test:
        if self._takes("not"):
            inner = self._one()
            return lambda get: not inner(get)
        kind, value = self._next()
        if kind == "open":
            test = self._either()
            if self._next()[0] != "close":
                raise self._wrong()
            return test
        if kind != "word":
            raise self._wrong()
        return self._comparison(value)

    def _comparison(self, name: str) -> Test:
        if name.lower() not in self._properties:
            raise errors.CmdletError(
                "Microsoft.Exchange.Data.ParsingException",
                f'"{name}" isn\'t a recognized filterable property. For a complete list of filterable properties see '
                "the command help.",
            )
        key = name.lower()
        kind, operator = self._next()
        if kind != "op":
            raise self._wrong()
        kind, raw = self._next()
        if kind not in ("word", "value"):
            raise self._wrong()
        wanted = _value(raw) if kind == "word" else raw
        compare = _OPERATORS.get(operator.lower())
        if compare is None:
            raise self._wrong()
        return lambda get: compare(get(key), wanted)

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise self._wrong()
        return self._tokens.pop(0)

    def _takes(self, operator: str) -> bool:
        if self._tokens and self._tokens[0] == ("op", self._tokens[0][1]) and self._tokens[0][1].lower() == operator:
            self._tokens.pop(0)
            return True
        return False

    def _wrong(self) -> errors.CmdletError:
        return errors.CmdletError(
            "Microsoft.Exchange.Data.ParsingException", f'Invalid filter syntax. "{self._text}" at position 1.'
        )


def _value(word: str) -> Any:
    return {"$true": True, "$false": False, "$null": None}.get(word.lower(), word)


def _plain(value: Any) -> str:
    return "" if value is None else str(value).lower()


def _any(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A comparison that holds for a list if it holds for one of its values."""

    def compared(value: Any, wanted: Any) -> bool:
        if isinstance(value, list | tuple):
            return any(compare(_plain(each), _plain(wanted)) for each in value) or (not value and wanted is None)
        return compare(_plain(value), _plain(wanted))

    return compared


_equal = _any(lambda value, wanted: value == wanted)
_like = _any(lambda value, wanted: fnmatchcase(value, wanted.replace("[", "[[]")))
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "ne": lambda value, wanted: not _equal(value, wanted),
    "like": _like,
    "notlike": lambda value, wanted: not _like(value, wanted),
    "gt": _any(lambda value, wanted: value > wanted),
    "ge": _any(lambda value, wanted: value >= wanted),
    "lt": _any(lambda value, wanted: value < wanted),
    "le": _any(lambda value, wanted: value <= wanted),
}
