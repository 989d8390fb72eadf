"""Holds answers against the OpenAPI document: every test of the API proves it along the way."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import httpx
import schemathesis
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from leaver.app import create

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@cache
def document() -> dict[str, Any]:
    """The program's document."""
    return create(works=False).openapi()


@cache
def operations() -> tuple[APIOperation[Any, Any, Any, Any], ...]:
    """Everything that the document names."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(document())
    found = list(schema.get_all_operations())
    assert all(isinstance(each, Ok) for each in found), found
    return tuple(each.ok() for each in found if isinstance(each, Ok))


async def held_against_the_document(response: httpx.Response) -> None:
    """Status, headers, content type and schema of an answer, for the addresses that the document names."""
    operation, values = _of(response.request.method, response.request.url.path)
    if operation is None:
        return
    sent = httpx.Request(response.request.method, response.request.url)
    answer = httpx.Response(
        response.status_code, headers=response.headers, content=await response.aread(), request=sent
    )
    answer.elapsed = timedelta()
    wanted = CHECKS[:3] if "event-stream" in response.headers.get("content-type", "") else CHECKS
    operation.Case(path_parameters=values).validate_response(answer, checks=wanted)


def _of(method: str, path: str) -> tuple[APIOperation[Any, Any, Any, Any] | None, dict[str, str]]:
    parts = path.split("/")
    for operation in operations():
        wanted = operation.path.split("/")
        if operation.method.upper() != method or len(wanted) != len(parts):
            continue
        pairs = list(zip(wanted, parts, strict=True))
        if all(want == part or (want.startswith("{") and part) for want, part in pairs):
            return operation, {want[1:-1]: part for want, part in pairs if want.startswith("{")}
    return None, {}
