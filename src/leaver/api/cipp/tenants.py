"""`ListTenants` and `EditTenantOffboardingDefaults`: the tenants and their default switches."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.api.cipp.bodies import flag_of, read_switches, texts_of
from leaver.api.cipp.hearing import Given, body_of, plainly, refused, tenant_named
from leaver.api.cipp.shapes import DEFAULTS, DEFAULTS_EXAMPLE, TENANTS, TENANTS_EXAMPLE, TenantRow, Told
from leaver.api.documented import answers, by_name, query, sent
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.offboarding.conflicts import NEVER_A_DEFAULT, default_refusals
from leaver.offboarding.presetting import locked_in, preset
from leaver.tasks.catalogue import all_tasks

router = APIRouter(prefix="/api", tags=["CIPP-compatible"], generate_unique_id_function=by_name)
EVERYBODY = ("", "null", "alltenants")
"""What callers say when they mean no tenant in particular."""


@router.get(
    "/ListTenants",
    summary="The tenants that the caller may see",
    **answers(list[TenantRow]),
    **query("IncludeOffboardingDefaults", "AllTenantSelector", "tenantFilter"),
)
@router.post(
    "/ListTenants",
    summary="The tenants that the caller may see",
    operation_id="list_tenants_by_post",
    **answers(list[TenantRow]),
    **sent(TENANTS, TENANTS_EXAMPLE, required=False),
)
async def list_tenants(request: Request, here: Here, person: Caller, given: Given) -> Response:
    """An array; `IncludeOffboardingDefaults` adds each tenant's defaults, `AllTenantSelector` a first row for all."""
    require(person, Right.SEE)
    wanted: dict[str, Any] = dict(given)
    if request.method == "POST":
        wanted |= await body_of(request)
    one = next(iter(texts_of(wanted.get("tenantfilter"))), "")
    only = (await tenant_named(here, person, one, Right.SEE)).id if one.lower() not in EVERYBODY else ""
    with_defaults = flag_of(wanted.get("includeoffboardingdefaults"))
    defaults = await here.house.defaults.all() if with_defaults else {}
    rows = []
    for tenant in await here.house.tenants.all():
        if not person.sees(tenant.id) or only not in ("", tenant.id):
            continue
        row: dict[str, Any] = {
            "customerId": tenant.id,
            "defaultDomainName": tenant.domain,
            "initialDomainName": next((d for d in tenant.domains if d.endswith(".onmicrosoft.com")), tenant.domain),
            "displayName": tenant.name or tenant.domain,
            "domains": tenant.domains,
        }
        if with_defaults:
            row["offboardingDefaults"] = _as_switches(defaults.get(tenant.id, {}))
        rows.append(row)
    if flag_of(wanted.get("alltenantselector")) and person.tenants is None:
        everyone = dict.fromkeys(("customerId", "defaultDomainName", "initialDomainName"), "AllTenants")
        rows.insert(0, {**everyone, "displayName": "*All Tenants", "domains": []})
    return plain(rows)


@router.post(
    "/EditTenantOffboardingDefaults",
    summary="Set a tenant's default switches",
    **answers(Told),
    **sent(DEFAULTS, DEFAULTS_EXAMPLE),
)
async def edit_defaults(request: Request, here: Here, person: Caller) -> Response:
    """Replace the tenant's defaults by these switches."""
    given = await body_of(request)
    named = texts_of(given.get("customerid")) or texts_of(given.get("defaultdomainname"))
    switches = given.get("offboardingdefaults")
    if isinstance(switches, str):
        try:
            switches = json.loads(switches)
        except ValueError:
            switches = None
    if not named or not isinstance(switches, dict):
        return refused(["customerId and offboardingDefaults are needed."])
    known = await tenant_named(here, person, named[0], Right.MANAGE)
    values, warnings = read_switches(switches)
    if not values and switches:
        return refused(["No switch is known.", *warnings])
    if values.get(NEVER_A_DEFAULT):
        warnings += [f"Not kept: {reason}" for reason in default_refusals({NEVER_A_DEFAULT: None})]
        values[NEVER_A_DEFAULT] = False
    kept = {task: {"value": value, "locked": False} for task, value in values.items()}
    for task in await locked_in(here.house, known.id):
        if kept.pop(task, None):
            warnings.append(f"Not kept: {task} is locked by your organization.")
    await preset(here.house, known.id, kept, person.actor())
    text = f"Set the offboarding defaults of {plainly(known.name or known.domain, known.domain, known.id)}."
    return plain({"Results": text, "Warnings": warnings})


def _as_switches(defaults: dict[str, dict[str, Any]]) -> dict[str, bool]:
    fields = {task.name: task.option.api_field for task in all_tasks()}
    return {fields[task]: bool(said.get("value")) for task, said in defaults.items() if task in fields}
