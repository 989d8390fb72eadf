"""The OpenAPI document: what FastAPI knows of the routes, with who gets in and every way in which a route refuses."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from leaver.api.cipp.shapes import Results
from leaver.api.v1.shapes import Problem

NATIVE = "/api/v1/"
PROBLEMS = "application/problem+json"
SCHEMES: dict[str, dict[str, str]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, or a JWT of the configured issuer."},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API token."},
    "functionsKey": {"type": "apiKey", "in": "header", "name": "x-functions-key", "description": "An API token."},
}
REFUSALS = {
    400: "The request cannot be carried out as it stands.",
    401: "Nobody knows who asks.",
    403: "Whoever asks may not do this.",
    404: "It is not there, or not for the caller.",
    409: "It does not fit how things stand.",
    413: "The request is too large.",
    415: "The body is not sent as JSON.",
    422: "The request is malformed.",
    429: "Too many requests; `Retry-After` says how long to wait.",
    500: "Leaver failed.",
    502: "Microsoft refused.",
    503: "Microsoft or the database does not answer; try again.",
}
_DROPPED = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> None:
    """Give the program its document, made when it is first asked for; so FastAPI wants it."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=[
            {"name": "Leaver", "description": "The native API: `/api/v1`."},
            {"name": "Webhooks", "description": "Programs that are told of offboardings."},
            {"name": "Notifications", "description": "People who are told of offboardings."},
            {"name": "CIPP-compatible", "description": "For callers that were written for CIPP."},
        ],
    )
    document["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    document["servers"] = [{"url": "/"}]
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in _DROPPED:
        schemas.pop(name, None)
    for model in (Problem, Results):
        schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["securitySchemes"] = SCHEMES
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            operation["security"] = [{name: []} for name in SCHEMES]
            _say_whole(operation)
            _add_refusals(operation, verb, native=path.startswith(NATIVE))
            if verb == "get":
                _add_tag(operation)
            for answer in operation["responses"].values():
                answer.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
    parts["headers"] = {
        "Tag": {
            "description": "Names what the answer holds: give it as `If-None-Match`, and the same answer is 304.",
            "schema": {"type": "string"},
        },
        "RequestId": {
            "description": "The name of the request in Leaver's log.",
            "required": True,
            "schema": {"type": "string"},
        },
    }
    return document


def _say_whole(operation: dict[str, Any]) -> None:
    """A body that may be left out is that, not one of two kinds: of those generated clients send what JSON has not."""
    body = operation.get("requestBody", {})
    for content in body.get("content", {}).values():
        kinds = [kind for kind in content["schema"].get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1 and not body.get("required"):
            content["schema"] = kinds[0]


def _add_tag(operation: dict[str, Any]) -> None:
    """What `reading.py` does with an answer in JSON."""
    answers = operation["responses"]
    if "application/json" not in answers["200"].get("content", {}):
        return
    answers["200"].setdefault("headers", {})["ETag"] = {"$ref": "#/components/headers/Tag"}
    answers["304"] = {"description": "The caller has this answer already."}
    operation.setdefault("parameters", []).append(
        {"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}}
    )


def _add_refusals(operation: dict[str, Any], verb: str, *, native: bool) -> None:
    answers: dict[str, Any] = operation["responses"]
    answers.pop("422", None)  # FastAPI's own shape, which is never sent
    shape, media = (Problem, PROBLEMS) if native else (Results, "application/json")
    content = {media: {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
    for status in _refusals(operation, verb, native=native):
        found = answers.setdefault(str(status), {"description": REFUSALS[status]})
        found.setdefault("content", dict(content))
        if status == 401:
            found["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}


def _refusals(operation: dict[str, Any], verb: str, *, native: bool) -> list[int]:
    writes = verb in ("post", "put", "patch", "delete")
    asks = bool(operation.get("parameters")) or "requestBody" in operation
    found = [400, 401, 403, 429, 500, 503]
    if asks:
        found += [404, 502]
    if asks and native:
        found.append(422)
    if native and "requestBody" in operation:
        found.append(415)
    if writes:
        found += [409, 413]
    return sorted(found)
