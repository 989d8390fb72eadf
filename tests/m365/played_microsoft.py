"""A Microsoft that answers as a test says: for what the simulator should not have to play."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from leaver.m365 import clouds
from leaver.m365.http import ExchangeWire, GraphWire, Http, SharePointWire
from leaver.m365.tokens import Credential, Tokens

TENANT = "11111111-1111-1111-1111-111111111111"
SECRET = "s3cr3t-value"
Reply = httpx.Response | Exception
Play = Callable[["Asked"], Reply]


@dataclass
class Asked:
    """One request, or one part of a batch."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    batched: bool = False
    form: dict[str, str] = field(default_factory=dict)

    @property
    def cmdlet(self) -> str:
        return str(self.body["CmdletInput"]["CmdletName"])


class Microsoft:
    """Sign-in and batches work; everything else is what `play` answers, one request at a time."""

    def __init__(self, play: Play | None = None, **options: Any) -> None:
        self.play: Play = play or (lambda asked: ok())
        self.token: Callable[[Asked, int], Reply] = lambda asked, count: token(f"token-{count}")
        self.batch: Callable[[Asked], Reply | None] = lambda asked: None
        self.sent: list[Asked] = []
        self.asked: list[Asked] = []
        self.signed_in: list[Asked] = []
        self.slept: list[float] = []
        self.latency = 0.0
        self.under_way = self.most_under_way = 0
        self.http = Http(transport=httpx.MockTransport(self._answer), sleep=self._sleep, **options)
        self.clouds = clouds.custom("https://ms.test/login", "https://ms.test/graph", "https://ms.test/exchange")
        self.tokens = Tokens(self.http, self.clouds, Credential("app-id", SECRET))

    def graph(self, tenant: str = TENANT) -> GraphWire:
        return GraphWire(self.http, self.tokens, self.clouds, tenant)

    def exchange(self, tenant: str = TENANT) -> ExchangeWire:
        return ExchangeWire(self.http, self.tokens, self.clouds, tenant)

    def sharepoint(self) -> SharePointWire:
        return SharePointWire(self.http, self.tokens, self.clouds, TENANT)

    @property
    def batches(self) -> list[Asked]:
        return [one for one in self.sent if one.url.endswith("$batch")]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = _read(request)
        if asked.url.endswith("/oauth2/v2.0/token"):
            self.signed_in.append(asked)
            return _raised(self.token(asked, len(self.signed_in)))
        self.sent.append(asked)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.latency)
            return _raised(self._served(asked))
        finally:
            self.under_way -= 1

    def _served(self, asked: Asked) -> Reply:
        if not asked.url.endswith("$batch"):
            self.asked.append(asked)
            return self.play(asked)
        whole = self.batch(asked)
        if whole is not None:
            return whole
        answers = []
        for part in asked.body["requests"]:
            url = part["url"] if "://" in part["url"] else f"https://ms.test/graph/v1.0{part['url']}"
            inner = Asked(part["method"], url, part.get("headers", {}), part.get("body"), batched=True)
            self.asked.append(inner)
            reply = self.play(inner)
            if isinstance(reply, httpx.Response):
                try:
                    body = reply.json() if reply.content else None
                except ValueError:
                    body = reply.text
                answers.append(
                    {"id": part["id"], "status": reply.status_code, "headers": dict(reply.headers), "body": body}
                )
        return httpx.Response(200, json={"responses": list(reversed(answers))})


def ok(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"value": []} if body is None else body, headers=headers)


def refused(status: int, code: str = "", message: str = "", **headers: str) -> httpx.Response:
    error = {"code": code, "message": message, "innerError": {"request-id": "ms-request"}}
    return httpx.Response(status, json={"error": error}, headers={k.replace("_", "-"): v for k, v in headers.items()})


def cmdlet_error(status: int, kind: str, text: str) -> httpx.Response:
    details = [{"code": "Context", "target": "", "message": f"Ex1|{kind}|{text}"}]
    return httpx.Response(
        status, json={"error": {"code": "X", "message": "Error executing cmdlet", "details": details}}
    )


def token(value: str, seconds: int = 3599) -> httpx.Response:
    return httpx.Response(200, json={"token_type": "Bearer", "expires_in": seconds, "access_token": value})


def aadsts(number: int, error: str = "invalid_client", status: int = 401) -> httpx.Response:
    text = f"AADSTS{number}: what Microsoft says. Trace ID: t-1 Correlation ID: c-1 Timestamp: now"
    body = {"error": error, "error_description": text, "error_codes": [number], "trace_id": "t-1"}
    return httpx.Response(status, json=body)


def in_turn(*replies: Reply) -> Play:
    """These answers one after the other, then success."""
    left = list(replies)
    return lambda asked: left.pop(0) if left else ok({"value": [], "done": True})


def _read(request: httpx.Request) -> Asked:
    form: dict[str, str] = {}
    body = None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(httpx.QueryParams(request.content.decode()))
    elif request.content and "json" in request.headers.get("content-type", ""):
        body = json.loads(request.content)
    return Asked(request.method, str(request.url), dict(request.headers), body, form=form)


def _raised(reply: Reply) -> httpx.Response:
    if isinstance(reply, Exception):
        raise reply
    return reply
