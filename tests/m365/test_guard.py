"""No client method can write to somebody whom the plan does not name."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from leaver.domain.errors import NotFound, NotYet, WrongTarget
from leaver.domain.people import Leaver
from leaver.m365.exchange.auto_replies import AutoReply
from leaver.m365.exchange.calendars import FolderRight
from leaver.m365.graph.authentication_methods import Method
from leaver.m365.graph.phone_numbers import PhoneNumber
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs

OTHER = Leaver("22222222-0000-0000-0000-00000000000f", "frank@contoso.example", "Frank Example")
COLLEAGUE = Leaver("22222222-0000-0000-0000-000000000010", "george@contoso.example", "George Example")
SITE = "https://contoso-my.sharepoint.com/personal/frank_contoso_example"
SUCCESSORS = {
    "groups.add_owner",
    "groups.remove_successor",
    "distribution_groups.add_owner",
    "distribution_groups.remove_successor",
}
"""A colleague may become an owner, and undo ends that where the leaver owns the group again."""
GROUP = "33333333-0000-0000-0000-000000000001"
VALUES: dict[str, Any] = {
    "user_id": OTHER.id,
    "id_or_upn": OTHER.id,
    "group_id": GROUP,
    "user": OTHER,
    "mailbox": OTHER,
    "mailboxes": [],
    "person": OTHER,
    "recipient": OTHER,
    "colleague": COLLEAGUE,
    "site_url": SITE,
    "sku_ids": ["sku"],
    "licenses": [("sku", [])],
    "method": Method("m", "phone"),
    "number": PhoneNumber("+3120", "callingPlan"),
    "rule_id": "17",
    "record": {"Name": "rule"},
    "guid": "44444444-0000-0000-0000-000000000001",
    "reply": AutoReply(),
    "entry": FolderRight("Frank Example"),
    "rights": ["Editor"],
    "days": 30,
    "kind": "Shared",
    "hidden": True,
    "value": 0,
    "properties": {"accountEnabled": False},
}


def _methods(tenant: Tenant) -> Iterator[tuple[str, Callable[..., Awaitable[Any]]]]:
    for client_name, client in vars(tenant).items():
        if client_name.startswith("_") or not type(client).__module__.startswith("leaver.m365"):
            continue
        for name, method in inspect.getmembers(client, inspect.iscoroutinefunction):
            if not name.startswith("_"):
                yield f"{client_name}.{name}", method


async def _call(method: Callable[..., Awaitable[Any]]) -> None:
    signature = inspect.signature(method)
    given = {name: VALUES.get(name, "x") for name, each in signature.parameters.items() if each.default is each.empty}
    extra = given.pop("properties", {})
    await method(**given, **extra)


async def _writes_of(name: str, acting_on: Leaver | None) -> list[Any]:
    stubs = Stubs()
    held = {"telephoneNumber": "+3120", "numberType": "callingPlan", "assignmentTargetId": OTHER.id}
    stubs.graph.answers["/admin/teams/telephoneNumberManagement/numberAssignments"] = [held]
    stubs.graph.answers[f"/users/{OTHER.id}/drive/root"] = {"sharepointIds": {"siteUrl": SITE}}
    stubs.graph.answers[f"/groups/{GROUP}/owners/microsoft.graph.user"] = [{"id": OTHER.id}]
    stubs.exchange.answers["Get-DistributionGroup"] = _managed_by_other
    method = dict(_methods(stubs.tenant(acting_on)))[name]
    try:
        await _call(method)
    except WrongTarget:
        assert stubs.writes == []
        raise
    except (NotFound, KeyError):
        pass
    return stubs.writes


def _managed_by_other(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"ExternalDirectoryObjectId": GROUP}] if parameters["ManagedBy"] == OTHER.id else []


WRITERS = {
    "authentication_methods.remove",
    "auto_replies.set",
    "calendars.cancel",
    "calendars.grant",
    "calendars.remove",
    "deleted_users.restore",
    "distribution_groups.add_member",
    "distribution_groups.add_owner",
    "distribution_groups.add_send_on_behalf",
    "distribution_groups.remove_member",
    "distribution_groups.remove_owner",
    "distribution_groups.remove_send_on_behalf",
    "distribution_groups.remove_successor",
    "groups.add_member",
    "groups.add_owner",
    "groups.remove_member",
    "groups.remove_owner",
    "groups.remove_successor",
    "inbox_rules.create",
    "inbox_rules.remove",
    "licenses.assign",
    "licenses.remove",
    "licenses.reprocess",
    "mailboxes.add_send_on_behalf",
    "mailboxes.remove_send_on_behalf",
    "mailboxes.remove_send_on_behalf_raw",
    "mailboxes.set_forwarding",
    "mailboxes.set_hidden",
    "mailboxes.set_type",
    "mobile_devices.remove",
    "permissions.grant_full_access",
    "permissions.grant_send_as",
    "permissions.revoke_full_access",
    "permissions.revoke_send_as",
    "phone_numbers.assign",
    "phone_numbers.unassign",
    "sites.grant_admin",
    "sites.revoke_admin",
    "sites.set_sharing",
    "users.delete",
    "users.revoke_sessions",
    "users.set_password",
    "users.update",
}
LEAVE_ALONE = {"phone_numbers.unassign"}
"""Looks at the leaver's numbers only, so somebody else's is simply not among them."""


async def test_the_list_of_writers_is_complete() -> None:
    names = [name for name, _ in _methods(Stubs().tenant(OTHER)) if name != "users.all_users"]

    writers = {name for name in names if await _writes_of(name, acting_on=OTHER)}

    assert writers == WRITERS


@pytest.mark.parametrize("name", sorted(WRITERS - SUCCESSORS - LEAVE_ALONE))
async def test_a_write_about_somebody_else_is_refused_unsent(name: str, eve: Leaver) -> None:
    with pytest.raises(WrongTarget):
        await _writes_of(name, acting_on=eve)


@pytest.mark.parametrize("name", sorted(WRITERS))
async def test_without_a_leaver_every_write_is_refused_unsent(name: str) -> None:
    with pytest.raises(WrongTarget):
        await _writes_of(name, acting_on=None)


@pytest.mark.parametrize("name", ["groups.remove_successor", "distribution_groups.remove_successor"])
async def test_no_owner_is_taken_from_a_group_that_the_leaver_does_not_own(name: str, eve: Leaver) -> None:
    with pytest.raises(NotYet):
        await _writes_of(name, acting_on=eve)


async def test_a_colleagues_number_is_left_alone(eve: Leaver) -> None:
    assert await _writes_of("phone_numbers.unassign", acting_on=eve) == []


async def test_the_leavers_own_site_keeps_its_owner(stubs: Stubs, eve: Leaver) -> None:
    site = "https://contoso-my.sharepoint.com/personal/eve_contoso_example"
    stubs.graph.answers[f"/users/{eve.id}/drive/root"] = {"sharepointIds": {"siteUrl": site}}

    with pytest.raises(WrongTarget):
        await stubs.tenant(eve).sites.revoke_admin(site, eve)


async def test_a_right_of_the_leaver_elsewhere_can_be_revoked(stubs: Stubs, eve: Leaver) -> None:
    await stubs.tenant(eve).permissions.revoke_full_access(OTHER, eve)

    assert [(cmdlet, sent["Identity"], sent["User"]) for cmdlet, sent in stubs.exchange.sent] == [
        ("Remove-MailboxPermission", OTHER.id, eve.id)
    ]
