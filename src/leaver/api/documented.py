"""What a route says of itself for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRoute

LOCATION = {"headers": {"Location": {"description": "Where it can be read.", "schema": {"type": "string"}}}}
EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}


def answers(shape: Any, status: int = 200, **more: Any) -> dict[str, Any]:
    """What a route says of its answer: `@router.get("/tasks", **answers(Page[TaskKind]))`.

    It is said, and not sent through the model, so that what we keep is shown as it is; tests hold the two together.
    """
    return {"response_model": None, "status_code": status, "responses": {status: {"model": shape, **more}}}


def sent(schema: dict[str, Any], example: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The document's part for a body that the route reads by itself, because it takes loose shapes."""
    content = {"application/json": {"schema": schema | {"examples": [example]}}}
    return {"openapi_extra": {"requestBody": {"required": required, "content": content}}}


def query(*names: str, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document's part for query parameters that the route reads in any letter case."""
    found = [
        {"name": name, "in": "query", "required": name in required, "schema": {"type": "string"}} for name in names
    ]
    return {"openapi_extra": {"parameters": found}}


def by_name(route: APIRoute) -> str:
    """The name of a route for client generators: its function's."""
    return route.name


def with_room(route: APIRoute) -> str:
    """The same with the file's name before it."""
    return f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}"
