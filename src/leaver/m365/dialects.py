"""How Graph and Exchange want several requests in one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaver.m365.answers import Answer, Request

_OUTLOOK = re.compile(
    r"/(mailboxSettings|messages|mailFolders|messageRules|events|calendars?|calendarView|contacts|contactFolders)\b",
    re.IGNORECASE,
)
_OUTLOOK_AT_ONCE = 4


@dataclass(frozen=True)
class GraphDialect:
    """Microsoft Graph, "Combine multiple requests in one HTTP call using JSON batching"."""

    base: str
    most: int = 20

    def joins(self, request: Request, others: Sequence[Request]) -> bool:
        """Anything of this version; of what Outlook answers at most four, which it would otherwise refuse."""
        if not all(one.url.startswith(f"{self.base}/") for one in (request, *others)):
            return False
        outlook = sum(1 for other in others if _OUTLOOK.search(other.what))
        return not _OUTLOOK.search(request.what) or outlook < _OUTLOOK_AT_ONCE

    def packed(self, requests: Sequence[Request], token: str) -> Request:  # noqa: ARG002 - the outer one suffices
        """All requests in one, with addresses relative to the version."""
        parts = []
        for place, request in enumerate(requests, 1):
            part: dict[str, Any] = {
                "id": str(place),
                "method": request.method,
                "url": request.url.removeprefix(self.base),
            }
            headers = dict(request.headers)
            if request.json is not None:
                part["body"] = request.json
                headers["Content-Type"] = "application/json"
            if headers:
                part["headers"] = headers
            parts.append(part)
        return Request("graph", "POST", f"{self.base}/$batch", "/$batch", json={"requests": parts})

    def unpacked(self, part: Mapping[str, Any], outer: Answer) -> Answer:
        """One part's answer."""
        return _unpacked(part, outer)


@dataclass(frozen=True)
class ExchangeDialect:
    """Exchange's administration interface: absolute inner addresses, inner headers like those of a lone call."""

    url: str
    anchor: str
    seconds: float
    most: int = 10

    def joins(self, request: Request, others: Sequence[Request]) -> bool:  # noqa: ARG002 - all cmdlets get along
        """Any read goes with any other."""
        return True

    def packed(self, requests: Sequence[Request], token: str) -> Request:
        """All requests in one."""
        parts = [
            {
                "id": str(place),
                "method": request.method,
                "url": request.url,
                "headers": {
                    **request.headers,
                    "Prefer": "odata.maxpagesize=1000;odata.continue-on-error",
                    "Content-Type": "application/json; charset=utf-8",
                    "Authorization": f"Bearer {token}",
                },
                "body": request.json,
            }
            for place, request in enumerate(requests, 1)
        ]
        headers = {"X-AnchorMailbox": self.anchor}
        return Request("exchange", "POST", self.url, "$batch", headers, {"requests": parts}, read_timeout=self.seconds)

    def unpacked(self, part: Mapping[str, Any], outer: Answer) -> Answer:
        """One part's answer."""
        return _unpacked(part, outer)


def _unpacked(part: Mapping[str, Any], outer: Answer) -> Answer:
    given = part.get("headers")
    headers = {str(name).lower(): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    body, text = part.get("body"), ""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            text, body = body.replace("\0", "").strip()[:2_000], None
    try:
        status = int(part.get("status") or 0)
    except (TypeError, ValueError):
        status = 0
    return Answer(status or 502, body, headers, headers.get("request-id") or outer.request_id, text, outer.seconds)
