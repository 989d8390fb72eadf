"""What the native API answers with, for the OpenAPI document; tests hold every answer against it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from leaver.access.roles import Role
from leaver.domain.outcome import Outcome, State
from leaver.domain.plan import NoteKind, Reversibility
from leaver.offboarding.health import Status, Works

Item = TypeVar("Item")
MOMENT = "ISO 8601 in UTC."


class Shape(BaseModel):
    """A part of an answer; members may be added in later versions."""

    model_config = ConfigDict(extra="allow")


class Page(Shape, Generic[Item]):
    """A page of a list: the one convention for all of them."""

    items: list[Item]
    next: str = Field(description="Give it as the cursor of the next page; empty: this was the last one.")


class TaskKind(Shape):
    """A kind of offboarding work."""

    task: str = Field(description="Its name, and its key in the settings.", examples=["remove_groups"])
    stage: str
    label: str
    section: str = Field(description="What it is about; people find it under this heading.")
    text: str = Field(description="One sentence for whoever decides about it.")
    description: str
    api_field: str = Field(description="Its name for callers of CIPP.")
    reversibility: Reversibility
    permissions: list[str]
    roles: list[str]
    schema_: dict[str, Any] = Field(alias="schema", description="The JSON Schema of its setting.")
    list_of: str


class Look(Shape):
    """How a tenant was when it was looked at."""

    status: Status
    checked_at: str = Field(description=MOMENT)
    areas: dict[str, Works] = Field(description="Users, groups, Exchange, files, Teams and licenses.")
    not_working: list[str] = Field(description="Labels of the tasks that would not work.")
    users: int | None = Field(description="How many users there are, where Microsoft says.")
    synced: bool | None = Field(None, description="Whether users come from an Active Directory; null: not known.")
    synced_at: str | None = Field(None, description="When they last came, where Microsoft says. " + MOMENT)


class TenantShown(Shape):
    """A tenant that Leaver knows."""

    id: str
    domain: str
    name: str
    domains: list[str]
    health: Look | None = Field(description="When it was last looked at; null if nobody has yet.")


class TenantNamed(Shape):
    """A tenant, as an offboarding names it."""

    id: str
    domain: str
    name: str


class Grant(Shape):
    """Something to grant, and where."""

    name: str
    where: str


class ProbeShown(Shape):
    """What one probe of one service found."""

    service: str
    what: str
    works: str
    text: str
    code: str
    advice: str
    request_id: str


class TaskReady(Shape):
    """Whether one task would work."""

    task: str
    label: str
    works: str
    missing: list[Grant]
    reasons: list[str]


class Building(Shape):
    """How far something is."""

    done: int
    of: int


class RightsIndexShown(Shape):
    """How the index of rights on the mailboxes and calendars of a tenant stands."""

    as_of: str | None = Field(description="Rights that were given later may be missing; null: there is none. " + MOMENT)
    finished_at: str | None
    age_seconds: int | None
    usable: bool = Field(description="Whether plans go by it; otherwise they look through every mailbox.")
    mailboxes: int
    unread: int = Field(description="Mailboxes that could not be read; plans look there themselves.")
    building: Building | None
    wanted_at: str | None = Field(description="When somebody asked for one that is not begun.")
    problem: str = Field(description="Why the last try failed.")
    retry_at: str | None


class Health(Look):
    """What would work in a tenant."""

    tenant: TenantNamed
    ready: bool
    probes: list[ProbeShown]
    tasks: list[TaskReady]
    missing: list[Grant]
    rights_index: RightsIndexShown


class Preset(Shape):
    """What one scope presets a task to."""

    value: Any
    locked: bool


class EffectivePreset(Preset):
    """What a task is preset to in a tenant, and who says so."""

    task: str
    origin: str = Field(description="`tenant` or `organization`.")


class UserShown(Shape):
    """A user of a tenant."""

    id: str
    upn: str
    display_name: str
    mail: str | None
    enabled: bool
    licensed: bool
    department: str | None
    badges: list[str] = Field(
        description="`guest`, `synced`, `disabled`, `protected`, or the state of an offboarding under way."
    )


class ProtectedShown(Shape):
    """An account that nobody offboards."""

    id: str
    upn: str = Field(description="As it was when it was protected.")


class UserNamed(Shape):
    """A user, as an offboarding names them."""

    id: str
    upn: str
    display_name: str


class NoteShown(Shape):
    """What a person should know or decide."""

    kind: NoteKind
    code: str
    text: str
    choices: list[str]
    about: str = Field(description="Where a code can come several times, what it concerns: decide `code:about` then.")


class ChangeShown(Shape):
    """One change, and what became of it."""

    what: str
    before: Any
    after: Any
    reversible: bool
    reversibility: Reversibility
    made_at: str | None
    verified_at: str | None
    request_ids: list[str]
    error: str


class ErrorShown(Shape):
    """Why a task failed, in Microsoft's words."""

    code: str
    message: str
    request_id: str
    advice: str
    service: str
    status: int | None


