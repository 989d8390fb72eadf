"""Tenant administration over CSOM: one XML request of several actions, always answered with 200."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from m365_simulator.sharepoint.answers import (
    FULL_CONTROL,
    authorised,
    drives,
    host_of,
    person,
    place,
    refusal,
    throttled,
)
from m365_simulator.sharepoint.sites import NO_USER, set_admin
from m365_simulator.state import Answer, Call, Caller, State
from m365_simulator.world import Drive, User, World

TENANT = "{268004ae-ef6b-4e9b-8425-127220d84719}"
NAMESPACE = "{http://schemas.microsoft.com/sharepoint/clientquery/2009}"
ADMINISTRATION = "Microsoft.Online.SharePoint.TenantAdministration."
LOCKS = ("Unlock", "ReadOnly", "NoAccess")


class CsomError(Exception):
    """What stands in ErrorInfo."""

    def __init__(self, code: int, type_name: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.type_name = type_name


@dataclass
class SiteProperties:
    """The properties of a site as they are read, and as they will be after `Update`."""

    owner: User
    drive: Drive
    wanted: dict[str, Any] = field(default_factory=dict)


@dataclass
class Operation:
    """What `Update` started (SpoOperation)."""

    done: bool = False


class Administration:
    """Answers `ProcessQuery` on the admin host."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """The one address."""
        return [Route("/sp/{host}/_vti_bin/client.svc/ProcessQuery", self.serve, methods=["POST"])]

    async def serve(self, request: Request) -> Response:
        """One request."""
        caller = authorised(self._state, request)
        if isinstance(caller, Response):
            return caller
        content = (await request.body()).decode("utf-8", "replace")
        call = Call(
            "sharepoint",
            "POST",
            request.url.path.removeprefix("/sp"),
            caller.tenant_id,
            caller.client_id,
            parameters={"query": content},
        )
        host = request.path_params["host"].lower()
        return (await self._state.serve(call, lambda: self._answer(caller, host, content))).response()

    def _answer(self, caller: Caller, host: str, content: str) -> Answer:
        world = self._state.cloud.worlds[caller.tenant_id]
        if wait := throttled(self._state, caller, 5):
            return wait
        if host != host_of(world) + "-admin":
            return refusal(404, "-2147024894, System.IO.FileNotFoundException", "The admin site is at another host.")
        head: dict[str, Any] = {
            "SchemaVersion": "15.0.0.0",
            "LibraryVersion": "16.0.25000.12000",
            "ErrorInfo": None,
            "TraceCorrelationId": str(uuid.uuid4()),
        }
        try:
            if not caller.may(FULL_CONTROL) or self._state.behaviour.sharepoint_tenant_access == "refuse":
                text = "Attempted to perform an unauthorized operation."
                raise CsomError(-2147024891, "System.UnauthorizedAccessException", text)
            return Answer(200, [head, *Query(self._state, world, content).run()])
        except CsomError as error:
            head["ErrorInfo"] = {
                "ErrorMessage": str(error),
                "ErrorValue": None,
                "TraceCorrelationId": head["TraceCorrelationId"],
                "ErrorCode": error.code,
                "ErrorTypeName": error.type_name,
            }
            return Answer(200, [head])


class Query:
    """One request: object paths say which objects it is about, actions what is done with them."""

    def __init__(self, state: State, world: World, content: str) -> None:
        self._state = state
        self._world = world
        try:
            root = ET.fromstring(content)
        except ET.ParseError as error:
            text = f"Invalid request: {error}"
            raise CsomError(-1, "Microsoft.SharePoint.Client.InvalidClientQueryException", text) from None
        self._paths = {each.get("Id"): each for each in root.iterfind(f"{NAMESPACE}ObjectPaths/*")}
        self._actions = list(root.iterfind(f"{NAMESPACE}Actions/*"))
        self._objects: dict[str, Any] = {}

    def run(self) -> list[Any]:
        """The results: the number of each action that has one, and the result."""
        results: list[Any] = []
        for action in self._actions:
            path = action.get("ObjectPathId") or ""
            found: Any = None
            match action.tag.removeprefix(NAMESPACE):
                case "ObjectPath":
                    self._object(path)
                    found = {"IsNull": False}
                case "ObjectIdentityQuery":
                    found = {"_ObjectIdentity_": self._identity(self._object(path))}
                case "Query":
                    found = self._shown(self._object(path))
                case "SetProperty":
                    self._set(self._object(path), action)
                case "Method":
                    self._call(self._object(path), action)
                case other:
                    raise _invalid(f"The action {other} is not known.")
            if found is not None:
                results += [int(action.get("Id") or 0), found]
        return results

    def _object(self, path: str) -> Any:
        if path not in self._objects:
            element = self._paths.get(path)
            if element is None:
                raise _invalid(f"The object path {path} is not known.")
            if element.tag == f"{NAMESPACE}Constructor":
                if (element.get("TypeId") or "").lower() != TENANT:
                    raise _invalid("The type is not known.")
                self._objects[path] = self._world
            elif element.tag == f"{NAMESPACE}Method":
                self._objects[path] = self._call(self._object(element.get("ParentId") or ""), element)
            else:
                raise _invalid("Only constructors and methods are known here.")
        return self._objects[path]

    def _call(self, target: Any, element: ET.Element) -> Any:
        values = [each.text or "" for each in element.iterfind(f"{NAMESPACE}Parameters/{NAMESPACE}Parameter")]
        match element.get("Name"), target:
            case "GetSitePropertiesByUrl", World():
                return SiteProperties(*self._site(values[0] if values else ""))
            case "SetSiteAdmin", World():
                return self._set_admin(*values)
            case "Update", SiteProperties():
                return self._update(target)
        raise _invalid(f"The method {element.get('Name')} is not known.")

    def _site(self, address: str) -> tuple[User, Drive]:
        wanted = place(address)
        found = next((each for each in drives(self._world) if place(each[1].site_url) == wanted), None)
        if found is None:
            text = f"Cannot get site {address}."
            raise CsomError(-1, "Microsoft.Online.SharePoint.Common.SpoNoSiteException", text)
        return found

    def _set_admin(self, *values: str) -> None:
        if len(values) != 3:
            raise _invalid("SetSiteAdmin has three parameters.")
        drive = self._site(values[0])[1]
        user = person(self._world, values[1], needs_license=self._state.behaviour.sharepoint_needs_license)
        if user is None:
            raise CsomError(-2146232832, "Microsoft.SharePoint.SPException", NO_USER.format(values[1]))
        if drive.locked != "Unlock":
            text = "Attempted to perform an unauthorized operation."
            raise CsomError(-2147024891, "System.UnauthorizedAccessException", text)
        set_admin(drive, f"i:0#.f|membership|{user.upn}", wanted=values[2].lower() == "true")

    def _set(self, target: Any, action: ET.Element) -> None:
        name, parameter = action.get("Name"), action.find(f"{NAMESPACE}Parameter")
        value = (parameter.text if parameter is not None else "") or ""
        if not isinstance(target, SiteProperties):
            raise _invalid("Nothing can be set on this object.")
        if name == "SharingCapability" and value in ("0", "1", "2", "3"):
            target.wanted["sharing"] = int(value)
        elif name == "LockState" and value in LOCKS:
            target.wanted["locked"] = value
        else:
            raise _invalid(f"{name} cannot be {value!r}.")

    def _update(self, site: SiteProperties) -> Operation:
        operation = Operation()
        self._state.later(self._state.behaviour.sharepoint_update_delay, _applied(site, operation))
        return operation

    def _identity(self, target: Any) -> str:
        name = "Tenant" if isinstance(target, World) else type(target).__name__
        return f"{uuid.uuid4()}|908bed80-a04a-4433-b4a0-883d9847d110:{self._world.id}\n{name}"

    def _shown(self, target: Any) -> dict[str, Any]:
        if isinstance(target, SiteProperties):
            shown: dict[str, Any] = {
                "_ObjectType_": f"{ADMINISTRATION}SiteProperties",
                "Url": target.drive.site_url,
                "Owner": target.owner.upn,
                "SharingCapability": target.drive.sharing,
                "LockState": target.drive.locked,
                "Template": "SPSPERS#10",
            }
        elif isinstance(target, Operation):
            shown = {
                "_ObjectType_": f"{ADMINISTRATION}SpoOperation",
                "HasTimedout": False,
                "IsComplete": target.done,
                "PollingInterval": 15000,
            }
        else:
            shown = {"_ObjectType_": f"{ADMINISTRATION}Tenant", "SharingCapability": 2}
        return shown | {"_ObjectIdentity_": self._identity(target)}


def _applied(site: SiteProperties, operation: Operation) -> Callable[[], None]:
    def apply() -> None:
        for name, value in site.wanted.items():
            setattr(site.drive, name, value)
        operation.done = True

    return apply


def _invalid(text: str) -> CsomError:
    return CsomError(-1, "Microsoft.SharePoint.Client.InvalidClientQueryException", text)
