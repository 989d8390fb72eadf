"""The language of `$filter`, as far as the directory understands it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from m365_simulator.graph.errors import GraphError

Read = Callable[[str], Any]
Test = Callable[[Read], bool]

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\(|\)|,|[^\s(),']+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda held, value: bool(held == value),
    "ne": lambda held, value: bool(held != value),
    "ge": lambda held, value: held is not None and bool(held >= value),
    "gt": lambda held, value: held is not None and bool(held > value),
    "le": lambda held, value: held is not None and bool(held <= value),
    "lt": lambda held, value: held is not None and bool(held < value),
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}
_ADVANCED = {"ne", "not", "endswith", "contains", "$count"}


class Filter:
    """A parsed filter. Texts are compared without regard to case, as the directory does."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens).replace(" ", "") != re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text).replace(
            " ", ""
        ):
            raise self._wrong()
        self._at = 0
        self.names: set[str] = set()
        self.advanced = False
        self._test = self._either()
        if self._at < len(self._tokens):
            raise self._wrong()

    def matches(self, read: Read) -> bool:
        """Whether an object passes; `read` gives its properties by name."""
        try:
            return self._test(read)
        except TypeError:
            raise self._wrong() from None

    def _either(self) -> Test:
        tests = [self._both()]
        while self._next_is("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda read: any(test(read) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._next_is("and"):
            tests.append(self._single())
        return tests[0] if len(tests) == 1 else lambda read: all(test(read) for test in tests)

    def _single(self) -> Test:
        if self._next_is("not"):
            self.advanced = True
            inner = self._single()
            return lambda read: not inner(read)
        if self._next_is("("):
            found = self._either()
            self._expect(")")
            return found
        word = self._take()
        if word.lower() in _FUNCTIONS and self._next_is("("):
            return self._function(word.lower())
        if word.endswith("/any") and self._next_is("("):
            return self._any(word.removesuffix("/any"))
        return self._comparison(word)

    def _function(self, word: str) -> Test:
        self.advanced = self.advanced or word in _ADVANCED
        name = self._name(self._take())
        self._expect(",")
        value = str(_value(self._take())).lower()
        self._expect(")")
        wanted = bool(_value(self._take())) if self._next_is("eq") else True
        function = _FUNCTIONS[word]
        return lambda read: function(str(read(name) or "").lower(), value) is wanted

    def _any(self, collection: str) -> Test:
        """`assignedLicenses/any(x:x/skuId eq …)` and `proxyAddresses/any(p:p eq '…')`."""
        name = self._name(collection)
        variable, _, first = self._take().partition(":")
        word = first or self._take()
        member = word.removeprefix(variable).strip("/")
        if word.lower() in _FUNCTIONS and self._next_is("("):
            self._take()
            self._expect(",")
            value = str(_value(self._take())).lower()
            self._expect(")")
            self._expect(")")
            function = _FUNCTIONS[word.lower()]
            return lambda read: any(function(str(item).lower(), value) for item in read(name) or ())
        compare = self._operator()
        wanted = _value(self._take())
        self._expect(")")

        def test(read: Read) -> bool:
            return any(compare(_plain(item.get(member) if member else item), wanted) for item in read(name) or ())

        return test

    def _comparison(self, word: str) -> Test:
        if word.endswith("/$count"):
            self.advanced = True
            name = self._name(word.removesuffix("/$count"))
            compare, number = self._operator(), int(self._take())
            return lambda read: compare(len(read(name) or ()), number)
        name = self._name(word)
        if self._next_is("in"):
            self._expect("(")
            values = [_value(self._take())]
            while self._next_is(","):
                values.append(_value(self._take()))
            self._expect(")")
            return lambda read: _plain(read(name)) in values
        compare = self._operator()
        value = _value(self._take())
        members = word.split("/")[1:]
        return lambda read: compare(_plain(_inside(read(name), members)), value)

    def _operator(self) -> Callable[[Any, Any], bool]:
        word = self._take().lower()
        if word not in _COMPARISONS:
            raise self._wrong()
        self.advanced = self.advanced or word in _ADVANCED
        return _COMPARISONS[word]

    def _name(self, word: str) -> str:
        name = word.split("/", maxsplit=1)[0]
        self.names.add(name)
        return name

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise self._wrong()
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _next_is(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._next_is(word):
            raise self._wrong()

    @staticmethod
    def _wrong() -> GraphError:
        return GraphError(400, "BadRequest", "Invalid filter clause: syntax error.")


def _value(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'").lower()
    lowered = token.lower()
    named = {"true": True, "false": False, "null": None}
    return named[lowered] if lowered in named else lowered


def _inside(held: Any, members: list[str]) -> Any:
    for member in members:
        held = held.get(member) if isinstance(held, dict) else None
    return held


def _plain(held: Any) -> Any:
    return held.lower() if isinstance(held, str) else held
