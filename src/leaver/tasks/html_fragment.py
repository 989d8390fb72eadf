"""One harmless, well-formed fragment of HTML from whatever was typed or pasted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from types import MappingProxyType

from leaver.tasks.placeholders import filled

_LOOKS_LIKE_HTML = re.compile(
    r"</?(?:p|br|div|span|b|i|u|a|strong|em|ul|ol|li|h[1-6]|table|html|body|font)\b", re.IGNORECASE
)
_KEPT = frozenset(
    {
        "a",
        "b",
        "blockquote",
        "br",
        "div",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "li",
        "ol",
    }
    | {"p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
    | {"u", "ul"}
)
_EMPTY = frozenset({"br", "hr", "img"})
_UNSEEN = frozenset({"script", "style", "head", "title", "iframe", "object", "embed", "template", "svg"})
_SAFE_ADDRESS = re.compile(r"(?:https?:|mailto:|tel:|cid:)", re.IGNORECASE)
_ATTRIBUTES = frozenset(
    {"href", "src", "alt", "title", "style", "align", "width", "height", "color", "face", "size", "colspan", "rowspan"}
)


def html_fragment(text: str, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Plain text escaped, with its line breaks; HTML without its outer tags, without scripts, every tag closed.

    Placeholders are filled in before that, so that a name is held to the same rules and is never taken for HTML.
    """
    if not _LOOKS_LIKE_HTML.search(text):
        return escape(filled(text, names).strip(), quote=False).replace("\r\n", "\n").replace("\n", "<br>\n")
    cleaner = _Cleaner()
    cleaner.feed(filled(text, names, html=True))
    cleaner.close()
    return cleaner.fragment()


class _Cleaner(HTMLParser):
    """Writes down what it understands: known tags, safe attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        self._unseen = 0

    def fragment(self) -> str:
        """What was written, with the tags closed that are still open."""
        return "".join([*self._out, *(f"</{tag}>" for tag in reversed(self._open))]).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _KEPT and not self._unseen:
            self._out.append(f"<{tag}{''.join(_attribute(name, value or '') for name, value in attrs)}>")
            if tag not in _EMPTY:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:
            self.handle_starttag(tag, attrs)
            if tag not in _EMPTY:
                self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in self._open and not self._unseen:
            while True:
                closed = self._open.pop()
                self._out.append(f"</{closed}>")
                if closed == tag:
                    return

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._out.append(escape(data, quote=False))


def _attribute(name: str, value: str) -> str:
    if name not in _ATTRIBUTES or (name in ("href", "src") and not _SAFE_ADDRESS.match(value.strip())):
        return ""
    if name == "style" and re.search(r"expression|url\s*\(|@import|behavior", value, re.IGNORECASE):
        return ""
    return f' {name}="{escape(value)}"'
