"""What holds for any tenant and any settings, over generated ones."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import CLIENT_ID, ORIGIN, SECRET
from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.errors import LeaverError, Unusable
from leaver.m365.http import Http
from leaver.offboarding import desk as doors
from leaver.offboarding.drive import drive
from leaver.store.tenants import KnownTenant
from leaver.wiring import build
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.server import create_app
from m365_simulator.world import E3, POWER_BI, App, Cloud, World
from support import EVERYTHING, Desk, Wire

ADA = "ada@contoso.example"
GOOD = {"verified", "already_in_place", "not_applicable", "follow_up"}
KINDS = ("security", "microsoft365", "distribution", "mail_security")
NEEDS_CERTIFICATE = {"grant_onedrive_access", "disable_onedrive_sharing"}

chosen = st.sets(st.sampled_from(sorted(set(EVERYTHING) - NEEDS_CERTIFICATE)), min_size=1)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Cloud, World]:
    """A tenant in which ada has some of everything."""
    cloud = Cloud(apps={CLIENT_ID: App(CLIENT_ID, secret=SECRET)})
    world = cloud.add_world("contoso.example", "Contoso")
    world.add_user("bob")
    world.add_user("grace")
    world.add_user(
        "ada",
        manager="grace",
        licenses=draw(st.sampled_from([(E3,), (E3, POWER_BI)])),
        synced=draw(st.sampled_from([None, None, True])),
        sam_account_name="ada",
        on_premises_domain="CONTOSO",
    )
    for number in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(KINDS))
        owners = draw(st.sampled_from([[], ["bob"], ["ada", "bob"]]))
        dynamic = '(user.department -eq "X")' if kind == "security" and draw(st.booleans()) else None
        world.add_group(
            f"group{number}", "ada", "bob", owners=[] if dynamic else owners, kind=kind, dynamic_rule=dynamic
        )
    if draw(st.booleans()):
        world.add_group("licensing", "ada", "grace", license_skus=[POWER_BI])
    for kind in draw(st.lists(st.sampled_from(["fido2", "softwareOath", "microsoftAuthenticator"]), max_size=3)):
        world.add_method("ada", kind, default=not world.users["ada"].methods)
    for number in range(draw(st.integers(0, 2))):
        world.add_rule("ada", f"Rule {number}", move_to_folder="Archive")
    if draw(st.booleans()):
        world.give_full_access("bob", "ada")
    if draw(st.booleans()):
        world.give_calendar("grace", "ada", "Reviewer")
    if draw(st.booleans()):
        world.add_group("helpdesk", "ada", "bob", role_assignable=True)
    if draw(st.booleans()):
        world.add_group("board", "ada", "bob", management_restricted=True)
    if draw(st.booleans()):
        world.mailboxes["bob"].send_as.append("ada")
    if draw(st.booleans()):
        world.mailboxes["grace"].send_on_behalf.append("ada")
    if draw(st.booleans()):
        world.add_rule("ada", "Secret", hidden=True, forward_to=["elsewhere@example.net"])
    if draw(st.booleans()):
        world.add_device("ada", "iPhone")
    if draw(st.booleans()):
        world.mailboxes["ada"].forwarding_smtp = "ada.private@example.net"
    if draw(st.booleans()):
        world.add_group("press", "bob", kind="distribution", send_on_behalf=["grace", "ada"])
    if draw(st.booleans()):
        give_a_namesake(world)
    world.mailboxes["ada"].calendar_name = draw(st.sampled_from(["Calendar", "Kalender"]))
    if draw(st.sampled_from([False, False, True])):
        del world.mailboxes["ada"]
    return cloud, world


def give_a_namesake(world: World) -> None:
    """Somebody who is called like ada, with rights that must stay, where Exchange shows them by name."""
    world.add_user("ada2", world.users["ada"].display_name)
    world.give_full_access("grace", "ada2")
    world.give_calendar("bob", "ada2", "Editor")
    world.mailboxes["bob"].send_as.append("ada2")


def kept_in(data: Path) -> str:
    """Every record, as text."""
    return "".join(path.read_text(encoding="latin-1") for path in data.rglob("*") if path.is_file())


def colleagues(world: World) -> Any:
    """What belongs to everybody but ada."""
    people = {alias: user for alias, user in world.users.items() if alias != "ada"}
    others = {alias: members - {"ada"} for alias, members in world.members.items()}
    senders = {alias: set(group.send_on_behalf) - {"ada"} for alias, group in world.groups.items()}
    rights = {
        alias: (
            {entry.user for entry in box.full_access} - {"ada"},
            {*box.send_as, *box.send_on_behalf} - {"ada"},
            {(entry.user, *entry.rights) for entry in box.calendar_permissions if entry.user != "ada"},
        )
        for alias, box in world.mailboxes.items()
        if alias != "ada"
    }
    return copy.deepcopy((people, others, senders, rights))


@asynccontextmanager
async def desk_of(
    cloud: Cloud, world: World, data: Path, behaviour: Behaviour | None = None
) -> AsyncIterator[tuple[Desk, Wire]]:
    """The desk in front of a tenant that was made up; the pauses between tries are the simulator's time, not ours."""
    wire = Wire(create_app(cloud, behaviour or Behaviour(synced_disable="accept")))

    async def wait(seconds: float) -> None:
        wire.app.state.simulator.advance(min(seconds, 5.0))

    config = Config.from_environment(
        {
            "LEAVER_CLOUD": "custom",
            "LEAVER_LOGIN_URL": f"{ORIGIN}/login",
            "LEAVER_GRAPH_URL": f"{ORIGIN}/graph",
            "LEAVER_EXCHANGE_URL": f"{ORIGIN}/exchange",
            "LEAVER_CLIENT_ID": CLIENT_ID,
            "LEAVER_CLIENT_SECRET": SECRET,
            "LEAVER_DATA_DIR": str(data),
        }
    )
    http = Http(transport=httpx.ASGITransport(wire.app), sleep=wait)
    house = build(config, http)
    try:
        await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
        yield Desk(house, world.domain), wire
    finally:
        await http.aclose()
        await house.database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=worlds(), names=chosen)
