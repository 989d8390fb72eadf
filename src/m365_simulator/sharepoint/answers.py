"""How SharePoint answers, and whom it lets in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from m365_simulator.state import Answer, Caller, State
from m365_simulator.world import Drive, User, World

FULL_CONTROL = "Sites.FullControl.All"
DENIED = "-2147024891, System.UnauthorizedAccessException"
SP_EXCEPTION = "-2146232832, Microsoft.SharePoint.SPException"
MISSING = "-2147024894, System.IO.FileNotFoundException"


def refusal(status: int, code: str, text: str) -> Answer:
    """An error in the envelope of SharePoint's REST API."""
    return Answer(status, {"odata.error": {"code": code, "message": {"lang": "en-US", "value": text}}})


def denied(status: int = 403) -> Answer:
    """No permission."""
    return refusal(status, DENIED, "Attempted to perform an unauthorized operation.")


def authorised(state: State, request: Request) -> Caller | Response:
    """Who calls; an app must show a token that it got with a certificate."""
    caller = state.authorise(request, "sharepoint")
    if isinstance(caller, Response):
        return caller
    if not caller.certificate:
        text = "Unsupported app only token."
        challenge = f'Bearer realm="{caller.tenant_id}", error="invalid_request", error_description="{text}"'
        return Answer(401, {"error_description": text}, {"www-authenticate": challenge}).response()
    return caller


def throttled(state: State, caller: Caller, units: float) -> Answer | None:
    """429 when the app has used up its resource units."""
    if not state.behaviour.throttling:
        return None
    wait = state.buckets.sharepoint(caller.client_id, caller.tenant_id).take(units, state.clock())
    if not wait:
        return None
    return Answer(
        429,
        {"odata.error": {"code": "-2147429894, Microsoft.SharePoint.Client.ClientServiceException",
                         "message": {"lang": "en-US", "value": "The request has been throttled."}}},
        {"retry-after": state.retry_after(wait)},
    )  # fmt: skip


def drives(world: World) -> Iterator[tuple[User, Drive]]:
    """All OneDrives; that of a deleted user stays for a while."""
    for user in (*world.users.values(), *world.deleted_users.values()):
        if user.drive is not None:
            yield user, user.drive


def site_of(world: World, host: str, path: str) -> tuple[User, Drive] | None:
    """The OneDrive that is reached at this host (its first label) and path."""
    wanted = f"{host}/{path}".lower().rstrip("/")
    return next(((user, drive) for user, drive in drives(world) if place(drive.site_url) == wanted), None)


def place(address: str) -> str:
    """`contoso-my/personal/ada…` of a site's address, be it Microsoft's or one of this simulator."""
    rest = address.partition("://")[2].lower().rstrip("/")
    host, _, path = rest.partition("/")
    if path.startswith("sp/"):
        host, _, path = path.removeprefix("sp/").partition("/")
    return f"{host.split('.', maxsplit=1)[0]}/{path}"


def host_of(world: World) -> str:
    """The first label of the tenant's SharePoint host, without `-my`."""
    drive = next((drive for _, drive in drives(world)), None)
    if drive is not None:
        return place(drive.site_url).partition("/")[0].removesuffix("-my")
    return world.initial_domain.split(".", maxsplit=1)[0]


def claim(user: User) -> str:
    """The login name of a user."""
    return f"i:0#.f|membership|{user.upn}"


def person(world: World, login: str, *, needs_license: bool) -> User | None:
    """The user of a login name, if SharePoint can find them: one without a SharePoint plan it need not know."""
    upn = login.rpartition("|")[2].lower()
    user = next((user for user in world.users.values() if user.upn.lower() == upn), None)
    if user is None or (needs_license and not _licensed(world, user)):
        return None
    return user


def _licensed(world: World, user: User) -> bool:
    return any(
        name.startswith("SHAREPOINT") and plan_id not in state.disabled_plans
        for state in user.licenses
        if state.state == "Active" and state.sku_id in world.skus
        for plan_id, name in world.skus[state.sku_id].plans
    )


def text_of(value: Any) -> str:
    """A JSON text, or nothing."""
    return value if isinstance(value, str) else ""
