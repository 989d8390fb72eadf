"""JSON batching (Microsoft Graph: combine multiple requests in one HTTP call)."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

from m365_simulator.graph.errors import GraphError
from m365_simulator.graph.sending import Sent
from m365_simulator.state import Answer, Dropped

LIMIT = 20


async def serve(sent: Sent) -> Answer:
    """Answers every part on its own; the answers come in no particular order."""
    try:
        requests = _checked(sent)
    except GraphError as error:
        return error.answer(sent.state.now(), sent.request_id)
    under_way: dict[str, asyncio.Task[Answer]] = {}

    async def part(request: dict[str, Any]) -> Answer:
        for earlier in request.get("dependsOn") or ():
            if (await under_way[earlier]).status >= 400:
                failed = GraphError(424, "FailedDependency", "A request that this one depends on has failed.")
                return failed.answer(sent.state.now(), sent.request_id)
        return await _part(sent, request).served()

    lost = False
    try:
        async with asyncio.TaskGroup() as group:
            for request in requests:
                under_way[request["id"]] = group.create_task(part(request))
    except* Dropped:
        lost = True
    if lost:
        # The parts share one connection: a part whose answer is lost takes the others' along.
        raise Dropped
    responses = [_response(each, task.result()) for each, task in under_way.items()]
    random.shuffle(responses)
    return Answer(body={"responses": responses}, headers={"request-id": sent.request_id})


def _checked(sent: Sent) -> list[dict[str, Any]]:
    requests = sent.body.get("requests") if isinstance(sent.body, dict) else None
    if sent.method != "POST" or not isinstance(requests, list):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(requests) > LIMIT:
        raise GraphError(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of '{LIMIT}'.")
    seen: set[str] = set()
    for request in requests:
        name = request.get("id")
        if not isinstance(name, str) or not name or not request.get("method") or not request.get("url"):
            raise GraphError(400, "BadRequest", "Invalid batch payload format: a request needs id, method and url.")
        if name in seen:
            raise GraphError(400, "BadRequest", f"Request Id : {name} is not unique.")
        unknown = set(request.get("dependsOn") or ()) - seen
        if unknown:
            raise GraphError(400, "BadRequest", f"Request '{name}' depends on an unknown or later request.")
        seen.add(name)
    return requests


def _part(sent: Sent, request: dict[str, Any]) -> Sent:
    headers = {name.lower(): str(value) for name, value in (request.get("headers") or {}).items()}
    url = str(request["url"])
    path, _, query = url.lstrip("/").partition("?")
    if "://" in url or path.lower() == "$batch":
        path = "$batch/refused"
    return Sent(
        sent.state,
        sent.caller,
        str(request["method"]).upper(),
        path,
        query,
        headers,
        _body(request, headers),
        sent.origin,
        sent.version,
        str(uuid.uuid4()),
        in_batch=True,
    )


def _body(request: dict[str, Any], headers: dict[str, str]) -> Any:
    """The body, which is not read as JSON when the part does not say that it is."""
    body = request.get("body")
    if body is not None and "application/json" not in headers.get("content-type", ""):
        return ""
    return body


def _response(name: str, answer: Answer) -> dict[str, Any]:
    headers = dict(answer.headers)
    if "retry-after" in headers:
        headers["Retry-After"] = headers.pop("retry-after")
    found: dict[str, Any] = {"id": name, "status": answer.status, "headers": headers}
    if answer.text is not None:
        found["body"] = answer.text
    elif answer.body is not None:
        found["headers"]["Content-Type"] = "application/json"
        found["body"] = answer.body
    return found
