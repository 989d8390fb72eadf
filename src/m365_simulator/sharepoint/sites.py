"""The REST API of a personal site: who is an administrator of it."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from m365_simulator.sharepoint.answers import (
    FULL_CONTROL,
    MISSING,
    SP_EXCEPTION,
    authorised,
    claim,
    denied,
    host_of,
    person,
    refusal,
    site_of,
    text_of,
    throttled,
)
from m365_simulator.state import Answer, Call, Caller, State
from m365_simulator.world import Drive, User, World

NO_USER = "The specified user {} could not be found."


class Sites:
    """Answers the requests to a site."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Everything under `_api` of a site, and of the root site of a host."""
        methods = ["GET", "POST"]
        return [
            Route("/sp/{host}/_api/{rest:path}", self.serve, methods=methods),
            Route("/sp/{host}/{kind}/{name}/_api/{rest:path}", self.serve, methods=methods),
        ]

    async def serve(self, request: Request) -> Response:
        """One request."""
        caller = authorised(self._state, request)
        if isinstance(caller, Response):
            return caller
        content = await request.body()
        try:
            body = json.loads(content) if content else {}
        except ValueError:
            body = None
        call = Call(
            "sharepoint",
            request.method,
            request.url.path.removeprefix("/sp"),
            caller.tenant_id,
            caller.client_id,
            parameters=body,
            query=unquote(request.url.query),
        )
        return (await self._state.serve(call, lambda: self._answer(request, caller, body))).response()

    def _answer(self, request: Request, caller: Caller, body: Any) -> Answer:
        world = self._state.cloud.worlds[caller.tenant_id]
        if wait := throttled(self._state, caller, 2 if request.method == "GET" else 5):
            return wait
        if not caller.may(FULL_CONTROL):
            return denied()
        if not isinstance(body, dict):
            return refusal(400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", "Invalid JSON.")
        host, rest = request.path_params["host"].lower(), request.path_params["rest"]
        if "name" not in request.path_params:
            known = host in (host_of(world) + end for end in ("", "-my", "-admin"))
            return _web(str(request.url), world.name, host) if known and rest.lower() == "web" else _no_site()
        found = site_of(world, host, f"{request.path_params['kind']}/{request.path_params['name']}")
        if found is None:
            return _no_site()
        owner, drive = found
        writing = request.method == "POST"
        if drive.locked == "NoAccess" or (writing and drive.locked == "ReadOnly"):
            return denied(self._state.behaviour.sharepoint_locked_status)
        if rest.lower() == "web" and not writing:
            return _web(str(request.url), owner.display_name, drive.site_id)
        site = Site(self._state, world, owner, drive)
        return site.write(request, rest, body) if writing else site.read(request, rest)


class Site:
    """The people of one site."""

    def __init__(self, state: State, world: World, owner: User, drive: Drive) -> None:
        self._state = state
        self._world = world
        self._owner = owner
        self._drive = drive

    def read(self, request: Request, rest: str) -> Answer:
        """The administrators, all people of the site, or one of them."""
        if rest.lower() == "web/siteusers":
            everyone = dict.fromkeys([*self._drive.admins, *self._drive.ensured])
            wanted = request.query_params.get("$filter", "").lower().replace("  ", " ").strip()
            if wanted and wanted not in ("issiteadmin eq true", "issiteadmin eq 1"):
                return refusal(400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", "Unknown filter.")
            people = [self._person(login) for login in everyone]
            return Answer(200, {"value": [each for each in people if each["IsSiteAdmin"] or not wanted]})
        login = self._login(rest)
        return Answer(200, self._person(login)) if login else _unknown(rest)

    def write(self, request: Request, rest: str, body: dict[str, Any]) -> Answer:
        """Makes somebody known to the site, or an administrator of it."""
        if rest.lower() == "web/ensureuser":
            return self._ensure(text_of(body.get("logonName")))
        login = self._login(rest)
        if not login:
            return _unknown(rest)
        if request.headers.get("x-http-method", "").upper() != "MERGE" or "if-match" not in request.headers:
            return refusal(405, "-1, Microsoft.SharePoint.Client.ClientServiceException", "The method is not allowed.")
        if not isinstance(body.get("IsSiteAdmin"), bool):
            return refusal(400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", "Nothing to change.")
        set_admin(self._drive, login, wanted=body["IsSiteAdmin"])
        return Answer(self._state.behaviour.sharepoint_merge_status)

    def _ensure(self, login: str) -> Answer:
        group = re.fullmatch(r"c:0(?:o\.c\|federateddirectoryclaimprovider|t\.c\|tenant)\|(.+)", login)
        if group:
            known = any(each.id == group[1] for each in self._world.groups.values())
        else:
            user = person(self._world, login, needs_license=self._state.behaviour.sharepoint_needs_license)
            login, known = (claim(user), True) if user else (login, False)
        if not known:
            return refusal(400, SP_EXCEPTION, NO_USER.format(login))
        self._drive.ensured.setdefault(login, self._number(login))
        return Answer(200, self._person(login))

    def _number(self, login: str) -> int:
        """The person's id in this site; reading it makes nobody known."""
        return self._drive.ensured.get(login) or zlib.crc32(login.lower().encode()) % 1_000_000 + 10

    def _login(self, rest: str) -> str:
        """The login name that `getuserbyid(12)` or `siteusers('…')` stands for."""
        by_id = re.fullmatch(r"web/(?:getuserbyid|siteusers/getbyid)\((\d+)\)", rest, re.IGNORECASE)
        by_name = re.fullmatch(r"web/siteusers(?:/getbyloginname)?\((?:@v|'([^']*)')\)", rest, re.IGNORECASE)
        for login in dict.fromkeys([*self._drive.admins, *self._drive.ensured]):
            if by_id and self._number(login) == int(by_id[1]):
                return login
            if by_name and (by_name[1] or "").lower() == login.lower():
                return login
        return ""

    def _person(self, login: str) -> dict[str, Any]:
        user = next((user for user in self._world.users.values() if claim(user).lower() == login.lower()), None)
        return {
            "Id": self._number(login),
            "LoginName": login,
            "Title": user.display_name if user else login.rpartition("|")[2],
            "Email": (user.mail or "") if user else "",
            "UserPrincipalName": user.upn if user else None,
            "IsSiteAdmin": any(admin.lower() == login.lower() for admin in self._drive.admins),
            "PrincipalType": 1 if login.startswith("i:") else 4,
        }


def set_admin(drive: Drive, login: str, *, wanted: bool) -> None:
    """Makes somebody an administrator of a site, or no longer; the primary one stays."""
    held = next((admin for admin in drive.admins if admin.lower() == login.lower()), None)
    if wanted and held is None:
        drive.admins.append(login)
    elif not wanted and held is not None and held != drive.admins[0]:
        drive.admins.remove(held)


def _web(url: str, title: str, identity: str) -> Answer:
    return Answer(200, {"Id": identity, "Title": title, "Url": url.partition("/_api")[0], "WebTemplate": "SPSPERS"})


def _no_site() -> Answer:
    return refusal(404, MISSING, "The site does not exist.")


def _unknown(rest: str) -> Answer:
    if rest.lower().startswith(("web/getuserbyid", "web/siteusers")):
        return refusal(404, SP_EXCEPTION, "User cannot be found.")
    return refusal(404, "-1, Microsoft.SharePoint.Client.ResourceNotFoundException", f"Cannot find resource {rest}.")
