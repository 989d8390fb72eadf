"""The OpenAPI document: valid, fit for client generators, and true for whatever is sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import Case, GenerationMode

from api.documented import CHECKS, document, operations
from leaver.access.roles import Role
from leaver.access.tokens import Tokens
from leaver.app import create
from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.m365.http import Http
from leaver.offboarding.desk import Desk, Request
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, build
from m365_simulator.world import World
from support import Wire

EACH = 4
"""Requests of each kind for each route."""


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(document()).validate()

    assert document()["openapi"].startswith("3.1")


def test_every_operation_has_a_name_of_its_own_and_says_what_it_is() -> None:
    found = [operation.definition.raw for operation in operations()]
    names = [item["operationId"] for item in found]

    assert len(names) == len(set(names)) > 35
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert all(item["summary"] and item["tags"] for item in found)
    assert all(item["security"] for item in found)


def test_every_answer_says_what_it_holds() -> None:
    for operation in operations():
        for status, answer in operation.definition.raw["responses"].items():
            if status in ("204", "304"):
                continue
            for media, content in answer["content"].items():
                assert content["schema"], (operation.label, status, media)


def test_what_generated_clients_trip_over_is_not_there() -> None:
    """A body that may be left out or be null, and an operation that answers in JSON alone only sometimes."""
    for operation in operations():
        body = operation.definition.raw.get("requestBody", {})
        for content in body.get("content", {}).values():
            assert {"type": "null"} not in content["schema"].get("anyOf", ()), operation.label
        answers = operation.definition.raw["responses"]
        kinds = {media for answer in answers.values() for media in answer.get("content", {})}
        other = kinds - {"application/json", "application/problem+json"}
        if "application/json" in kinds and other:
            names = {each.path for each in operations()}
            assert {f"{operation.path}.html", f"{operation.path}.pdf"} <= names, operation.label


def test_every_body_has_an_example_that_fits() -> None:
    seen = 0
    for operation in operations():
        body = operation.definition.raw.get("requestBody")
        if body is None:
            continue
        schema = body["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**document(), **schema})
        for example in _examples(schema):
            validator.validate(example)
            seen += 1
    assert seen > 10


def _examples(schema: dict[str, Any]) -> list[Any]:
    """A body's own examples, or those of its members."""
    schema = _resolved(schema)
    if "examples" in schema:
        return list(schema["examples"])
    members = {name: _resolved(member) for name, member in schema["properties"].items()}
    examples = {
        name: member["examples"][0] if "examples" in member else member["enum"][0]
        for name, member in members.items()
        if "examples" in member or name in schema.get("required", ())
    }
    assert examples, schema["title"]
    return [examples]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or ("anyOf" in schema and "examples" not in schema):
        if "anyOf" in schema:
            schema = next(item for item in schema["anyOf"] if item.get("type") != "null")
        else:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


@pytest.mark.parametrize("who", ["administrator", "nobody"])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_the_answer_is_as_documented(
    config: Config, wire: Wire, world: World, who: str, mode: GenerationMode
) -> None:
    """No 5xx, and status, headers, content type and schema as the document says, for every route there is."""
    answered: set[str] = set()
    with asyncio.Runner() as runner:
        send, close = runner.run(_program(config, wire, world, who))
        before = len(wire.calls)

        def ask(case: Case[Any]) -> None:
            response = runner.run(send(case))
            stream = "event-stream" in response.headers.get("content-type", "")
            case.validate_response(response, checks=CHECKS[:3] if stream else CHECKS)
            assert response.status_code < 500, response.text
            assert response.status_code == 401 or who != "nobody", response.text
            if response.is_success:
                answered.add(case.operation.label)

        try:
            for operation in operations():
                asked = given(operation.as_strategy(generation_mode=mode))(ask)
                settings(
                    max_examples=EACH if who == "administrator" else 3,
                    derandomize=True,
                    database=None,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                )(asked)()
        finally:
            runner.run(close())
    if who == "nobody":
        assert len(wire.calls) == before
    elif mode is GenerationMode.POSITIVE:
        assert len(answered) > 20, answered


async def _program(config: Config, wire: Wire, world: World, who: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A program with some offboardings in it, and the way to send a case to it."""
    http = Http(transport=httpx.ASGITransport(wire.app))
    house = build(config, http)
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
    ids = await _offboardings(house, world)
    tokens = Tokens(house.papers, house.audit)
    _, secret = await tokens.create("fuzz", Role.ADMINISTRATOR, Actor("test"))
    headers = {"Authorization": f"Bearer {secret}"} if who == "administrator" else {}
    app = create(house=house, works=False)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://leaver.test", headers=headers)

    async def send(case: Case[Any]) -> httpx.Response:
        parameters = case.path_parameters
        if "offboarding_id" in parameters and len(str(parameters["offboarding_id"])) % 3:
            parameters["offboarding_id"] = ids[len(str(parameters["offboarding_id"])) % len(ids)]
        for name in ("tenant", "scope"):
            if name in parameters and len(str(parameters[name])) % 3:
                parameters[name] = world.domain
        if case.path.endswith("/events"):  # or it would be watched until the offboarding ends
            parameters["offboarding_id"] = "nothing"
        asked = case.as_transport_kwargs(base_url="http://leaver.test")
        data = asked.pop("data", None)
        asked["content"] = data.encode() if isinstance(data, str) else data
        kept: dict[str, Any] = {
            name: asked.get(name)
            for name in ("method", "url", "params", "json", "content", "headers")
            if asked.get(name) is not None
        }
        sent = dict(kept.get("headers") or {}) | headers
        kept["headers"] = {name: str(value).encode("latin-1", "replace") for name, value in sent.items()}
        return await client.request(**kept)

    async def close() -> None:
        await client.aclose()
        await http.aclose()
        await house.database.close()

    return send, close


async def _offboardings(house: House, world: World) -> list[str]:
    desk = Desk(house)
    wish = Request(world.id, ["bob@contoso.example"], {"disable_sign_in": True, "remove_groups": True})
    (record,) = await desk.submit(wish, Actor("test"))
    return [record.id]
