"""The admin REST API: one cmdlet a request, ten in a batch, further pages by sending the same request again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from m365_simulator.exchange import errors, roles
from m365_simulator.exchange.cmdlets import HANDLERS, Invocation
from m365_simulator.exchange.parameters import CMDLETS
from m365_simulator.state import Answer, Call, Caller, State
from m365_simulator.world import Group, World

LIMIT = 1000
"""Results of a Get- cmdlet that is not told ResultSize, and the largest page."""
BATCH = 10
MORE = (
    "There are more results available than are currently displayed. To view them, increase the value for the "
    "ResultSize parameter."
)
Body = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request to run a cmdlet, alone or as part of a batch."""

    url: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: Any

    @property
    def query(self) -> dict[str, str]:
        """The query of the address."""
        return {key.lower(): values[-1] for key, values in parse_qs(urlsplit(self.url).query).items()}

    @property
    def page_size(self) -> int:
        """What `Prefer: odata.maxpagesize` asks for, at most 1000."""
        for wish in self.headers.get("prefer", "").replace(",", ";").split(";"):
            name, _, value = wish.strip().partition("=")
            if name.lower() == "odata.maxpagesize" and value.isdigit():
                return min(max(int(value), 1), LIMIT)
        return LIMIT


class Door:
    """Answers the requests of the admin API."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Both versions of the address behave alike."""
        base = "/exchange/adminapi/{version}/{tenant}/"
        return [
            Route(base + "InvokeCommand", self.invoke, methods=["POST"]),
            Route(base + "$batch", self.batch, methods=["POST"]),
        ]

    async def invoke(self, request: Request) -> Response:
        """Runs one cmdlet."""
        caller = self._state.authorise(request, "exchange", request.path_params["tenant"])
        if isinstance(caller, Response):
            return caller
        asked = Asked(str(request.url), dict(request.headers), _json(await request.body()))
        return (await self._serve(caller, asked, in_batch=False)).response()

    async def batch(self, request: Request) -> Response:
        """Runs up to ten cmdlets; each has its own outcome."""
        caller = self._state.authorise(request, "exchange", request.path_params["tenant"])
        if isinstance(caller, Response):
            return caller
        body = _json(await request.body())
        parts = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(parts, list) or not parts or len(parts) > BATCH:
            return _bad(f"A batch must hold 1 to {BATCH} requests.").response()
        if len({str(part.get("id")) for part in parts}) < len(parts):
            return _bad("The ids of the requests of a batch must differ.").response()
        answers = await asyncio.gather(*(self._part(request, caller, part) for part in parts))
        return Answer(200, {"responses": answers}).response()

    async def _part(self, request: Request, caller: Caller, part: Body) -> Body:
        headers = {str(key).lower(): str(value) for key, value in (part.get("headers") or {}).items()}
        url = str(part.get("url", ""))
        tenant = urlsplit(url).path.split("/")[-2:-1]
        if part.get("method") != "POST" or not urlsplit(url).path.endswith("/InvokeCommand"):
            answer = _bad("A part of a batch must be a POST to InvokeCommand.")
        elif not url.startswith("http") or tenant != [request.path_params["tenant"]]:
            answer = _bad("The address of a part of a batch must be absolute and of the same tenant.")
        else:
            inherited = {"prefer": request.headers["prefer"]} if "prefer" in request.headers else {}
            answer = await self._serve(caller, Asked(url, inherited | headers, part.get("body")), in_batch=True)
        said = answer.text if answer.text is not None else answer.body
        return {"id": str(part.get("id")), "status": answer.status, "headers": answer.headers, "body": said}

    async def _serve(self, caller: Caller, asked: Asked, *, in_batch: bool) -> Answer:
        name, parameters = _command(asked.body)
        parts = urlsplit(asked.url)
        call = Call(
            "exchange",
            "POST",
            parts.path,
            caller.tenant_id,
            caller.client_id,
            cmdlet=name or "(none)",
            parameters=parameters,
            query=parts.query,
            identity=_about(parameters),
            in_batch=in_batch,
        )
        call.path = call.path.removeprefix("/exchange")
        return await self._state.serve(call, lambda: self._run(caller, asked, call, name, parameters))

    def _membership_changed(self, world: World, group: Group, alias: str) -> None:
        from m365_simulator.group_licenses import membership_changed  # it needs the life of mailboxes, from here

        membership_changed(self._state, world, group, alias)

    def _run(self, caller: Caller, asked: Asked, call: Call, name: str, parameters: Body) -> Answer:
        world = self._state.cloud.worlds[caller.tenant_id]
        behaviour = self._state.behaviour
        headers = {"request-id": call.request_id}
        if not roles.may_enter(caller):
            return roles.shut_out(behaviour.exchange_no_role, headers)
        if not name:
            return _bad("The body must name a cmdlet.", headers)
        cmdlet = CMDLETS.get(name.lower())
        invocation = Invocation(
            world,
            behaviour,
            self._state.now(),
            cmdlet.name if cmdlet else name,
            {},
            asked.headers.get("x-anchormailbox", ""),
            membership_changed=lambda group, alias: self._membership_changed(world, group, alias),
        )
        try:
            if cmdlet is None or cmdlet.name not in HANDLERS:
                raise errors.not_allowed(f"The cmdlet '{name}'")
            roles.check(caller, cmdlet.name, parameters)
            invocation.given = cmdlet.bind(parameters)
            result = HANDLERS[cmdlet.name](invocation) or []
            body = self._page(asked, invocation, result)
        except errors.CmdletError as error:
            headers["x-exceptiontype"] = error.type_name
            return Answer(error.status, error.body(invocation.warnings), headers)
        return Answer(200, body, headers)

    def _page(self, asked: Asked, call: Invocation, result: Sequence[Any]) -> Body:
        end = len(result)
        limit = call.given.get("ResultSize", LIMIT)
        if call.name.startswith("Get-") and not (isinstance(limit, str) and limit.lower() == "unlimited"):
            number = _number(limit)
            if number < end:
                end = number
                call.warnings.append(MORE)
        token, query = asked.query.get("$skiptoken", ""), asked.query
        seal = _seal(asked.body)
        start = _start(token, seal) if token else 0
        stop = min(start + asked.page_size, end)
        rows = [_selected(row, query.get("$select", "")) for row in result[start:stop]]
        base = asked.url.partition("?")[0]
        body: Body = {
            "@odata.context": f"{base.rpartition('/')[0]}/$metadata#Collection(Edm.ComplexType)",
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": call.warnings if start == 0 else [],
            "value": rows,
        }
        if stop < end:
            keep = f"$select={quote(query['$select'])}&" if "$select" in query else ""
            body["@odata.nextLink"] = f"{base}?{keep}$skiptoken={quote(_token(stop, seal))}"
        return body


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _bad(text: str, headers: dict[str, str] | None = None) -> Answer:
    body = {
        "error": {"code": "BadRequest", "message": text, "innererror": {"message": text, "type": "", "stacktrace": ""}}
    }
    return Answer(400, body, headers or {"request-id": str(uuid.uuid4())})


