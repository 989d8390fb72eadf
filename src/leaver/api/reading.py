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
    """What is answered. The head of a whole answer in JSON is held back until its body has been named."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._bare = scope["method"] == "HEAD"
        self._tagged = str(scope["path"]).startswith("/api/")
        self._known = Headers(scope=scope).get("if-none-match", "")
        self._send = send
        self._head: Message | None = None
        self.is_cut = False
        """Whether the rest was not waited for because nobody asked for it."""

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            if self._is_whole(message):
                self._head = message
                return
            await self._send(message)
            if self._bare:
                await self._end()
            return
        if self._head is not None:
            head, self._head = self._head, None
            more = message.get("more_body", False)
            known = not more and self._name(head, message.get("body", b""))
            await self._send(head)
            if self._bare and more:
                await self._end()
            if self._bare or known:
                message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})
        self.is_cut = True
        raise OSError("Nobody asked for the rest.")

    def _is_whole(self, head: Message) -> bool:
        headers = Headers(raw=head.get("headers", []))
        in_json = headers.get("content-type", "").startswith(JSON) and "content-length" in headers
        return self._tagged and in_json and head["status"] == 200

    def _name(self, head: Message, body: bytes) -> bool:
        """Name an answer by what it holds; True if the caller has it, and is told so."""
        headers = MutableHeaders(raw=head["headers"])
        headers["etag"] = tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        names = [each.strip().removeprefix("W/") for each in self._known.split(",")]
        if tag not in names and names != ["*"]:
            return False
        head["status"] = 304
        del headers["content-length"]
        return True
