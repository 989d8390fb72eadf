"""Reads, once for all routes: HEAD is GET without a body, and who has an answer already does not get it again."""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = "application/json"


class Reading:
    """Stands before the routes. Answers of the APIs in JSON carry an `ETag`, and `If-None-Match` is obeyed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; all but reads are passed on."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, answer.send)
        except (ClientDisconnect, OSError):
            if not answer.is_cut:
                raise
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]


class _Answer:
    """What is answered: its head is held back until it is known whether the whole body comes with it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._bare = scope["method"] == "HEAD"
        self._tagged = str(scope["path"]).startswith("/api/")
        self._known = Headers(scope=scope).get("if-none-match", "")
        self._send = send
        self._head: Message = {}
        self.is_cut = False
        """Whether a stream was ended because nobody asked for its body."""

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head:
            if self._is_known(message):
                message = {"type": "http.response.body", "body": b""}
            head, self._head = self._head, {}
            await self._send(head)
        if self._bare:
            await self._send({"type": "http.response.body", "body": b""})
            if message.get("more_body"):
                self.is_cut = True
                raise OSError("Nobody asked for the body.")
            return
        await self._send(message)

    def _is_known(self, message: Message) -> bool:
        """Name a whole answer in JSON by what it holds; True if the caller has it."""
        headers = MutableHeaders(raw=self._head.setdefault("headers", []))
        whole = not message.get("more_body") and headers.get("content-type", "").startswith(JSON)
        if not self._tagged or not whole or self._head["status"] != 200:
            return False
        tag = f'"{hashlib.blake2b(message.get("body", b""), digest_size=16).hexdigest()}"'
        headers["etag"] = tag
        names = [each.strip().removeprefix("W/") for each in self._known.split(",")]
        if tag not in names and names != ["*"]:
            return False
        self._head["status"] = 304
        del headers["content-length"]
        return True
