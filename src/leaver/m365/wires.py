"""The three services, spoken to in their own ways: Graph, Exchange's cmdlets, SharePoint's sites."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from leaver.domain.errors import Refused, Unavailable, Unusable, WrongTarget
from leaver.m365.addresses import follow_link, queried, shown
from leaver.m365.answers import Answer, Request
from leaver.m365.batching import Gathering, Item, Line, TokenSource, Turns
from leaver.m365.budgets import Budget
from leaver.m365.clouds import Clouds
from leaver.m365.dialects import ExchangeDialect, GraphDialect
from leaver.m365.memo import Memo
from leaver.m365.translate import Asked, csom_error, said_by_exchange

if TYPE_CHECKING:
    from leaver.m365.http import Http
    from leaver.m365.tokens import Tokens

Json = Any


class GraphWire:
    """Microsoft Graph for one tenant."""

    def __init__(self, http: Http, tokens: TokenSource, clouds: Clouds, tenant_id: str) -> None:
        self._base = f"{clouds.graph}/v1.0"
        self._tenant_id = tenant_id
        self._http = http
        self._memo = Memo()
        self._line = http.keep(
            ("graph", tenant_id, clouds.graph),
            lambda: Gathering(http, tokens, tenant_id, clouds.graph_scope, Budget(16), GraphDialect(self._base)),
        )

    def fresh(self) -> GraphWire:
        """The same connection with nothing remembered."""
        copy = object.__new__(GraphWire)
        copy.__dict__.update(self.__dict__)
        copy._memo = Memo()
        return copy

    def address(self, path: str) -> str:
        """The whole address of a path, as reference bodies want it."""
        return f"{self._base}{path}"

    async def get(self, path: str, params: Mapping[str, Any] | None = None, *, advanced: bool = False) -> Json:
        """The JSON that the path shows. `advanced` asks for the directory's advanced queries (eventual consistency)."""
        request = self._request("GET", path, params, advanced=advanced)

        async def ask() -> Json:
            answer = await self._read(request)
            if answer.status != 204 and not isinstance(answer.body, dict):
                raise _unreadable(self._asked(request), answer)
            return answer.body or {}

        return await self._memo.read((request.url, advanced), ask)

    async def pages(
        self, path: str, params: Mapping[str, Any] | None = None, *, advanced: bool = False, limit: int | None = None
    ) -> list[Json]:
        """All items of a list, page after page; with a limit, the first ones."""
        request = self._request("GET", path, params, advanced=advanced)

        async def ask() -> list[Json]:
            return await self._all(request, limit)

        return list(await self._memo.read((request.url, advanced, "pages", limit), ask))

    async def each_page(
        self, path: str, params: Mapping[str, Any] | None = None, *, advanced: bool = False
    ) -> AsyncIterator[list[Json]]:
        """A long list, a page at a time and nothing kept; Microsoft may slow it down before anything that is urgent."""
        request = self._request("GET", path, params, advanced=advanced)
        urgency = {"x-ms-throttle-priority": "low"}
        async for page in self._pages(replace(request, headers={**request.headers, **urgency})):
            yield page

    async def post(self, path: str, body: Json = None, *, repeatable: bool = False) -> Answer:
        """Send a write that is never repeated when its answer is lost, unless it is `repeatable`."""
        return await self._answer(self._request("POST", path, body=body), repeatable=repeatable)

    async def patch(self, path: str, body: Json) -> Answer:
        """Change properties; a lost answer is repeated."""
        return await self._answer(self._request("PATCH", path, body=body))

    async def delete(self, path: str) -> Answer:
        """Delete what the path names; a lost answer is repeated, and then may say NotFound."""
        return await self._answer(self._request("DELETE", path))

    async def _all(self, request: Request, limit: int | None) -> list[Json]:
        rows: list[Json] = []
        async for page in self._pages(request):
            rows.extend(page)
            if limit is not None and len(rows) >= limit:
                break
        return rows[:limit]

    async def _pages(self, request: Request) -> AsyncIterator[list[Json]]:
        followed = set()
        while True:
            answer = await self._read(request)
            body = answer.body
            page = body.get("value", body) if isinstance(body, dict) else body
            if page is not None and not isinstance(page, list):
                # Taken for an empty list, it would pass for "nothing to do".
                raise _unreadable(self._asked(request), answer)
            yield page or []
            link = body.get("@odata.nextLink") if isinstance(body, dict) else None
            if not link:
                return
            url = follow_link(str(link), self._base, self._asked(request))
            if url in followed:
                raise _circle(self._asked(request))
            followed.add(url)
            request = replace(request, url=url)

    async def _read(self, request: Request) -> Answer:
        """The answer to a GET, if need be without properties that this cloud does not know."""
        while True:
            try:
                return await self._answer(request)
            except Refused as error:
                unknown = _UNKNOWN_PROPERTY.search(error.message)
                less = _without(request.url, unknown[1]) if unknown and error.status == 400 else request.url
                if less == request.url:
                    raise
                request = replace(request, url=less)

    async def _answer(self, request: Request, *, repeatable: bool = True) -> Answer:
        item = Item(request)
        asked = self._asked(request)
        send = self._line.gather if repeatable and request.method != "POST" else self._line.send
        answer = await self._http.persist(lambda: _renewing(self._line, item, send), asked, repeatable=repeatable)
        if not answer.ok:
            raise asked.error(answer)
        return answer

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        body: Json = None,
        advanced: bool = False,
    ) -> Request:
        headers = {"ConsistencyLevel": "eventual"} if advanced else {}
        url = follow_link(path, self._base, Asked("graph", self._tenant_id, method, path.partition("?")[0]))
        return Request("graph", method, queried(url, params), path.partition("?")[0], headers, body)

    def _asked(self, request: Request) -> Asked:
        return Asked("graph", self._tenant_id, request.method, request.what)