def _command(body: Any) -> tuple[str, Body]:
    command = body.get("CmdletInput") if isinstance(body, dict) else None
    if not isinstance(command, dict) or not isinstance(command.get("CmdletName"), str):
        return "", {}
    parameters = command.get("Parameters") or {}
    return command["CmdletName"], parameters if isinstance(parameters, dict) else {}


def _about(parameters: Body) -> str:
    """What a call is about: the first of the usual parameters."""
    lowered = {key.lower(): value for key, value in parameters.items()}
    for name in ("identity", "mailbox", "user", "trustee", "filter"):
        if isinstance(lowered.get(name), str):
            return str(lowered[name])
    return ""


def _number(limit: Any) -> int:
    try:
        return max(int(limit), 0)
    except (TypeError, ValueError):
        raise errors.transformation("ResultSize", limit, "Unlimited") from None


def _selected(row: Any, select: str) -> Any:
    if not select or not isinstance(row, dict):
        return row
    wanted = {name.strip().lower() for name in select.split(",")}
    return {key: value for key, value in row.items() if key.partition("@")[0].lower() in wanted}


def _seal(body: Any) -> str:
    """What binds a next link to the request that it continues."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _token(at: int, seal: str) -> str:
    return base64.urlsafe_b64encode(f"{at}:{seal}".encode()).decode()


def _start(token: str, seal: str) -> int:
    try:
        at, _, found = base64.urlsafe_b64decode(token).decode().partition(":")
        if found == seal:
            return int(at)
    except ValueError:
        pass
    raise errors.CmdletError(
        "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
        "The next link belongs to another request: send the same body to it.",
    )
