"""Addresses: paths, queries and links, and where they may lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from leaver.domain.errors import Unusable
from leaver.m365.answers import origin
from leaver.m365.translate import Asked


def follow_link(link: str, base: str, asked: Asked) -> str:
    """The absolute address of a path or next link. A token is never carried to another host."""
    if not link.lower().startswith(("https://", "http://")):
        return f"{base}/{link.lstrip('/')}"
    if origin(link) != origin(base):
        raise Unusable(
            f"{asked.name} pointed to another host ({origin(link)}) while reading {asked.what}; it was not followed.",
            code="foreign_link",
            service=asked.service,
        )
    return urljoin(base, link)


def queried(url: str, params: Mapping[str, Any] | None) -> str:
    """An address with its query; OData's own signs stay readable."""
    if not params:
        return url
    given = {name: _spelled(value) for name, value in params.items() if value is not None}
    query = urlencode(given, quote_via=quote, safe="$,'()/:")
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(site_url: str, path: str) -> str:
    """A site's path for people and evidence, without the host's scheme and any query."""
    return f"{site_url.rstrip('/').partition('://')[2]}{path}".partition("?")[0]