_UNKNOWN_PROPERTY = re.compile(r"Could not find a property named '(\w+)'", re.IGNORECASE)
_SELECT = re.compile(r"(?<=[?&]\$select=)[^&]+")


def _without(url: str, name: str) -> str:
    """An address that no longer selects this property: the national clouds learn new ones late."""
    selected = _SELECT.search(url)
    if selected is None:
        return url
    names = [each for each in selected[0].split(",") if each.casefold() != name.casefold()]
    return _SELECT.sub(lambda _: ",".join(names), url) if names else url


@dataclass(frozen=True)
class Ran:
    """What a cmdlet that changes something gave back."""

    rows: list[dict[str, Json]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    request_id: str = ""


_PEOPLE = frozenset({"identity", "mailbox", "user", "trustee", "member"})
_REPEATABLE = ("Get-", "Set-", "Remove-", "Clear-", "Disable-", "Add-MailboxPermission", "Add-RecipientPermission")
_NEVER_TWICE = frozenset({"remove-calendarevents"})
_SYSTEM_MAILBOX = "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"
_CMDLET_SECONDS = 120.0
_OBJECT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class ExchangeWire:
    """Exchange Online's cmdlets for one tenant, through the address that its PowerShell module uses."""

    def __init__(self, http: Http, tokens: TokenSource, clouds: Clouds, tenant_id: str) -> None:
        base = f"{clouds.exchange}/adminapi/beta/{quote(tenant_id)}"
        self._url = f"{base}/InvokeCommand"
        self._base = clouds.exchange
        self._tenant_id = tenant_id
        self._everywhere = f"{_SYSTEM_MAILBOX}@{tenant_id}"
        self._http = http
        self._memo = Memo()
        self._line = http.keep(
            ("exchange", tenant_id, clouds.exchange),
            lambda: Gathering(
                http,
                tokens,
                tenant_id,
                clouds.exchange_scope,
                Budget(10),
                ExchangeDialect(f"{base}/$batch", self._everywhere, _CMDLET_SECONDS),
            ),
        )

    def fresh(self) -> ExchangeWire:
        """The same connection with nothing remembered."""
        copy = object.__new__(ExchangeWire)
        copy.__dict__.update(self.__dict__)
        copy._memo = Memo()
        return copy

    def in_spare_time(self) -> ExchangeWire:
        """The same connection with nothing remembered, for work that gives way to everything else in this tenant."""
        copy = self.fresh()
        copy._line = self._http.keep(("exchange in spare time", self._url), self._line.in_spare_time)
        return copy

    async def read(
        self, cmdlet: str, *, anchor: str = "", select: Sequence[str] = (), **parameters: Json
    ) -> list[dict[str, Json]]:
        """The rows that a Get- cmdlet shows, all pages. `anchor` names the mailbox that the work is about."""
        _check_people(cmdlet, parameters)
        request = self._request(cmdlet, parameters, anchor, select)

        async def ask() -> list[dict[str, Json]]:
            return await self._all(request)

        key = (request.url, cmdlet, json.dumps(parameters, sort_keys=True, default=str))
        return list(await self._memo.read(key, ask))

    async def run(
        self, cmdlet: str, *, anchor: str = "", lane: str = "", repeatable: bool | None = None, **parameters: Json
    ) -> Ran:
        """Run a cmdlet that changes something; those with the same lane follow each other.

        A lost answer is repeated for cmdlets that may run twice without harm (most Set- and Remove-); `repeatable`
        overrules that.
        """
        _check_people(cmdlet, parameters)
        safe = _may_repeat(cmdlet, parameters) if repeatable is None else repeatable
        request = self._request(cmdlet, parameters, anchor, ())
        async with self._turn(lane):
            answer = await self._answer(request, repeatable=safe, alone=True)
        return Ran(_rows(answer.body), _warnings(answer.body), answer.request_id)

    async def _all(self, request: Request) -> list[dict[str, Json]]:
        rows: list[dict[str, Json]] = []
        followed = set()
        while True:
            answer = await self._answer(request, repeatable=True)
            rows.extend(_rows(answer.body))
            link = answer.body.get("@odata.nextLink") if isinstance(answer.body, dict) else None
            if not link:
                return rows
            url = follow_link(str(link), self._base, self._asked(request))
            if url in followed:
                raise _circle(self._asked(request))
            followed.add(url)
            request = replace(request, url=url)

    async def _answer(self, request: Request, *, repeatable: bool, alone: bool = False) -> Answer:
        asked = self._asked(request)
        answer = await self._sent(request, asked, repeatable=repeatable, alone=alone)
        if not answer.ok and said_by_exchange(answer).kind.startswith("CmdletProxyNotAvailable"):
            elsewhere = {**request.headers, "X-AnchorMailbox": self._anchored_by_id(request)}
            answer = await self._sent(replace(request, headers=elsewhere), asked, repeatable=repeatable, alone=True)
        if not answer.ok:
            raise asked.error(answer)
        return answer

    async def _sent(self, request: Request, asked: Asked, *, repeatable: bool, alone: bool) -> Answer:
        item = Item(request)
        send = self._line.send if alone else self._line.gather
        return await self._http.persist(lambda: _renewing(self._line, item, send), asked, repeatable=repeatable)

    def _anchored_by_id(self, request: Request) -> str:
        """The anchor that finds a mailbox wherever it lives, for when the one by name led to the wrong server."""
        parameters = request.json["CmdletInput"]["Parameters"]
        for name in ("Mailbox", "Identity"):
            found = _OBJECT_ID.search(str(parameters.get(name, "")))
            if found:
                return f"OID:{found[0]}@{self._tenant_id}"
        return self._everywhere

    def _request(self, cmdlet: str, parameters: Mapping[str, Json], anchor: str, select: Sequence[str]) -> Request:
        headers = {
            "X-AnchorMailbox": anchor or self._everywhere,
            "X-CmdletName": cmdlet,
            "Prefer": "odata.maxpagesize=1000",
        }
        body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": dict(parameters)}}
        url = queried(self._url, {"$select": ",".join(select)} if select else None)
        return Request("exchange", "POST", url, cmdlet, headers, body, read_timeout=_CMDLET_SECONDS)

    def _asked(self, request: Request) -> Asked:
        return Asked("exchange", self._tenant_id, request.method, request.what)

    @asynccontextmanager
    async def _turn(self, lane: str) -> AsyncIterator[None]:
        if not lane:
            yield
            return
        turns = self._line.turns.setdefault(lane, Turns())
        turns.users += 1
        try:
            async with turns.lock:
                yield
        finally:
            turns.users -= 1
            if not turns.users:
                self._line.turns.pop(lane, None)


_NEXT = ("@odata.nextLink", "odata.nextLink", "__next")
"""What SharePoint calls the next page, by the flavour of its JSON."""


class SharePointWire:
    """SharePoint's own interface for the sites of one tenant. Each host has its own token; nothing is remembered."""

    def __init__(self, http: Http, tokens: Tokens, clouds: Clouds, tenant_id: str) -> None:
        self._http = http
        self._tokens = tokens
        self._clouds = clouds
        self._tenant_id = tenant_id
        self._reads = Memo(keep=False)

    @property
    def certificate(self) -> bool:
        """Whether the configured credential may work: SharePoint refuses tokens that a secret has brought."""
        return self._tokens.certificate

    async def get(self, site_url: str, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """The JSON that a path of the site shows."""
        return await self._get(queried(f"{site_url.rstrip('/')}{path}", params), shown(site_url, path))

    async def _get(self, url: str, what: str) -> Json:
        request = Request("sharepoint", "GET", url, what, {"Accept": "application/json;odata=nometadata"})

        async def ask() -> Json:
            return (await self._answer(request, repeatable=True)).body

        return await self._reads.read(request.url, ask)

    async def pages(self, site_url: str, path: str, params: Mapping[str, Any] | None = None) -> list[Json]:
        """All items of a list, page after page."""
        rows: list[Json] = []
        url, followed = queried(f"{site_url.rstrip('/')}{path}", params), set[str]()
        asked = Asked("sharepoint", self._tenant_id, "GET", shown(site_url, path))
        while url not in followed:
            followed.add(url)
            body = await self._get(url, asked.what)
            inner = body.get("d", body) if isinstance(body, dict) else {}
            page = inner.get("value", inner.get("results")) if isinstance(inner, dict) else inner
            if not isinstance(page, list):
                raise _unreadable(asked, Answer(200))
            rows.extend(page)
            link = next((inner[name] for name in _NEXT if isinstance(inner, dict) and inner.get(name)), "")
            if not link:
                return rows
            url = follow_link(str(link), site_url.rstrip("/"), asked)
        raise _circle(asked)

    async def post(
        self, site_url: str, path: str, body: Json = None, *, merge: bool = False, repeatable: bool = False
    ) -> Answer:
        """Send a write; `merge` changes properties of what the path names, and is repeated when its answer is lost."""
        headers = {"Accept": "application/json;odata=nometadata", "Content-Type": "application/json;odata=nometadata"}
        if merge:
            headers |= {"X-HTTP-Method": "MERGE", "IF-MATCH": "*"}
        # Ensuring that a user is known to the site changes nothing the second time.
        repeatable = repeatable or merge or path.lower().endswith("/ensureuser")
        request = Request("sharepoint", "POST", f"{site_url.rstrip('/')}{path}", shown(site_url, path), headers, body)
        return await self._answer(request, repeatable=repeatable)

    async def process_query(self, admin_url: str, xml: str, *, repeatable: bool = True) -> list[Json]:
        """What SharePoint's client service answers to a query; its errors come as a success and are raised here."""
        path = "/_vti_bin/client.svc/ProcessQuery"
        request = Request(
            "sharepoint",
            "POST",
            f"{admin_url.rstrip('/')}{path}",
            shown(admin_url, path),
            {"Content-Type": "text/xml"},
            content=xml,
        )
        answer = await self._answer(request, repeatable=repeatable)
        rows = answer.body if isinstance(answer.body, list) else []
        info = rows[0].get("ErrorInfo") if rows and isinstance(rows[0], dict) else None
        if isinstance(info, dict):
            raise csom_error(self._asked(request), info, answer)
        if not rows:
            raise self._asked(request).error(replace(answer, status=502))
        return rows

    async def _answer(self, request: Request, *, repeatable: bool) -> Answer:
        if not request.url.lower().startswith(("https://", "http://")):
            raise Unusable(f"{request.url!r} is not the address of a SharePoint site.", code="bad_address")
        scope = self._clouds.sharepoint_scope(request.url)
        budget = self._http.keep(("sharepoint", self._tenant_id), lambda: Budget(6, most=6))
        line = self._http.keep(
            ("sharepoint", self._tenant_id, scope),
            lambda: Line(self._http, self._tokens, self._tenant_id, scope, budget),
        )
        item, asked = Item(request), self._asked(request)
        answer = await self._http.persist(lambda: _renewing(line, item, line.send), asked, repeatable=repeatable)
        if not answer.ok:
            raise asked.error(answer)
        return answer

    def _asked(self, request: Request) -> Asked:
        return Asked("sharepoint", self._tenant_id, request.method, request.what)


async def _renewing(line: Line, item: Item, send: Any) -> Answer:
    """One attempt; a token that is refused is renewed once."""
    answer: Answer = await send(item)
    if answer.status != 401 or "unsupported app only token" in _anything(answer).lower():
        return answer
    await line.tokens.renew(line.tenant_id, line.scope, item.token)
    renewed: Answer = await send(item)
    return renewed


def _anything(answer: Answer) -> str:
    return f"{answer.text} {answer.headers.get('www-authenticate', '')} {answer.body or ''}"


def _unreadable(asked: Asked, answer: Answer) -> Unavailable:
    return Unavailable(
        f"{asked.name} answered {asked.deed} in tenant {asked.tenant} with something that cannot be read.",
        code="unreadable_answer",
        status=answer.status,
        request_id=answer.request_id,
        advice="Check the base addresses (LEAVER_CLOUD) and any proxy between here and Microsoft.",
        service=asked.service,
        wait=15.0,
    )


def _circle(asked: Asked) -> Unavailable:
    return Unavailable(
        f"{asked.name} repeats the same page of {asked.what} in tenant {asked.tenant}.",
        code="page_circle",
        advice="Leaver repeats by itself; if it stays so, report it to Microsoft's support. What was read is not the "
        "whole list, so nothing was decided from it.",
        service=asked.service,
        wait=30.0,
    )


def _check_people(cmdlet: str, parameters: Mapping[str, Json]) -> None:
    """A blank identity would address everybody: Get- cmdlets then answer with all objects."""
    for name, value in parameters.items():
        if name.lower() in _PEOPLE and (value is None or not str(value).strip() or str(value).strip() == "*"):
            raise WrongTarget(
                f"{cmdlet} was about to run without saying for whom ({name} is empty). It was not sent.",
                code="blank_identity",
                service="exchange",
            )


def _may_repeat(cmdlet: str, parameters: Mapping[str, Json]) -> bool:
    if cmdlet.lower() in _NEVER_TWICE:
        return bool(parameters.get("PreviewOnly"))
    return cmdlet.startswith(_REPEATABLE)


def _rows(body: Json) -> list[dict[str, Json]]:
    value = body.get("value") if isinstance(body, dict) else None
    rows = value if isinstance(value, list) else [value] if isinstance(value, (dict, str)) and value else []
    # A few cmdlets answer with lines of text in place of objects (Remove-CalendarEvents with PreviewOnly).
    as_objects = (row if isinstance(row, dict) else {"value": row} for row in rows if isinstance(row, (dict, str)))
    return [_capitalised(row) for row in as_objects]


def _capitalised(value: Json) -> Json:
    """Objects with the names of their properties as the cmdlets spell them, and without annotations."""
    if isinstance(value, list):
        return [_capitalised(each) for each in value] if value and isinstance(value[0], dict) else value
    if not isinstance(value, dict):
        return value
    return {key[:1].upper() + key[1:]: _capitalised(item) for key, item in value.items() if "@" not in key}


def _warnings(body: Json) -> list[str]:
    found = body.get("@adminapi.warnings") if isinstance(body, dict) else None
    return [str(text) for text in found] if isinstance(found, list) else []


__all__ = ["ExchangeWire", "GraphWire", "Ran", "SharePointWire"]
