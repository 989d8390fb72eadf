"""The running program: mounts the doors, starts and stops the engine."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leaver import __version__, traces
from leaver.access.accounts import Accounts
from leaver.access.codes import Codes
from leaver.access.gate import Gate, checked
from leaver.access.limits import Limits
from leaver.access.sessions import Sessions
from leaver.access.tokens import Tokens
from leaver.api import cipp, v1
from leaver.api.description import PROBLEMS, describe
from leaver.api.door import caller
from leaver.api.problems import document, in_cipp_words, problem, status_of
from leaver.api.reading import Reading
from leaver.api.remembered import Remembered
from leaver.config import Config
from leaver.domain.errors import LeaverError, TooMany
from leaver.m365.http import Http
from leaver.offboarding.desk import Desk
from leaver.offboarding.products import use_cached
from leaver.offboarding.rounds import Rounds
from leaver.offboarding.worker import Worker
from leaver.web import pages, shell
from leaver.web.later import Later
from leaver.web.people_badges import Badges
from leaver.web.readings import Readings
from leaver.wiring import House, open_house

log = logging.getLogger("leaver.access")
LARGEST_BODY = 2_000_000
"""Bytes of a request; the largest honest one is a list of users."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # a page brings its own
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HEADERS_SENT = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
OVER_HTTPS_SENT = ((b"strict-transport-security", b"max-age=31536000"),)
HOST = re.compile(r"[A-Za-z0-9._:\[\]-]*")
PLAIN = "/:@!$&'()*+,;=~"
"""What a path holds as it is in the log; everything else is written in percent."""


def create(
    config: Config | None = None,
    *,
    house: House | None = None,
    provider: Http | None = None,
    works: bool = True,
    on_first_start: Callable[[str], None] = lambda _: None,
) -> FastAPI:
    """The program as an ASGI application. A given house stays open, and so does the way to the identity `provider`.

    `works` takes part in the offboardings' work.
    `on_first_start` is given the first administrator's password, which is kept nowhere.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            chosen = config or (house.config if house else Config.from_environment())
            use_cached(chosen.data_dir)
            here = house if house is not None else await stack.enter_async_context(open_house(chosen))
            worker = Worker(here, "server") if works else None
            if worker is not None:
                await worker.start()
                stack.push_async_callback(worker.stop)
                await here.courier.start()
                stack.push_async_callback(here.courier.stop)
            _furnish(app, here, worker, provider)
            if works:
                app.state.rounds.start()
            stack.push_async_callback(app.state.rounds.stop)
            stack.push_async_callback(app.state.readings.stop)
            stack.push_async_callback(app.state.later.stop)
            if provider is None:
                stack.push_async_callback(app.state.gate.aclose)
            password = await app.state.accounts.first()
            if password is not None:
                on_first_start(password)
            yield

    if config is not None:
        checked(config)
    app = FastAPI(
        title="Leaver",
        version=__version__,
        summary="Offboards Microsoft 365 users: plans, does, proves and can undo.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the way would lead to whatever host the caller names
        openapi_url="/api/openapi.json",
        telemetry={"tracing": False, "metrics": False, "logs": False},  # its spans would hold queries; see traces.py
    )
    describe(app)
    if house is not None:
        _furnish(app, house, None, provider)
    app.add_middleware(Reading)
    app.add_middleware(Guard)
    app.add_exception_handler(LeaverError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_refused)
    _add_health(app)
    for router in (*v1.ROUTERS, *cipp.ROUTERS, *pages.ROUTERS):
        app.router.routes.extend(router.routes)  # included routers are searched twice for each request
    app.mount("/static", StaticFiles(packages=[("leaver.web", "static")]), name="static")
    return app


def _furnish(app: FastAPI, house: House, worker: Worker | None, provider: Http | None) -> None:
    app.state.house = house
    app.state.desk = Desk(house, worker.nudge if worker else None)
    app.state.rounds = Rounds(house, timedelta(seconds=house.config.health_seconds))
    app.state.readings = Readings()
    app.state.badges = Badges()
    app.state.later = Later()
    app.state.remembered = Remembered()
    app.state.tokens = Tokens(house.papers, house.audit)
    app.state.codes = Codes(house.papers, house.vault, house.audit)
    app.state.accounts = Accounts(house.papers, house.audit, app.state.codes)
    app.state.sessions = Sessions(house.papers, idle=timedelta(seconds=house.config.session_idle_seconds))
    app.state.limits = Limits.of(house.config)
    app.state.gate = Gate.of(house.config, house.tenants, house.audit, provider)
    app.state.programs = app.state.gate.programs


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz(request: Request) -> PlainTextResponse:
        house: House = request.app.state.house
        await house.database.ping()
        return PlainTextResponse("ready\n")

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> PlainTextResponse:
        """Prometheus' text format; only numbers, so it needs no sign-in."""
        house: House = request.app.state.house
        counts = await house.offboardings.counts()
        lines = ["# HELP leaver_offboardings Offboardings by state.", "# TYPE leaver_offboardings gauge"]
        lines += [f'leaver_offboardings{{state="{state}"}} {count}' for state, count in sorted(counts.items())]
        due = await house.leases.waiting()
        lines += ["# HELP leaver_due Offboardings that nobody works on yet.", "# TYPE leaver_due gauge"]
        lines += [f"leaver_due {due}"]
        workers = len(await house.workers.at_work())
        lines += ["# HELP leaver_workers Servers and workers that take up what was accepted."]
        lines += ["# TYPE leaver_workers gauge", f"leaver_workers {workers}"]
        late = await house.outbox.late()
        lines += ["# HELP leaver_deliveries_late Webhooks and messages whose time to be sent has passed."]
        lines += ["# TYPE leaver_deliveries_late gauge", f"leaver_deliveries_late {late}"]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


