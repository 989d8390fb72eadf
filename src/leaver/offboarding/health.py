"""How each tenant was when it was last looked at: kept, so that a list of hundreds asks Microsoft nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from leaver.domain.errors import LeaverError, SignInRefused
from leaver.domain.offboarding import maybe_moment
from leaver.domain.people import TenantName
from leaver.offboarding import readiness, words
from leaver.offboarding.readiness import Answer, Probe, Readiness
from leaver.store.papers import Papers
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import TaskType

KIND, IN_FULL = "health", "health-in-full"

AREAS = {
    "users": "Users",
    "groups": "Groups",
    "exchange": "Exchange",
    "files": "Files",
    "teams": "Teams",
    "licenses": "Licenses",
}
_OF_FAMILY = {
    "Exchange": "exchange",
    "Files": "files",
    "Group": "groups",
    "GroupMember": "groups",
    "LicenseAssignment": "licenses",
    "Sites": "files",
    "TeamsTelephoneNumber": "teams",
}
"""First part of a permission to its area; all others are about users."""
_OF_ROLE = {"Exchange Administrator": "exchange", "SharePoint Administrator": "files", "Teams Administrator": "teams"}
NO_CONSENT = ("AADSTS65001", "AADSTS700016", "AADSTS7000112", "AADSTS650052")
"""Sign-in is refused since the application is not known, not consented to or switched off in the tenant."""


class Status(StrEnum):
    """How a tenant is, in a word."""

    HEALTHY = "healthy"
    LIMITED = "limited"
    """Some tasks would not work."""
    BROKEN = "broken"
    """Nobody can be offboarded there."""
    SILENT = "silent"
    """Microsoft did not answer."""


class Works(StrEnum):
    """Whether an area of a tenant works."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    UNSURE = "unsure"


class Repair(StrEnum):
    """What somebody does about a cause."""

    CONSENT = "consent"
    ROLES = "roles"
    APPLICATION = "application"
    AGAIN = "again"


@dataclass(frozen=True)
class Cause:
    """Why something does not work, and what helps."""

    title: str
    text: str
    repair: Repair
    request_id: str = ""


@dataclass(frozen=True)
class Permission:
    """A permission or directory role: whether it is there, as far as that can be seen, and what needs it."""

    name: str
    area: str
    works: Answer
    tasks: tuple[str, ...]
    """Labels."""


@dataclass(frozen=True)
class Summary:
    """How a tenant was, in short."""

    status: Status
    checked_at: datetime
    areas: Mapping[str, Works]
    not_working: tuple[str, ...] = ()
    """Labels of the tasks that would not work."""
    users: int | None = None
    synced: bool | None = None
    """Whether users come from an Active Directory; None where nobody could see it."""
    synced_at: datetime | None = None

    @property
    def sync_is_late(self) -> bool:
        """Whether the directory had not come through for a day when the tenant was looked at; usual is half an hour."""
        return bool(self.synced and self.synced_at and self.checked_at - self.synced_at > timedelta(days=1))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return _plain(asdict(self))


@dataclass(frozen=True)
class Health:
    """How a tenant was, with every cause and permission."""

    summary: Summary
    causes: tuple[Cause, ...]
    permissions: tuple[Permission, ...]


class House(readiness.House, Protocol):
    """What a look at a tenant needs of the house."""

    @property
    def papers(self) -> Papers:
        """Where it is kept."""


async def look(house: House, tenant: TenantName) -> tuple[Readiness, Health]:
    """Look at a tenant now, and keep what was seen."""
    found, users = await asyncio.gather(readiness.check(house, tenant), _users(house, tenant))
    health = judged(found, users, datetime.now(UTC))
    await house.papers.put(KIND, tenant.id, health.summary.as_json())
    rest = {"causes": [asdict(each) for each in health.causes], "permissions": list(map(asdict, health.permissions))}
    await house.papers.put(IN_FULL, tenant.id, _plain(rest))
    return found, health


async def summaries(papers: Papers) -> dict[str, Summary]:
    """What was last seen of each tenant that was ever looked at, by id."""
    return {tenant_id: _summary(document) for tenant_id, document in (await papers.keyed(KIND)).items()}


async def last(papers: Papers, tenant_id: str) -> Health | None:
    """What was last seen of a tenant; nothing if nobody looked."""
    short, rest = await papers.get(KIND, tenant_id), await papers.get(IN_FULL, tenant_id)
    if short is None or rest is None:
        return None
    causes = (Cause(**{**each, "repair": Repair(each["repair"])}) for each in rest["causes"])
    permissions = (
        Permission(each["name"], each["area"], Answer(each["works"]), tuple(each["tasks"]))
        for each in rest["permissions"]
    )
    return Health(_summary(short), tuple(causes), tuple(permissions))


async def forget(papers: Papers, tenant_id: str) -> None:
    """Nothing was ever seen of a tenant that is not ours any more."""
    await papers.remove(KIND, tenant_id)
    await papers.remove(IN_FULL, tenant_id)


def judged(found: Readiness, users: int | None, at: datetime) -> Health:
    """What a check comes to. No I/O."""
    permissions = tuple(_permissions(found))
    not_working = tuple(task.label for task in found.tasks if task.works is Answer.NO)
    shut = {probe.service for probe in found.probes if probe.works is Answer.NO and _whole(probe)}
    areas = {area: Works.NO if _service(area) in shut else _works(permissions, area) for area in AREAS}
    status = _status(found, not_working)
    itself = found.organization
    sync = (None, None) if itself is None else (itself.synced, itself.synced_at)
    return Health(Summary(status, at, areas, not_working, users, *sync), tuple(_causes(found)), permissions)


