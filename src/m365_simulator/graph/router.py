"""Microsoft Graph's addresses: which handler answers which, and which permissions it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from m365_simulator.directory import Directory
from m365_simulator.graph.errors import GraphError, denied, not_found
from m365_simulator.state import Answer, Caller, State
from m365_simulator.world import World


@dataclass
class GraphCall:
    """One call, or one part of a batch."""

    state: State
    world: World
    caller: Caller
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    origin: str
    version: str
    request_id: str
    keys: list[str] = field(default_factory=list)
    """What stands in the places of `{}` in the route."""

    @property
    def directory(self) -> Directory:
        """The tenant's index."""
        return self.state.directory(self.world)

    @property
    def advanced(self) -> bool:
        """The caller accepts eventual consistency, and so may use advanced queries."""
        return self.headers.get("consistencylevel", "").lower() == "eventual"

    @property
    def base(self) -> str:
        """The address under which the resources stand."""
        return f"{self.origin}/graph/{self.version}"

    def given(self, name: str) -> Any:
        """A member of the body, which must be an object."""
        if not isinstance(self.body, dict):
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
        return self.body.get(name)


Handler = Callable[[GraphCall], Answer]


@dataclass
class Route:
    """A handler with what it asks for."""

    handler: Handler
    permissions: tuple[str, ...]
    """One of these must be held."""
    units: int = 1


@dataclass
class _Node:
    routes: dict[str, Route] = field(default_factory=dict)
    literal: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None


_root = _Node()
_KEYED = re.compile(r"^([\w.$]+)\((.*)\)$")


def route(
    method: str, path: str, *permissions: str, units: int = 1, also: tuple[str, ...] = ()
) -> Callable[[Handler], Handler]:
    """Registers a handler. `{}` in the path is a key; the keyed form `users('…')` is the same as `users/…`."""

    def register(handler: Handler) -> Handler:
        for each in (path, *also):
            node = _root
            for segment in each.strip("/").split("/"):
                if segment == "{}":
                    node.any = node.any or _Node()
                    node = node.any
                else:
                    node = node.literal.setdefault(segment.lower(), _Node())
            node.routes[method] = Route(handler, permissions, units)
        return handler

    return register


def segments(path: str) -> list[str]:
    """The parts of a decoded path, with keys in brackets split off."""
    found = []
    for part in map(unquote, path.strip("/").split("/")):
        keyed = _KEYED.match(part)
        if keyed and keyed[2]:
            key = keyed[2]
            name, equals, value = key.partition("=")
            if equals and not name.startswith("'"):
                found += [f"{keyed[1]}({name.strip()})", value.strip().strip("'").replace("''", "'")]
            else:
                found += [keyed[1], key.strip("'").replace("''", "'")]
        elif keyed:
            found.append(keyed[1])
        else:
            found.append(part)
    return found


def find(method: str, parts: list[str]) -> tuple[Route, list[str]]:
    """The route for a path, and its keys."""
    reached = _walk(_root, parts, [])
    if reached is None:
        name = parts[-1] if parts else ""
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{name}'.")
    node, keys = reached
    found = node.routes.get(method)
    if found is None:
        raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    return found, keys


def _walk(node: _Node, parts: list[str], keys: list[str]) -> tuple[_Node, list[str]] | None:
    if not parts:
        return (node, keys) if node.routes else None
    following = node.literal.get(parts[0].lower())
    if following is not None:
        reached = _walk(following, parts[1:], keys)
        if reached is not None:
            return reached
    if node.any is not None:
        return _walk(node.any, parts[1:], [*keys, parts[0]])
    return None


def answer(call: GraphCall) -> Answer:
    """Answers a call by its route; every refusal in Graph's error envelope."""
    try:
        found, call.keys = find(call.method, segments(call.path))
        if found.permissions and not call.caller.may(*found.permissions):
            raise denied()
        return found.handler(call)
    except GraphError as error:
        return error.answer(call.state.now(), call.request_id, call.headers.get("client-request-id", ""))


def user_key(call: GraphCall, position: int = 0) -> str:
    """The id of the user whom a key of the path names, by object id or UPN."""
    user = call.directory.user(call.keys[position])
    if user is None:
        raise not_found(call.keys[position])
    return user.id


def cost(call: GraphCall) -> int:
    """What a call costs in resource units (Microsoft Graph: throttling limits, identity and access)."""
    try:
        found, _ = find(call.method, segments(call.path))
    except GraphError:
        return 1
    units = found.units
    if "$select" in call.query:
        units -= 1
    if "$expand" in call.query:
        units += 1
    top = call.query.get("$top", "")
    if top.isdigit() and int(top) < 20:
        units -= 1
    return max(1, int(units))