class Guard:
    """Every request: a limit to its size, a name in the log, strict headers on its answer, and an answer in any case.

    It stands around everything else and passes on what it gets piece by piece, so that a stream stays one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; whatever else there is, like the program's start, is passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = cipp.address(scope["path"])
        name = secrets.token_hex(8)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        headers = Headers(scope=scope)
        opened = traces.span(method, "server", headers, http__request__method=method, leaver__request__id=name)
        with traces.under_way(request=name), opened as span:
            answer = _Answer(name, send, secure=scope["scheme"] == "https")
            began = time.perf_counter()
            await self._answered(Request(scope, receive), headers, answer)
            span.say(http__response__status_code=answer.status)
            if route := getattr(scope.get("route"), "path", ""):
                span.call(f"{method} {route}")
                span.say(http__route=route)
            if answer.status >= 500:
                span.fail(str(answer.status))
            took = (time.perf_counter() - began) * 1000
            log.info("%s %s %s %.0fms", method, quote(scope["path"], safe=PLAIN), answer.status, took)

    async def _answered(self, request: Request, headers: Headers, answer: _Answer) -> None:
        length = headers.get("content-length", "0")
        if not HOST.fullmatch(headers.get("host", "")):
            refusal = await _refusal(request, "malformed_request", "The header Host is malformed.", 400)
            await refusal(request.scope, request.receive, answer.send)
            return
        if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
            refusal = await _refusal(
                request, "malformed_request", "The address holds a character that is no text.", 400
            )
            await refusal(request.scope, request.receive, answer.send)
            return
        if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
            await (await _too_large(request))(request.scope, request.receive, answer.send)
            return
        if _is_unreadable(request, headers):
            await (await _unreadable(request))(request.scope, request.receive, answer.send)
            return
        body = _Body(request.receive)
        try:
            await self._app(request.scope, body.receive, lambda message: answer.send(message, unless=body.too_large))
        except Exception as error:
            if not body.too_large:
                log.exception("A request failed in a way that nobody foresaw.")
            if answer.status:
                raise
            if not body.too_large:
                await (await _on_failure(request, error))(request.scope, request.receive, answer.send)
        if body.too_large and not answer.status:
            await (await _too_large(request))(request.scope, request.receive, answer.send)


class _Answer:
    """What is answered, with the headers of every answer."""

    def __init__(self, name: str, send: Send, *, secure: bool) -> None:
        self.status = 0
        """Zero until something was answered."""
        self._send = send
        self._extra = (OVER_HTTPS_SENT if secure else ()) + HEADERS_SENT
        self._name = (b"x-request-id", name.encode())

    async def send(self, message: Message, *, unless: bool = False) -> None:
        """Pass a part of the answer on; `unless` it is to be another one, and has not begun."""
        if unless and not self.status:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = message.setdefault("headers", [])
            there = {name.lower() for name, _ in given}
            message["headers"] = [*given, *(pair for pair in self._extra if pair[0] not in there), self._name]
        await self._send(message)


class _Body:
    """A request's body, counted as it comes: not every client says beforehand how long it is."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self.too_large = False

    async def receive(self) -> Message:
        """The next part; an error as soon as it is too much."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > LARGEST_BODY:
            self.too_large = True
            raise ValueError("The body is too large.")
        return message


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LeaverError)  # noqa: S101 - registered for nothing else
    status = status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "30"} if status == 503 else {}
    if isinstance(error, TooMany):
        headers = {"Retry-After": str(error.wait)}
    if _is_cipp(request):
        return JSONResponse(in_cipp_words([str(error)]), status, headers)
    if not request.scope["path"].startswith("/api/"):
        page = await shell.on_error(request, request.app.state, error, status)
        page.headers.update({name: value for name, value in headers.items() if status != 401})
        return page
    return JSONResponse(problem(error, request.scope["path"]), status, headers, PROBLEMS)


async def _on_malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    reasons = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return await _malformed(request, [reason.encode(errors="backslashreplace").decode() for reason in reasons])


async def _malformed(request: Request, reasons: list[str]) -> Response:
    if not str(request.scope["path"]).startswith("/api/"):
        return await _refusal(
            request, "malformed_request", "The address or the form is not one.", 422, " ".join(reasons)
        )
    try:
        await caller(request, request.app.state)  # a body that is no JSON is found before anybody is asked who they are
    except LeaverError as stranger:
        return await _on_error(request, stranger)
    return await _refusal(request, "malformed_request", "The request is malformed.", 422, " ".join(reasons), reasons)


async def _on_refused(request: Request, error: Exception) -> Response:
    """What no route answers: another address, another method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return await _refusal(request, "no_such_page", "There is nothing at this address.", 404)
    if error.status_code == 400:
        return await _malformed(request, [error.detail])
    if error.status_code != 405:
        answer = await _refusal(request, "refused", error.detail, error.status_code)
        answer.headers.update(error.headers or {})
        return answer
    allowed = ", ".join(_methods(request))
    title = f"This address does not take {request.method}."
    answer = await _refusal(request, "method_not_allowed", title, 405, f"It takes {allowed}.")
    answer.headers["Allow"] = allowed
    return answer


