"""What CIPP's callers send and get, for the OpenAPI document. The shapes are theirs; what Leaver adds is said."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from leaver.tasks.catalogue import all_tasks


class Row(BaseModel):
    """A part of an answer; more members may be there."""

    model_config = ConfigDict(extra="allow")


class Results(Row):
    """What was done, or why not: one text or several."""

    Results: str | list[str]


class Operation(Row):
    """Where the offboarding of one user can be watched."""

    User: str
    Id: str
    Url: str
    Status: str


class Queued(Row):
    """What was queued for whom."""

    Results: list[str]
    Operations: list[Operation] = []
    Warnings: list[str] = Field(default=[], description="Every key that was ignored, and what was probably meant.")
    DeploymentId: str = Field(default="", description="For `ListOffboardingProgress`.")


class Told(Results):
    """What was done, and the keys that were ignored."""

    Warnings: list[str] = []


class Domain(Row):
    """A domain, as a choice."""

    value: str
    label: str


class UserRow(Row):
    """A user as Graph shows it, with what CIPP adds."""

    id: str
    username: str
    Aliases: str
    LicJoined: str
    primDomain: Domain
    onPremisesSyncEnabled: bool
    manager: dict[str, Any] | None


class TenantRow(Row):
    """A tenant."""

    customerId: str
    defaultDomainName: str
    displayName: str


class GraphAnswer(Row):
    """Users as Graph shows them."""

    Results: list[dict[str, Any]]
    Metadata: dict[str, Any]


class ScheduledItem(Row):
    """An offboarding as a scheduled item."""

    Tenant: str
    Name: str
    Command: str
    Parameters: dict[str, Any]
    TaskState: Literal["Planned", "Running", "Completed", "Failed"]
    ScheduledTime: int
    ExecutedTime: int | None
    Reference: str
    Results: list[str]
    RowKey: str


class Step(Row):
    """How one task stands."""

    Status: str
    Results: list[str]


class ItemDetails(Row):
    """An offboarding with its tasks."""

    Task: ScheduledItem
    Details: list[Step]


class ProgressRow(Row):
    """How one user of a request stands."""

    Name: str
    TenantFilter: str
    Status: Literal["queued", "running", "succeeded", "failed"]
    Id: str
    Steps: list[Step]


class LogRow(Row):
    """An entry of the audit trail."""

    DateTime: str
    Tenant: str
    User: str
    API: str
    Message: str
    Severity: str
    LogData: dict[str, Any]
    IP: str
    RowKey: str


class WhoAmI(Row):
    """The caller."""

    Name: str
    Role: str
    Tenants: list[str] | None


_TEXT: dict[str, Any] = {"type": "string"}
_CHOICE: dict[str, Any] = {"type": "object", "properties": {"value": {}, "label": _TEXT}, "required": ["value"]}
_ONE: dict[str, Any] = {"anyOf": [_TEXT, _CHOICE]}
_MANY: dict[str, Any] = {"anyOf": [_TEXT, _CHOICE, {"type": "array", "items": _ONE}]}
_LOOSE: dict[str, Any] = {"description": "true, false, a text, `{label, value}`, or a list of them; empty: absent."}
OFFBOARD: dict[str, Any] = {
    "type": "object",
    "description": "Keys in any letter case. A key that is ignored is named in `Warnings`.",
    "required": ["tenantFilter", "user"],
    "properties": {
        "tenantFilter": _ONE | {"description": "Any verified domain of the tenant, or its id."},
        "user": _MANY | {"description": "UPNs or object ids."},
        "reference": _LOOSE,
        "Scheduled": {
            "type": "object",
            "properties": {"enabled": {}, "date": {"description": "Unix seconds."}},
        },
        "PostExecution": {"type": "object", "properties": {"webhook": {}, "email": {}, "psa": {}}},
        "KeepCopy": _LOOSE,
        "AccessAutomap": _LOOSE,
        **{task.option.api_field: _LOOSE for task in all_tasks()},
    },
}
OFFBOARD_EXAMPLE: dict[str, Any] = {
    "tenantFilter": "contoso.com",
    "user": ["ada@contoso.com"],
    "DisableSignIn": True,
    "RemoveGroups": True,
    "forward": {"value": "grace@contoso.com"},
    "KeepCopy": True,
    "Scheduled": {"enabled": False},
    "reference": "HR-4711",
}
DEFAULTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "customerId": _LOOSE,
        "defaultDomainName": _LOOSE,
        "offboardingDefaults": {"description": "Switches as an object, or as its JSON."},
    },
    "required": ["offboardingDefaults"],
}
DEFAULTS_EXAMPLE: dict[str, Any] = {
    "customerId": "contoso.com",
    "offboardingDefaults": {"DisableSignIn": True, "RemoveGroups": True},
}
ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {"id": _LOOSE, "RowKey": _LOOSE},
}
ITEM_EXAMPLE: dict[str, Any] = {"id": "20260711-a1b2c3"}
TENANTS: dict[str, Any] = {
    "type": "object",
    "properties": {"IncludeOffboardingDefaults": {}, "AllTenantSelector": {}, "tenantFilter": _LOOSE},
}
TENANTS_EXAMPLE: dict[str, Any] = {"IncludeOffboardingDefaults": True}
