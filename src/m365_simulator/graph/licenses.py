"""Products and their assignment to users."""

from __future__ import annotations

from collections import Counter
from typing import Any

from m365_simulator.exchange import mailbox_life
from m365_simulator.graph import people
from m365_simulator.graph.errors import GraphError, bad_request
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.graph.user_shape import DEFAULT, PROPERTIES
from m365_simulator.group_licenses import process
from m365_simulator.state import Answer
from m365_simulator.world import LicenseState, Sku, User, World

_READ = (
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
_WRITE = ("LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All")


@route("GET", "/subscribedSkus", *_READ, units=3)
def skus(call: GraphCall) -> Answer:
    """The products of the tenant."""
    used = consumed(call.world)
    rows = [_shape(call.world, sku, used[sku.sku_id]) for sku in call.world.skus.values()]
    return Answer(body={"@odata.context": f"{call.base}/$metadata#subscribedSkus", "value": rows})


@route("POST", "/users/{}/assignLicense", *_WRITE, also=("/users/{}/microsoft.graph.assignLicense",))
def assigned(call: GraphCall) -> Answer:
    """Gives and takes products; one that cannot be taken fails the whole call."""
    add, remove = call.given("addLicenses"), call.given("removeLicenses")
    if not isinstance(add, list) or not isinstance(remove, list):
        message = "One or more parameters of the operation 'assignLicense' are missing from the request payload."
        raise GraphError(400, "Request_BadRequest", message)
    user = people.actual(call)
    before = list(user.licenses)
    try:
        after = _after(call, user, [str(sku).lower() for sku in remove], add)
    except GraphError:
        if not call.state.behaviour.remove_license_atomic:
            removable = {str(sku).lower() for sku in remove}
            user.licenses = [held for held in before if held.by_group or held.sku_id not in removable]
            mailbox_life.license_changed(call.world, user.alias, call.state.now())
        raise
    people.write(call)
    user.licenses = after
    mailbox_life.license_changed(call.world, user.alias, call.state.now())
    return _shown(call, user)


@route("POST", "/users/{}/reprocessLicenseAssignment", *_WRITE)
def reprocessed(call: GraphCall) -> Answer:
    """Brings licenses by groups in line with the memberships, now."""
    user = people.actual(call)
    for group in call.world.groups.values():
        if group.license_skus:
            process(call.state, call.world, group, user.alias)
    left = {group.id for group in call.world.groups.values()}
    user.licenses = [held for held in user.licenses if held.by_group is None or held.by_group in left]
    return _shown(call, user)


@route("GET", "/users/{}/licenseDetails", *_READ, "User.Read.All", units=2)
def details(call: GraphCall) -> Answer:
    """The products of a user with their plans."""
    rows = []
    for held in PROPERTIES["assignedLicenses"](call, people.read(call)):
        sku = call.world.skus[held["skuId"]]
        plans = [_plan(plan_id, name, disabled=plan_id in held["disabledPlans"]) for plan_id, name in sku.plans]
        rows.append({"id": sku.sku_id, "skuId": sku.sku_id, "skuPartNumber": sku.part_number, "servicePlans": plans})
    return Answer(body={"value": rows})


def consumed(world: World) -> Counter[str]:
    """How many users hold each product, in whatever ways."""
    used: Counter[str] = Counter()
    for user in world.users.values():
        if len(user.licenses) == 1:
            used[user.licenses[0].sku_id] += 1
        elif user.licenses:
            used.update({held.sku_id for held in user.licenses})
    return used


def _after(call: GraphCall, user: User, remove: list[str], add: list[dict[str, Any]]) -> list[LicenseState]:
    world = call.world
    after = [LicenseState(**vars(held)) for held in user.licenses]
    for sku_id in remove:
        _known(world, sku_id)
        direct = [held for held in after if held.sku_id == sku_id and held.by_group is None]
        if not direct:
            if any(held.sku_id == sku_id for held in after):
                raise bad_request(
                    "User license is inherited from a group membership and it cannot be removed directly from the user."
                )
            raise bad_request("User does not have a corresponding license.")
        after.remove(direct[0])
    for entry in add:
        _add(world, user, after, entry)
    _check_dependencies(world, after)
    return after


def _add(world: World, user: User, after: list[LicenseState], entry: dict[str, Any]) -> None:
    sku = _known(world, str(entry.get("skuId", "")).lower())
    disabled = [str(plan).lower() for plan in entry.get("disabledPlans") or ()]
    if not user.usage_location:
        raise bad_request("License assignment cannot be done for user with invalid usage location.")
    held = next((each for each in after if each.sku_id == sku.sku_id and each.by_group is None), None)
    if held is not None:
        held.disabled_plans = disabled
        return
    if not any(each.sku_id == sku.sku_id for each in user.licenses) and consumed(world)[sku.sku_id] >= sku.enabled:
        raise bad_request(f"Subscription with SKU {sku.sku_id} does not have any available licenses.")
    after.append(LicenseState(sku.sku_id, disabled_plans=disabled))


def _known(world: World, sku_id: str) -> Sku:
    sku = world.skus.get(sku_id)
    if sku is None:
        raise bad_request(f"License {sku_id} does not correspond to a valid company License.")
    return sku


def _check_dependencies(world: World, after: list[LicenseState]) -> None:
    active = {
        plan_id for held in after for plan_id, _ in world.skus[held.sku_id].plans if plan_id not in held.disabled_plans
    }
    for held in after:
        for plan, needs in world.skus[held.sku_id].depends_on.items():
            if plan in active and not active & set(needs):
                raise bad_request(
                    f"License assignment failed because service plan {plan} depends on the service plan(s) "
                    f"{','.join(needs)}"
                )


def _shape(world: World, sku: Sku, used: int) -> dict[str, Any]:
    return {
        "id": f"{world.id}_{sku.sku_id}",
        "accountId": world.id,
        "accountName": world.name,
        "skuId": sku.sku_id,
        "skuPartNumber": sku.part_number,
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": used,
        "prepaidUnits": {"enabled": sku.enabled, "suspended": 0, "warning": 0, "lockedOut": 0},
        "servicePlans": [_plan(plan_id, name, disabled=False) for plan_id, name in sku.plans],
        "subscriptionIds": [],
    }


def _plan(plan_id: str, name: str, *, disabled: bool) -> dict[str, str]:
    return {
        "servicePlanId": plan_id,
        "servicePlanName": name,
        "provisioningStatus": "Disabled" if disabled else "Success",
        "appliesTo": "User",
    }


def _shown(call: GraphCall, user: User) -> Answer:
    body = {"@odata.context": f"{call.base}/$metadata#users/$entity"}
    return Answer(body=body | {name: PROPERTIES[name](call, user) for name in DEFAULT})
