"""Traces and log lines: they tell what belongs together, by ids, and nothing about people."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from leaver import traces
from leaver.access.roles import Role
from leaver.access.tokens import Tokens
from leaver.app import create
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.offboarding.drive import drive
from leaver.wiring import House
from m365_simulator.world import World

ADA = "ada@contoso.example"
WISH = {"tenant": "contoso.example", "users": [ADA], "settings": {"disable_sign_in": True}}
_EXPORTER = InMemorySpanExporter()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What was traced; the process has one provider for good."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(_EXPORTER))
        trace.set_tracer_provider(provider)
    _EXPORTER.clear()
    yield _EXPORTER
    _EXPORTER.clear()


async def _offboard(house: House) -> str:
    """By a program, then carried out."""
    _, secret = await Tokens(house.papers, house.audit).create("program", Role.ADMINISTRATOR, Actor("test"))
    headers = {"Authorization": f"Bearer {secret}", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    app = create(house=house, works=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://leaver.test") as client:
        made = await client.post("/api/v1/offboardings", json=WISH, headers=headers)
        await client.get("/api/v1/tenants/contoso.example/users", params={"search": "ada"}, headers=headers)
        await client.get("/api/v1/nothing/ada@contoso.example", headers=headers)
    offboarding = str(made.json()["offboardings"][0]["id"])
    await drive(house, offboarding, owner="test", look_again=(0.01, 0.02))
    return offboarding


def _of(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    return next(each for each in spans.get_finished_spans() if each.name == name)


async def test_a_request_its_calls_and_the_tasks_are_traced(
    house: House, world: World, spans: InMemorySpanExporter
) -> None:
    offboarding = await _offboard(house)

    asked = _of(spans, "POST /api/v1/offboardings")
    task = _of(spans, "task disable_sign_in")
    run = _of(spans, "offboarding")
    assert asked.context is not None
    assert f"{asked.context.trace_id:032x}" == "a" * 32
    assert any(
        each.parent and each.context and each.context.trace_id == asked.context.trace_id and "graph" in each.name
        for each in spans.get_finished_spans()
    )
    assert task.attributes is not None
    assert task.attributes["leaver.outcome"] == "verified"
    assert task.attributes["leaver.offboarding.id"] == offboarding
    assert task.parent is not None
    assert run.context is not None
    assert task.parent.span_id == run.context.span_id


async def test_traces_name_nobody_and_hold_no_secret(house: House, world: World, spans: InMemorySpanExporter) -> None:
    await _offboard(house)

    everything = "".join(each.to_json() for each in spans.get_finished_spans()).lower()
    assert len(spans.get_finished_spans()) > 8
    for word in ("ada@", "ada example", '"ada', "contoso.example", "lvr_", "bearer", "not-a-real-secret", "search="):
        assert word not in everything, word


def test_a_failed_block_is_marked_with_the_kind_of_error_alone(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="ada"), traces.span("odd"):
        raise ValueError("about ada@contoso.example")

    found = _of(spans, "odd")
    assert (found.status.description, list(found.events)) == ("ValueError", [])


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_the_log_carry_the_ids(form: str) -> None:
    log, stream = logging.getLogger("leaver.test_of_the_log"), io.StringIO()
    handler = traces.log_handler(form, stream)
    log.addHandler(handler)
    log.propagate = False
    try:
        with traces.under_way(request="r1"), traces.under_way(offboarding="o1"):
            log.warning("Something %s.", "happened")
        log.warning("Else.")
    finally:
        log.removeHandler(handler)
    first, second = stream.getvalue().splitlines()

    if form == "json":
        assert json.loads(first) | {"time": ""} == {
            "time": "",
            "level": "WARNING",
            "logger": "leaver.test_of_the_log",
            "message": "Something happened.",
            "request": "r1",
            "offboarding": "o1",
        }
        assert "request" not in json.loads(second)
    else:
        assert "request=r1 offboarding=o1 Something happened." in first
        assert "request" not in second


def test_without_opentelemetry_nothing_is_traced_and_everything_works() -> None:
    script = """
import sys
sys.modules["opentelemetry"] = None
from leaver import traces
with traces.span("x", "server", {}, a=1) as span:
    span.say(b=2); span.fail("no"); span.call("y")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_traces_that_are_wanted_and_cannot_be_sent_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.test:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(Unusable, match="not installed"):
        traces.start_traces("serve")