async def test_a_plan_writes_nothing_a_run_leaves_nothing_and_nobody_else_is_touched(
    made: tuple[Cloud, World], names: set[str], tmp_path_factory: Any
) -> None:
    """A10, D10: no write ever targets an object other than the leaver and what the plan names."""
    cloud, world = made
    data: Path = tmp_path_factory.mktemp("data")
    async with desk_of(cloud, world, data) as (desk, wire):
        wishes = {name: EVERYTHING[name] for name in names}
        before, others = copy.deepcopy(world), colleagues(world)

        planned = await desk.preview(ADA, settings=wishes)

        assert wire.writes == []
        assert world == before
        if planned.blocked:
            with pytest.raises(Unusable):
                await desk.offboard(ADA, settings=wishes)
            assert wire.writes == []
            return

        (result,) = await desk.offboard(ADA, settings=wishes)

        assert {task.outcome.value for task in result.tasks} <= {
            "verified",
            "already_in_place",
            "not_applicable",
            "follow_up",
        }
        assert "ada" in world.users
        assert colleagues(world) == others

        written = len(wire.writes)
        await desk.offboard(ADA, settings=wishes)
        assert len([c for c in wire.writes[written:] if "revoke" not in c["path"] and "PATCH" not in c["method"]]) == 0
    assert SECRET not in kept_in(data)


def what_can_come_back(world: World) -> Any:
    """What undo promises to restore: memberships, rights and settings; rules by what they do."""
    box = world.mailboxes.get("ada")
    own = box and (
        box.kind,
        box.hidden,
        box.forwarding_smtp,
        box.forwarding_address,
        sorted(box.send_as),
        box.auto_reply,
    )
    rules = box and sorted((rule.name, rule.move_to_folder or "", str(rule.forward_to)) for rule in box.rules)
    rights = {
        alias: (
            sorted(entry.user for entry in other.full_access),
            sorted(other.send_as),
            sorted(other.send_on_behalf),
            sorted((entry.user, str(entry.rights)) for entry in other.calendar_permissions),
        )
        for alias, other in world.mailboxes.items()
    }
    user = world.users["ada"]
    held = sorted((held.sku_id, held.by_group or "") for held in user.licenses)
    owners = {alias: (set(group.owners), set(group.send_on_behalf)) for alias, group in world.groups.items()}
    return copy.deepcopy((user.enabled, user.immutable_id, held, world.members, owners, own, rules, rights))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=worlds(), names=chosen)