class NextAttemptShown(Shape):
    """The attempt that a task at work waits for."""

    reason: str = Field(description="Why the last one came to nothing: `Exchange is busy (429)`.")
    number: int = Field(description="Which one it is; the first one was 1.")
    of: int | None = Field(description="How many there are at most; nothing where it ends with a time.")
    at: str = Field(description="When it is made. " + MOMENT)


class TaskShown(Shape):
    """One task of an offboarding."""

    task: str
    stage: str
    label: str
    outcome: Outcome
    changes: list[ChangeShown]
    notes: list[NoteShown]
    error: ErrorShown | None
    estimate_seconds: float
    started_at: str | None
    ended_at: str | None
    next_attempt: NextAttemptShown | None = Field(None, description="Only while Microsoft has to be asked again.")


class ApprovalShown(Shape):
    """How the approval of a second person stands."""

    state: str = Field(description="`pending`, `approved` or `refused`.")
    reasons: dict[str, str]
    needs_administrator: bool
    decided_by: str
    decided_at: str | None
    note: str


class PrunedShown(Shape):
    """What is left of the content of an offboarding that was pruned."""

    state: State
    sha256: str = Field(description="Of its evidence, as it was.")


class OffboardingShown(Shape):
    """One run for one user."""

    id: str
    state: State
    user: UserNamed
    kind: str = Field(description="`offboarding`, or `undo` of another one.")
    undo_of: str
    reference: str
    at: str | None = Field(description="When it is to start. " + MOMENT)
    time_zone: str
    priority: int
    requested_at: str
    asked_at: str
    asked_by: str
    asked_via: str
    report_to: list[str] = Field([], description="Mail addresses that get the report when it has ended.")
    wake_at: str | None
    cancelled_at: str | None
    ended_at: str | None
    approval: ApprovalShown | None
    digest: str
    estimate_seconds: float
    settings: dict[str, Any]
    decisions: dict[str, str]
    full_scan: bool = Field(description="Whether every mailbox is looked through, whatever the rights index says.")
    tasks: list[TaskShown]
    notes: list[NoteShown]
    pruned: PrunedShown | None = Field(
        default=None, description="Only of one whose content was forgotten: its tasks, settings and notes are empty."
    )


class OffboardingListed(OffboardingShown):
    """One run, in a list."""

    tenant: TenantNamed


class Offboardings(Shape):
    """Offboardings of a tenant: the shape of plans, of what was accepted and of one that is read."""

    tenant: TenantNamed
    digest: str = Field(description="What a person confirms; give it back to carry out exactly this.")
    offboardings: list[OffboardingShown]


class Proof(Shape):
    """How the evidence sums up, and its fingerprint."""

    verdict: str
    created_by: str
    sha256: str
    sha256_of: str


class Evidence(Offboardings):
    """The evidence of one offboarding: with each task's facts before and after."""

    evidence: Proof


class AuditEntry(Shape):
    """Who did what, when, from where and to whom."""

    number: int
    at: str
    actor: str
    via: str
    address: str
    what: str
    tenant_id: str
    user_id: str
    offboarding_id: str
    before: Any
    after: Any
    previous: str
    hash: str


class Verified(Shape):
    """Whether the audit trail is whole."""

    intact: bool
    problems: list[str]


class TokenShown(Shape):
    """An API token, without its secret."""

    id: str
    name: str
    role: Role
    tenants: list[str] = Field(description="Ids; empty: all tenants.")
    expires_at: str = Field(description=MOMENT + " Empty: never.")
    created_at: str
    created_by: str
    hint: str = Field(description="The first and the last letters of its secret.")
    last_used_at: str = Field(description=MOMENT + " Within an hour; empty: never.")


class TokenMade(TokenShown):
    """An API token with its secret, which is shown once."""

    token: str


class RuleShown(Shape):
    """What waits for the approval of a second person."""

    permanent: bool
    privileged: bool


class Problem(Shape):
    """What went wrong and what to do next (RFC 9457)."""

    type: str = Field(examples=["urn:leaver:problem:unknown_tenant"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; Microsoft's own where the error is Microsoft's.")
    instance: str
    service: str = ""
    request_id: str = Field(default="", description="Microsoft's id of the request that was refused.")
    errors: list[str] = []
