"""What is under way: its ids in every line of the log, and spans for OpenTelemetry where the extra `otel` is there.

Spans and lines hold ids, methods, statuses and names of tasks: no address, no query, no body, no error text.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, TextIO

from leaver.domain.errors import Unusable

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OpenSpan

Kind = Literal["internal", "server", "client"]
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
TEXT = "%(asctime)s %(levelname)s %(name)s%(ids)s %(message)s"
_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default={})  # noqa: B039 - it is never changed, only replaced


class Span:
    """One piece of work in a trace; without OpenTelemetry it does nothing."""

    def __init__(self, inner: OpenSpan | None = None) -> None:
        self._inner = inner

    def say(self, **values: str | int) -> None:
        """Add what became known; `__` in a name stands for a dot."""
        if self._inner is not None:
            self._inner.set_attributes({name.replace("__", "."): value for name, value in values.items()})

    def call(self, name: str) -> None:
        """Give it a better name."""
        if self._inner is not None:
            self._inner.update_name(name)

    def fail(self, why: str) -> None:
        """Mark it as failed, with a code."""
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            self._inner.set_status(Status(StatusCode.ERROR, why))


@contextmanager
def span(
    name: str, kind: Kind = "internal", carrier: Mapping[str, str] | None = None, **values: str | int
) -> Iterator[Span]:
    """A span around a block. A `carrier` is the headers of whoever called, with their trace."""
    try:
        from opentelemetry import propagate, trace
    except ImportError:
        yield Span()
        return
    tracer = trace.get_tracer("leaver")
    started = tracer.start_as_current_span(
        name,
        context=None if carrier is None else propagate.extract(carrier),
        kind=trace.SpanKind[kind.upper()],
        record_exception=False,  # its text may name people
        set_status_on_exception=False,
    )
    with started as inner:
        made = Span(inner)
        made.say(**values)
        try:
            yield made
        except BaseException as error:
            made.fail(type(error).__name__)
            raise


@contextmanager
def under_way(**ids: str) -> Iterator[None]:
    """Name in the log what a block works on: `request`, `offboarding`."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def start_log(form: str) -> None:
    """Write the log to standard error: lines of text, or of JSON for collectors."""
    logging.basicConfig(level=logging.INFO, handlers=[log_handler(form)])
    logging.getLogger("httpx").setLevel(logging.WARNING)


def log_handler(form: str, stream: TextIO | None = None) -> logging.Handler:
    """Where lines go, and how they look."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json() if form == "json" else logging.Formatter(TEXT))
    handler.addFilter(_name)
    return handler


def start_traces(process: str) -> None:
    """Send spans to the collector that OpenTelemetry's own variables name; nothing without them."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Unusable(
            f"{ENDPOINTS[0]} is set, but OpenTelemetry is not installed.",
            "otel_missing",
            advice="Install it with `pip install 'leaver[otel]'`, or remove the variable.",
        ) from error
    names = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "leaver"), "leaver.process": process}
    provider = TracerProvider(resource=Resource.create(names))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _name(record: logging.LogRecord) -> bool:
    record.ids = "".join(f" {name}={value}" for name, value in _ids.get().items())
    return True


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
