"""Tells which tasks would work in a tenant: one read-only probe per service and permission, and what the tokens say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from leaver.config import Config
from leaver.domain.errors import LeaverError, NotFound, SignInRefused, TryAgain
from leaver.domain.people import Leaver, TenantName
from leaver.domain.plan import Json
from leaver.m365 import clouds
from leaver.m365.graph.drives import Drive
from leaver.m365.graph.organization import Organization
from leaver.m365.graph.users import UserRow
from leaver.m365.tenant import Tenant
from leaver.m365.tokens import Tokens
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import TaskType

SAMPLES = 5
"""Users looked at to find one with a OneDrive."""

SERVICES = {"graph": "Microsoft Graph", "exchange": "Exchange Online", "sharepoint": "SharePoint"}
ELSEWHERE = {"Exchange.ManageAsApp": "exchange", "Sites.FullControl.All": "sharepoint"}
"""Permissions that tasks ask for and that are not Graph's."""
APIS = {"graph": "Microsoft Graph", "exchange": "Office 365 Exchange Online", "sharepoint": "SharePoint"}
"""What the services are called where permissions are granted."""

WIDER = {
    "User.Read.All": ("User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
    "User.EnableDisableAccount.All": ("User.ReadWrite.All", "Directory.ReadWrite.All"),
    "User.RevokeSessions.All": ("User.ReadWrite.All", "Directory.ReadWrite.All"),
    "User.DeleteRestore.All": ("User.ReadWrite.All",),
    "User-PasswordProfile.ReadWrite.All": ("User.ReadWrite.All",),
    "GroupMember.Read.All": (
        "GroupMember.ReadWrite.All",
        "Group.Read.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
    ),
    "GroupMember.ReadWrite.All": ("Group.ReadWrite.All", "Directory.ReadWrite.All"),
    "Group.ReadWrite.All": ("Directory.ReadWrite.All",),
    "LicenseAssignment.Read.All": (
        "LicenseAssignment.ReadWrite.All",
        "Organization.Read.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ),
    "LicenseAssignment.ReadWrite.All": ("User.ReadWrite.All", "Directory.ReadWrite.All"),
    "RoleManagement.Read.Directory": (
        "RoleManagement.ReadWrite.Directory",
        "RoleManagement.Read.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ),
    "UserAuthenticationMethod.Read.All": ("UserAuthenticationMethod.ReadWrite.All",),
    "Files.Read.All": ("Files.ReadWrite.All", "Sites.Read.All", "Sites.ReadWrite.All", "Sites.FullControl.All"),
    "TeamsTelephoneNumber.Read.All": ("TeamsTelephoneNumber.ReadWrite.All",),
}
"""Permissions that include a lesser one (Microsoft Graph permissions reference)."""

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
ROLES = {
    "User Administrator": ("fe930be7-5e62-47db-91af-98c3a49a38b1", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"),
    "Exchange Administrator": ("29232cdf-9323-42fd-ade2-1d097af3e4de", "31392ffb-586c-42d1-9346-e59415a2cc4e"),
    "Privileged Authentication Administrator": ("7be44c8a-adaf-4e2a-84d6-ab2649e08a13",),
    "SharePoint Administrator": ("f28a1f50-f6e7-4571-818b-6a12f2af6b6c",),
    "Teams Administrator": ("69091246-20e8-4a56-aa4d-066075b2a7a8",),
}
"""Template ids of each role and of those that can stand in for it (Microsoft Entra: built-in roles)."""


class Reader(Protocol):
    """What it takes to read tokens."""

    @property
    def config(self) -> Config:
        """What is configured."""

    @property
    def tokens(self) -> Tokens:
        """The tokens."""


class House(Reader, Protocol):
    """What the check needs of the house."""

    def doorway(self, tenant_id: str) -> Tenant:
        """The way into one tenant."""


class Answer(StrEnum):
    """Whether something works."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Probe:
    """One read-only request, and what came of it."""

    service: str
    what: str
    works: Answer
    families: tuple[str, ...] = ()
    """First parts of the permissions that this request needs (`UserAuthenticationMethod`); empty: the whole service."""
    error: LeaverError | None = None
    text: str = ""

    @property
    def unreachable(self) -> bool:
        """Whether the service did not answer."""
        return isinstance(self.error, TryAgain)

    def as_json(self) -> dict[str, Json]:
        """Plain values."""
        error = self.error
        return {
            "service": self.service,
            "what": self.what,
            "works": self.works.value,
            "text": error.message if error else self.text,
            "code": error.code if error else "",
            "advice": error.advice if error else "",
            "request_id": error.request_id if error else "",
        }


@dataclass(frozen=True)
class Missing:
    """Something to grant, and where."""

    name: str
    where: str


@dataclass(frozen=True)
class TaskReadiness:
    """Whether one task would work, and what it lacks."""

    task: str
    label: str
    works: Answer
    missing: tuple[Missing, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Plain values."""
        return {
            "task": self.task,
            "label": self.label,
            "works": self.works.value,
            "missing": [{"name": item.name, "where": item.where} for item in self.missing],
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Readiness:
    """What would work in a tenant."""

    tenant: TenantName
    probes: tuple[Probe, ...]
    tasks: tuple[TaskReadiness, ...]
    unseen: tuple[str, ...] = ()
    """Permissions and roles of which the tokens say nothing."""
    organization: Organization | None = None
    """The tenant as it describes itself, if it does."""

    @property
    def ready(self) -> bool:
        """Whether no task is known not to work."""
        return all(task.works is not Answer.NO for task in self.tasks)

    @property
    def unreachable(self) -> bool:
        """Whether Microsoft Graph did not answer, without which nothing works."""
        return any(probe.unreachable for probe in self.probes if probe.service == "graph")

    @property
    def missing(self) -> tuple[Missing, ...]:
        """All that is to be granted, once each."""
        return tuple(dict.fromkeys(item for task in self.tasks for item in task.missing))

    def as_json(self) -> dict[str, Json]:
        """The JSON of `leaver tenant check`."""
        return {
            "tenant": {"id": self.tenant.id, "domain": self.tenant.domain, "name": self.tenant.name},
            "ready": self.ready,
            "probes": [probe.as_json() for probe in self.probes],
            "tasks": [task.as_json() for task in self.tasks],
            "missing": [{"name": item.name, "where": item.where} for item in self.missing],
        }


@dataclass(frozen=True)
class Granted:
    """What the tokens of one tenant say that the application may do; None where a token does not say it."""

    permissions: Mapping[str, frozenset[str] | None]
    """By service."""
    roles: frozenset[str] | None
    """Template ids of directory roles."""


async def check(house: House, tenant: TenantName) -> Readiness:
    """Probe every service once. Nothing is changed."""
    doorway = house.doorway(tenant.id)
    graph, (exchange, sharepoint) = await _graph_probes(doorway)
    granted = await _granted(house, tenant.id, sharepoint.site if sharepoint else "")
    others = await asyncio.gather(_exchange_probe(doorway, exchange), _sharepoint_probe(doorway, sharepoint))
    probes = (*graph, *others)
    name = tenant.name or tenant.domain or tenant.id
    unseen = tuple(sorted({item for task in all_tasks() for item in _unseen(task, granted)}))
    tasks = tuple(judge(task, probes, granted, name) for task in all_tasks())
    itself = await _quietly(doorway.organization.get()) if graph[0].works is Answer.YES else None  # remembered
    return Readiness(tenant, probes, tasks, unseen, itself if isinstance(itself, Organization) else None)


def judge(task: TaskType, probes: Sequence[Probe], granted: Granted, tenant: str) -> TaskReadiness:
    """Whether one task would work, from what was probed and granted. No I/O."""
    services = {service_of(scope) for scope in task.scopes}
    missing, unsure = lacking(task, granted, tenant)
    reasons: list[str] = []
    failed = False
    families = {scope.split(".", 1)[0] for scope in task.scopes}
    for probe in probes:
        concerned = probe.service in services and (not probe.families or not families.isdisjoint(probe.families))
        if not concerned or probe.works is Answer.YES:
            continue
        said = probe.error.message if probe.error else probe.text
        reasons.append(f"{SERVICES[probe.service]}, {probe.what}: {said}")
        failed = failed or probe.works is Answer.NO
        unsure = unsure or probe.works is Answer.UNSURE
    works = Answer.NO if failed or missing else Answer.UNSURE if unsure else Answer.YES
    return TaskReadiness(task.name, task.option.label, works, tuple(missing), tuple(dict.fromkeys(reasons)))


def lacking(task: TaskType, granted: Granted, tenant: str) -> tuple[list[Missing], bool]:
    """What a task needs and the tokens do not show, and whether some token says nothing about it. No I/O."""
    missing: list[Missing] = []
    unsure = False
    for scope in task.scopes:
        held = granted.permissions.get(service_of(scope))
        if held is None:
            unsure = True
        elif "*" not in held and held.isdisjoint((scope, *WIDER.get(scope, ()))):
            missing.append(Missing(scope, _where_permission(scope, tenant)))
    for role in task.roles:
        if granted.roles is None:
            unsure = True
        elif granted.roles.isdisjoint((GLOBAL_ADMINISTRATOR, *ROLES.get(role, (role,)))):
            missing.append(
                Missing(role, f"Assign it to the application in {tenant}: Entra admin center > Roles & admins.")
            )
    return missing, unsure


def _unseen(task: TaskType, granted: Granted) -> Iterable[str]:
    yield from (scope for scope in task.scopes if granted.permissions.get(service_of(scope)) is None)
    yield from task.roles if granted.roles is None else ()


async def granted_for(house: Reader, tenant_id: str, tasks: Iterable[TaskType]) -> Granted:
    """What the tokens say that these tasks ask for anyway: no request is made only to know it."""
    services = {service_of(scope) for task in tasks for scope in task.scopes}
    places = clouds.of(house.config)
    scopes = {"graph": places.graph_scope} | ({"exchange": places.exchange_scope} if "exchange" in services else {})
    return await _said(house, tenant_id, scopes)


def service_of(scope: str) -> str:
    """The service that a permission belongs to."""
    return ELSEWHERE.get(scope, "graph")


def _where_permission(scope: str, tenant: str) -> str:
    api = APIS[service_of(scope)]
    return (
        f"App registration > API permissions > {api} > Application permissions; then grant admin consent in {tenant}."
    )


@dataclass(frozen=True)
class _Site:
    user: UserRow
    site: str


async def _graph_probes(doorway: Tenant) -> tuple[list[Probe], tuple[UserRow | None, _Site | None]]:
    """Graph's probes, and for the other services a user to look at and a OneDrive."""
    first, (users, found) = await asyncio.gather(
        _probe("graph", "read the tenant", doorway.organization.get()), _users(doorway)
    )
    licensed = [row for row in found if row.licensed and not row.is_guest] or list(found)
    if not licensed:
        return [first, users], (None, None)
    some = licensed[0]
    drives, *rest = await asyncio.gather(
        _site(doorway, licensed[:SAMPLES]),
        _probe("graph", "read groups", doorway.groups.memberships(some.id), "GroupMember", "Group"),
        _probe("graph", "read products", doorway.licenses.skus(), "LicenseAssignment"),
        _probe("graph", "read roles", doorway.roles.of(some.id), "RoleManagement"),
        _probe("graph", "read MFA methods", doorway.authentication_methods.list(some.id), "UserAuthenticationMethod"),
        _probe("graph", "read phone numbers", doorway.phone_numbers.of(some.id), "TeamsTelephoneNumber"),
    )
    drive, site = drives
    return [first, users, *rest, drive], (some, site)


async def _users(doorway: Tenant) -> tuple[Probe, Sequence[UserRow]]:
    try:
        rows, _ = await doorway.users.page()
    except LeaverError as error:
        return _failed("graph", "read users", error, "User"), ()
    text = "" if rows else "The tenant has no users."
    return Probe("graph", "read users", Answer.YES, ("User",), text=text), rows


async def _site(doorway: Tenant, rows: Sequence[UserRow]) -> tuple[Probe, _Site | None]:
    """A OneDrive among a few users."""
    found = await asyncio.gather(*(_quietly(doorway.drives.of(row.id)) for row in rows))
    errors = [item for item in found if isinstance(item, LeaverError)]
    if len(errors) == len(found):
        return _failed("graph", "find OneDrives", errors[0], "Files"), None
    sites = [_Site(row, item.site_url) for row, item in zip(rows, found, strict=True) if isinstance(item, Drive)]
    return Probe("graph", "find OneDrives", Answer.YES, ("Files",)), sites[0] if sites else None


async def _exchange_probe(doorway: Tenant, row: UserRow | None) -> Probe:
    if row is None:
        return Probe("exchange", "read a mailbox", Answer.UNSURE, text="No user could be read to look at.")
    user = Leaver(row.id, row.upn, row.display_name)
    return await _probe("exchange", "read a mailbox", doorway.mailboxes.get(user))


async def _sharepoint_probe(doorway: Tenant, found: _Site | None) -> Probe:
    what = "read a OneDrive's administrators"
    if doorway.sites.possible:
        return Probe("sharepoint", what, Answer.NO, text=doorway.sites.possible)
    if found is None:
        return Probe("sharepoint", what, Answer.UNSURE, text="None of the users looked at has a OneDrive.")
    return await _probe("sharepoint", what, doorway.sites.admins(found.site))


async def _probe(service: str, what: str, reading: Awaitable[Any], *families: str) -> Probe:
    try:
        await reading
    except NotFound:
        return Probe(service, what, Answer.YES, families)
    except LeaverError as error:
        return _failed(service, what, error, *families)
    return Probe(service, what, Answer.YES, families)


def _failed(service: str, what: str, error: LeaverError, *families: str) -> Probe:
    """A service that gives no token fails as a whole, not for one permission only."""
    everything = isinstance(error, (SignInRefused, TryAgain))
    works = Answer.UNSURE if isinstance(error, TryAgain) else Answer.NO
    return Probe(service, what, works, () if everything else families, error)


async def _granted(house: House, tenant_id: str, site_url: str) -> Granted:
    places = clouds.of(house.config)
    scopes = {"graph": places.graph_scope, "exchange": places.exchange_scope}
    if site_url and house.tokens.certificate:
        scopes["sharepoint"] = places.sharepoint_scope(site_url)
    return await _said(house, tenant_id, scopes)


def _roles(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """The permissions in a token; None where it has no list of them, as one that is not Microsoft's may not."""
    roles = claims.get("roles")
    return frozenset(map(str, roles)) if isinstance(roles, list) else None


async def _said(house: Reader, tenant_id: str, scopes: Mapping[str, str]) -> Granted:
    found = await asyncio.gather(*(_quietly(house.tokens.claims(tenant_id, scope)) for scope in scopes.values()))
    claims = {service: item if isinstance(item, dict) else {} for service, item in zip(scopes, found, strict=True)}
    wids = next((item["wids"] for item in (claims.get("exchange", {}), claims["graph"]) if "wids" in item), None)
    return Granted(
        {service: _roles(item) for service, item in claims.items()},
        None if wids is None else frozenset(wids),
    )


async def _quietly(reading: Awaitable[Any]) -> Any:
    try:
        return await reading
    except LeaverError as error:
        return error