async def test_undo_restores_what_is_reversible(
    made: tuple[Cloud, World], names: set[str], tmp_path_factory: Any
) -> None:
    """H25: whatever was chosen, in whatever tenant."""
    cloud, world = made
    async with desk_of(cloud, world, tmp_path_factory.mktemp("data")) as (desk, _):
        wishes = {name: EVERYTHING[name] for name in names}
        before = what_can_come_back(world)
        if (await desk.preview(ADA, settings=wishes)).blocked:
            return
        (record,) = await desk.offboard(ADA, settings=wishes)
        if not any(change.made_at and change.change.reversible for task in record.tasks for change in task.changes):
            return

        undo = await doors.Desk(desk.house).undo(record.id, Actor("Tess Technician"))
        await drive(desk.house, undo.id, owner="w1", look_again=(0.01, 0.02, 0.05))

        assert what_can_come_back(world) == before


moods = st.fixed_dictionaries(
    {
        "read_after_write": st.sampled_from([0.0, 0.05]),
        "conversion_delay": st.sampled_from([0.0, 0.05]),
        "group_license_delay": st.sampled_from([0.0, 0.05]),
        "not_a_member_status": st.sampled_from([404, 400]),
        "remove_license_atomic": st.booleans(),
        "missing_entry": st.sampled_from(["warning", "error"]),
        "calendar_user": st.sampled_from(["name", "object"]),
        "calendar_preview": st.sampled_from(["text", "object", "nothing"]),
        "retry_after_date": st.booleans(),
        "exchange_concurrency": st.sampled_from([0, 2]),
    }
)


@st.composite
def troubles(draw: st.DrawFn) -> list[Fault]:
    """A few things that go wrong for a moment, at any call of any service."""
    where = st.sampled_from(
        [
            "GET /users",
            "PATCH /users",
            "POST /users",
            "DELETE ",
            "/groups",
            "Get-",
            "Set-",
            "Remove-",
            "Add-",
            ".",
            "oauth2",
        ]
    )
    how: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [
            {"status": 429, "headers": {"retry-after": "1"}},
            {"status": 429},
            {"status": 503, "headers": {"retry-after": "1"}},
            {"status": 503},
            {"status": 504},
            {"status": 502, "text": "<html>Bad gateway</html>"},
            {"status": 500},
            {"drop": True},
            {"drop": True, "after_effect": True},
            {"status": 504, "after_effect": True},
            {"status": 401, "body": {"error": {"code": "InvalidAuthenticationToken", "message": "Expired."}}},
        ]
    )
    found = draw(st.lists(st.tuples(where, how, st.integers(0, 12), st.integers(1, 2)), min_size=1, max_size=5))
    return [Fault(match, skip=skip, times=times, **what) for match, what, skip, times in found]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=worlds(), names=chosen, faults=troubles(), habits=moods)
async def test_what_goes_wrong_for_a_moment_is_made_good_and_harms_nobody(
    made: tuple[Cloud, World], names: set[str], faults: list[Fault], habits: dict[str, Any], tmp_path_factory: Any
) -> None:
    """H3, H22, A10: lost answers, throttling and outages at any call; what ends unwell is finished by a second run."""
    cloud, world = made
    world.add_meeting("ada", "Weekly", "bob@contoso.example") if "ada" in world.mailboxes else None
    behaviour = Behaviour(synced_disable="accept", **habits)
    async with desk_of(cloud, world, tmp_path_factory.mktemp("data"), behaviour) as (desk, wire):
        wishes = {name: EVERYTHING[name] for name in names}
        others = colleagues(world)
        if (await desk.preview(ADA, settings=wishes)).blocked:
            return
        wire.app.state.simulator.tokens.forget()
        behaviour.faults += faults

        try:
            (result,) = await desk.offboard(ADA, settings=wishes)
        except LeaverError:
            assert wire.writes == []
        else:
            assert {task.outcome.value for task in result.tasks} <= {*GOOD, "failed", "blocked", "cancelled"}
        behaviour.faults.clear()
        (second,) = await desk.offboard(ADA, settings=wishes)

        assert {task.task: task.outcome.value for task in second.tasks if task.outcome.value not in GOOD} == {}
        assert colleagues(world) == others
        cancelled = [c for c in wire.writes if c["cmdlet"] == "Remove-CalendarEvents" and c["status"] == 200]
        assert len(cancelled) <= 2
