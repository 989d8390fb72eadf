"""The doors of the simulated cloud, on one address: login, Graph, Exchange, SharePoint, and the control of it all."""

from __future__ import annotations

import uuid
from collections.abc import MutableMapping
from email.utils import format_datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from m365_simulator import control, exchange, sharepoint
from m365_simulator.faults import Behaviour
from m365_simulator.graph import endpoint as graph
from m365_simulator.login import endpoint as login
from m365_simulator.state import Dropped, State
from m365_simulator.world import Cloud


def create_app(cloud: Cloud, behaviour: Behaviour | None = None) -> Starlette:
    """The simulator as an ASGI app; `app.state.simulator` is its `State`."""
    state = State(cloud, behaviour)
    routes = [
        *graph.routes(state),
        *_routes_of(exchange, state),
        *_routes_of(sharepoint, state),
        *control.routes(state),
        *login.routes(state),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Front, state=state)])
    app.state.simulator = state
    return app


class Front:
    """Gives every answer its date and request id, and closes the connection when an answer is to be lost."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._stamp(message, scope)
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except Dropped:
            await hang_up(scope, send)
        except ClientDisconnect:  # whoever asked has gone in the middle of the question
            return

    def _stamp(self, message: MutableMapping[str, Any], scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = message["headers"]
        headers.append((b"date", format_datetime(self._state.now(), usegmt=True).encode()))
        if not any(name == b"request-id" for name, _ in headers):
            headers.append((b"request-id", str(uuid.uuid4()).encode()))
        asked = next((value for name, value in scope["headers"] if name == b"client-request-id"), None)
        if asked:
            headers.append((b"client-request-id", asked))


async def hang_up(scope: Scope, send: Send) -> None:
    """Closes the connection so that the client sees a lost answer."""
    if "spec_version" not in scope["asgi"]:  # In one process there is no connection to close.
        import httpx

        raise httpx.ReadError("The connection was closed without an answer.")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})


def _routes_of(package: Any, state: State) -> list[Any]:
    return list(package.routes(state)) if hasattr(package, "routes") else []