def _status(found: Readiness, not_working: tuple[str, ...]) -> Status:
    if found.unreachable:
        return Status.SILENT
    reads_users = any(probe.what == "read users" and probe.works is Answer.YES for probe in found.probes)
    if not reads_users or len(not_working) == len(found.tasks):
        return Status.BROKEN
    return Status.LIMITED if not_working else Status.HEALTHY


def _permissions(found: Readiness) -> Iterable[Permission]:
    needed: dict[str, list[TaskType]] = {}
    for task in all_tasks():
        for name in (*task.scopes, *task.roles):
            needed.setdefault(name, []).append(task)
    missing = {item.name for item in found.missing}
    unseen = set(found.unseen)
    for name, tasks in sorted(needed.items(), key=lambda item: (_area(item[0]), item[0])):
        seen = [_said(probe) for probe in found.probes if "." in name and _concerns(probe, name)]
        works = _worst([Answer.NO if name in missing else Answer.UNSURE if name in unseen else Answer.YES, *seen])
        yield Permission(name, _area(name), works, tuple(task.option.label for task in tasks))


def _causes(found: Readiness) -> Iterable[Cause]:
    refused = next((probe for probe in found.probes if isinstance(probe.error, SignInRefused)), None)
    if refused is not None and refused.error is not None:
        error = refused.error
        repair = Repair.CONSENT if error.code in NO_CONSENT else Repair.APPLICATION
        title = f"{readiness.SERVICES[refused.service]} refuses to sign Leaver in"
        yield Cause(title, f"{error.message} {error.advice}".strip(), repair, error.request_id)
        if refused.service == "graph":
            return
    roles = [item.name for item in found.missing if "." not in item.name]
    scopes = [item.name for item in found.missing if "." in item.name]
    if scopes:
        what = "A permission is" if len(scopes) == 1 else f"{len(scopes)} permissions are"
        yield Cause(f"{what} missing: {words.listed(scopes)}", _cannot(found, scopes), Repair.CONSENT)
    if roles:
        title = f"The application lacks the role {words.listed(roles)}"
        yield Cause(title, _cannot(found, roles), Repair.ROLES)
    said = {refused.service} if refused is not None else set()
    for probe in found.probes:
        if (
            probe.works is Answer.YES
            or probe.service in said
            or (probe.works is Answer.NO and _explained(found, probe))
        ):
            continue
        if probe.unreachable and probe.error is not None:
            said.add(probe.service)
            text = f"{probe.error.message} Nothing was changed."
            yield Cause(
                f"{readiness.SERVICES[probe.service]} did not answer", text, Repair.AGAIN, probe.error.request_id
            )
        elif probe.works is Answer.NO:
            error_text = f"{probe.error.message} {probe.error.advice}".strip() if probe.error else probe.text
            request_id = probe.error.request_id if probe.error else ""
            repair = Repair.ROLES if probe.error else Repair.APPLICATION
            yield Cause(f"{readiness.SERVICES[probe.service]}: cannot {probe.what}", error_text, repair, request_id)


def _explained(found: Readiness, probe: Probe) -> bool:
    """Whether a probe was refused for what is said to be missing already."""
    return any(
        readiness.service_of(item.name) == probe.service and _concerns(probe, item.name)
        for item in found.missing
        if "." in item.name
    )


def _cannot(found: Readiness, names: Iterable[str]) -> str:
    wanted = set(names)
    labels = [task.label for task in found.tasks if wanted & {item.name for item in task.missing}]
    return f"{words.listed(labels)} cannot run in this tenant until then."


def _concerns(probe: Probe, scope: str) -> bool:
    family = scope.split(".", 1)[0]
    return probe.service == readiness.service_of(scope) and (not probe.families or family in probe.families)


def _whole(probe: Probe) -> bool:
    """Whether a probe speaks for its service: nothing of it works where this does not."""
    return isinstance(probe.error, SignInRefused) or probe.service != "graph" or probe.what == "read the tenant"


def _said(probe: Probe) -> Answer:
    """What a probe says of a permission: nothing, where no token was given."""
    return Answer.UNSURE if isinstance(probe.error, SignInRefused) else probe.works


def _service(area: str) -> str:
    return {"exchange": "exchange", "files": "sharepoint"}.get(area, "graph")


def _area(name: str) -> str:
    return _OF_ROLE.get(name) or _OF_FAMILY.get(name.split(".", 1)[0], "users")


def _worst(answers: Iterable[Answer]) -> Answer:
    found = set(answers)
    return next((each for each in (Answer.NO, Answer.UNSURE) if each in found), Answer.YES)


def _works(permissions: Iterable[Permission], area: str) -> Works:
    found = {each.works for each in permissions if each.area == area}
    if Answer.NO in found:
        return Works.PARTLY if Answer.YES in found else Works.NO
    return Works.YES if Answer.YES in found else Works.UNSURE


async def _users(house: House, tenant: TenantName) -> int | None:
    try:
        return await house.doorway(tenant.id).users.count()
    except LeaverError:
        return None  # a number to look at; that users cannot be read, the check says


def _summary(document: Mapping[str, Any]) -> Summary:
    return Summary(
        Status(document["status"]),
        datetime.fromisoformat(document["checked_at"]),
        {area: Works(works) for area, works in document["areas"].items()},
        tuple(document["not_working"]),
        document["users"],
        document.get("synced"),
        maybe_moment(document.get("synced_at")),
    )


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in document.items()}