def _methods(request: Request) -> list[str]:
    """What an address takes, of all its routes; HEAD goes with GET."""
    routes = request.app.router.routes
    scopes = {method: {**request.scope, "method": "GET" if method == "HEAD" else method} for method in METHODS}
    return [name for name, scope in scopes.items() if any(each.matches(scope)[0] is Match.FULL for each in routes)]


async def _on_failure(request: Request, _: Exception) -> Response:
    """What nobody foresaw: the log has it, the caller gets nothing of its inside."""
    advice = "Try again. If it stays so, look in Leaver's log."
    return await _refusal(request, "failed", "Leaver failed at this.", 500, advice)


async def _refusal(
    request: Request, code: str, title: str, status: int, detail: str = "", errors: list[str] | None = None
) -> Response:
    if _is_cipp(request):
        return JSONResponse(in_cipp_words(errors or [f"{title} {detail}".strip()]), 400 if status == 422 else status)
    if not request.scope["path"].startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        return await shell.on_refusal(request, request.app.state, title, detail, status)
    body = document(code, title, status, instance=request.scope["path"], detail=detail)
    return JSONResponse(body | ({"errors": errors} if errors else {}), status, media_type=PROBLEMS)


def _is_unreadable(request: Request, headers: Headers) -> bool:
    """Whether a body comes as something else than JSON to the native API, where it would not be understood."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    native = str(request.scope["path"]).startswith("/api/v1/") and request.method in ("POST", "PUT", "PATCH")
    empty = headers.get("content-length", "") == "0"
    return native and not empty and bool(kind) and kind != "application/json" and not kind.endswith("+json")


async def _unreadable(request: Request) -> Response:
    try:
        await caller(request, request.app.state)
    except LeaverError as stranger:
        return await _on_error(request, stranger)
    title = "The body is not sent as JSON."
    return await _refusal(request, "unsupported_media_type", title, 415, "Send it with Content-Type: application/json.")


async def _too_large(request: Request) -> Response:
    advice = f"Send at most {LARGEST_BODY:,} bytes."
    return await _refusal(request, "too_large", "The request is too large.", 413, advice)


def _is_cipp(request: Request) -> bool:
    path = str(request.scope["path"]).lower()
    return path.startswith("/api/") and f"{path}/"[:8] != "/api/v1/"
