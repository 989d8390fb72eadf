"""Who may what: every route of the API, every role, with and without limits. A new route needs its line here."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.conftest import Client, NewClient
from api.documented import document
from leaver.access.roles import ALLOWED, Right, Role
from leaver.wiring import House
from m365_simulator.world import World
from support import Wire

ANYBODY = None
MATRIX: dict[str, Right | None] = {
    "GET /api/v1/tasks": Right.SEE,
    "GET /api/v1/tenants": Right.SEE,
    "GET /api/v1/tenants/{tenant}/health": Right.PLAN,
    "GET /api/v1/tenants/{tenant}/defaults": Right.SEE,
    "GET /api/v1/tenants/{tenant}/users": Right.SEE,
    "GET /api/v1/tenants/{tenant}/protected": Right.SEE,
    "POST /api/v1/tenants/{tenant}/protected": Right.MANAGE,
    "DELETE /api/v1/tenants/{tenant}/protected/{user_id}": Right.MANAGE,
    "GET /api/v1/tenants/{tenant}/rights-index": Right.SEE,
    "POST /api/v1/tenants/{tenant}/rights-index": Right.PLAN,
    "GET /api/v1/defaults/{scope}": Right.SEE,
    "PUT /api/v1/defaults/{scope}": Right.MANAGE,
    "POST /api/v1/plans": Right.PLAN,
    "POST /api/v1/offboardings": Right.OFFBOARD,
    "GET /api/v1/offboardings": Right.SEE,
    "GET /api/v1/offboardings/{offboarding_id}": Right.SEE,
    "GET /api/v1/offboardings/{offboarding_id}/events": Right.SEE,
    "GET /api/v1/offboardings/{offboarding_id}/report": Right.SEE,
    "GET /api/v1/offboardings/{offboarding_id}/report.html": Right.SEE,
    "GET /api/v1/offboardings/{offboarding_id}/report.pdf": Right.SEE,
    "GET /api/v1/offboardings/{offboarding_id}/report/email": Right.SEE,
    "POST /api/v1/offboardings/{offboarding_id}/report/email": Right.MAIL,
    "POST /api/v1/offboardings/{offboarding_id}/retry": Right.OFFBOARD,
    "POST /api/v1/offboardings/{offboarding_id}/cancel": Right.OFFBOARD,
    "POST /api/v1/offboardings/{offboarding_id}/reschedule": Right.OFFBOARD,
    "POST /api/v1/offboardings/{offboarding_id}/skip": Right.OFFBOARD,
    "POST /api/v1/offboardings/{offboarding_id}/undo-plan": Right.PLAN,
    "POST /api/v1/offboardings/{offboarding_id}/undo": Right.OFFBOARD,
    "POST /api/v1/offboardings/{offboarding_id}/approve": Right.OFFBOARD,
    "POST /api/v1/offboardings/{offboarding_id}/refuse": Right.OFFBOARD,
    "GET /api/v1/audit": Right.AUDIT,
    "GET /api/v1/audit/verify": Right.AUDIT,
    "GET /api/v1/tokens": Right.MANAGE,
    "POST /api/v1/tokens": Right.MANAGE,
    "DELETE /api/v1/tokens/{token_id}": Right.MANAGE,
    "GET /api/v1/approval-rule": Right.SEE,
    "PUT /api/v1/approval-rule": Right.MANAGE,
    "GET /api/v1/presets": Right.SEE,
    "POST /api/v1/presets": Right.MANAGE,
    "DELETE /api/v1/presets/{preset_id}": Right.MANAGE,
    "GET /api/v1/webhooks": Right.MANAGE,
    "POST /api/v1/webhooks": Right.MANAGE,
    "GET /api/v1/webhooks/{webhook_id}": Right.MANAGE,
    "PATCH /api/v1/webhooks/{webhook_id}": Right.MANAGE,
    "DELETE /api/v1/webhooks/{webhook_id}": Right.MANAGE,
    "POST /api/v1/webhooks/{webhook_id}/rotate-secret": Right.MANAGE,
    "POST /api/v1/webhooks/{webhook_id}/test": Right.MANAGE,
    "GET /api/v1/webhooks/{webhook_id}/deliveries": Right.MANAGE,
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": Right.MANAGE,
    "GET /api/v1/notifications": Right.MANAGE,
    "POST /api/v1/notifications": Right.MANAGE,
    "POST /api/v1/notifications/{notification_id}/test": Right.MANAGE,
    "DELETE /api/v1/notifications/{notification_id}": Right.MANAGE,
    "POST /api/ExecOffboardUser": Right.OFFBOARD,
    "GET /api/ListUsers": Right.SEE,
    "POST /api/ListTenants": Right.SEE,
    "GET /api/ListTenants": Right.SEE,
    "GET /api/ListGraphRequest": Right.SEE,
    "GET /api/ListScheduledItems": Right.SEE,
    "GET /api/ListScheduledItemDetails": Right.SEE,
    "POST /api/RemoveScheduledItem": Right.OFFBOARD,
    "GET /api/ListOffboardingProgress": Right.SEE,
    "POST /api/EditTenantOffboardingDefaults": Right.MANAGE,
    "GET /api/ListLogs": Right.AUDIT,
    "GET /api/ListApiTest": ANYBODY,
}
WHOLE_HOUSE = (
    "GET /api/v1/audit/verify",
    "GET /api/v1/tokens",
    "POST /api/v1/tokens",
    "DELETE /api/v1/tokens/{token_id}",
    "PUT /api/v1/approval-rule",
    "POST /api/v1/presets",
    "DELETE /api/v1/presets/{preset_id}",
    "GET /api/v1/notifications",
    "POST /api/v1/notifications",
    "POST /api/v1/notifications/{notification_id}/test",
    "DELETE /api/v1/notifications/{notification_id}",
)
"""What concerns every tenant, so that nobody who is limited to some may do it."""
WISH: dict[str, Any] = {"tenant": "nothing", "users": ["ada@contoso.example"], "settings": {"disable_sign_in": True}}
BODIES: dict[str, Any] = {
    "POST /api/v1/plans": WISH,
    "POST /api/v1/offboardings": WISH,
    "PUT /api/v1/defaults/{scope}": {},
    "POST /api/v1/offboardings/{offboarding_id}/reschedule": {"at": "2030-01-31T18:00:00Z"},
    "POST /api/v1/offboardings/{offboarding_id}/skip": {"task": "disable_sign_in", "note": "x"},
    "POST /api/v1/offboardings/{offboarding_id}/refuse": {"note": "x"},
    "POST /api/v1/offboardings/{offboarding_id}/approve": {},
    "POST /api/v1/offboardings/{offboarding_id}/report/email": {"to": ["hr@example.com"]},
    "POST /api/v1/tenants/{tenant}/protected": {"user": "ada@contoso.example"},
    "POST /api/v1/tokens": {"name": "x", "role": "viewer"},
    "PUT /api/v1/approval-rule": {"permanent": False, "privileged": False},
    "POST /api/v1/presets": {"name": "x", "settings": {"disable_sign_in": True}},
    "POST /api/v1/webhooks": {"name": "x", "url": "https://127.0.0.1/"},
    "PATCH /api/v1/webhooks/{webhook_id}": {"name": "y"},
    "POST /api/v1/notifications": {"kind": "email", "address": "x"},
    "POST /api/ExecOffboardUser": {"tenantFilter": "nothing", "user": "a", "DisableSignIn": True},
    "POST /api/RemoveScheduledItem": {"id": "nothing"},
    "POST /api/EditTenantOffboardingDefaults": {"customerId": "nothing", "offboardingDefaults": {"RemoveGroups": True}},
}
QUERY = {"tenantFilter": "nothing", "Endpoint": "users", "RowKey": "nothing", "DeploymentId": "nothing"}


def routes() -> list[str]:
    """Everything that the OpenAPI document names."""
    verbs = ("get", "post", "put", "patch", "delete")
    paths = document()["paths"].items()
    return [f"{verb.upper()} {path}" for path, item in paths for verb in verbs if verb in item]


async def ask(client: Client, route: str) -> Any:
    """Ask for something that is not there, with a body that fits."""
    method, path = route.split(" ")
    path = re.sub(r"{\w+}", "nothing", path.replace("{delivery_id}", "1"))
    return await client.request(method, path, json=BODIES.get(route), params=QUERY)


def test_every_route_has_its_line() -> None:
    assert sorted(routes()) == sorted(MATRIX)
    assert set(WHOLE_HOUSE) <= set(MATRIX)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_what_its_rights_say_and_nothing_else(
    new_client: NewClient, wire: Wire, world: World, role: Role
) -> None:
    client = await new_client(role=role.value)
    wrong = {}

    for route, right in MATRIX.items():
        status = (await ask(client, route)).status_code
        may = right is ANYBODY or right in ALLOWED[role]
        if (status == 403) == may or status in (401, 422, 429) or status >= 500:
            wrong[route] = status

    assert wrong == {}
    assert wire.writes == []


@pytest.mark.parametrize("role", list(Role))
async def test_nobody_who_is_limited_does_what_concerns_every_tenant(
    new_client: NewClient, house: House, world: World, role: Role
) -> None:
    client = await new_client(role=role.value, tenants=(world.id,))
    answers = {route: (await ask(client, route)).status_code for route in MATRIX}

    wrong = {}
    for route, right in MATRIX.items():
        may = right is ANYBODY or (right in ALLOWED[role] and route not in WHOLE_HOUSE)
        if (answers[route] == 403) == may:
            wrong[route] = answers[route]
    assert wrong == {}
    assert (await client.put("/api/v1/defaults/organization", json={})).status_code == 403
