"""Texts that are filled in for each user, through a whole offboarding."""

from __future__ import annotations

import pytest

from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.m365.exchange.auto_replies import plain
from leaver.offboarding import desk as doors
from leaver.offboarding.drive import drive
from m365_simulator.world import World
from support import Desk, outcomes

ADA, BOB = "ada@contoso.example", "bob@contoso.example"
TEXT = {"internal": "{first_name} left. Write to {manager_name} ({manager_mail})."}
FILLED = "Ada left. Write to Grace Example (grace@contoso.example)."


async def test_the_plan_shows_what_is_sent_and_what_is_read_back(desk: Desk, world: World) -> None:
    world.users["grace"].display_name = "Grace Example"

    planned = await desk.preview(ADA, settings={"set_out_of_office": TEXT})
    (result,) = await desk.offboard(ADA, settings={"set_out_of_office": TEXT})

    (change,) = planned.offboardings[0].task("set_out_of_office").changes
    assert change.change.after["internal"] == FILLED  # type: ignore[index, call-overload]
    assert plain(world.mailboxes["ada"].auto_reply.internal) == FILLED
    assert outcomes(result) == {"set_out_of_office": "verified"}
    assert result.settings["set_out_of_office"]["internal"] == TEXT["internal"]  # type: ignore[index, call-overload]


async def test_each_of_several_users_is_named(desk: Desk, world: World) -> None:
    world.users["bob"].manager = "grace"

    await desk.offboard(ADA, BOB, settings={"set_out_of_office": {"internal": "{first_name} left."}})

    assert plain(world.mailboxes["ada"].auto_reply.internal) == "Ada left."
    assert plain(world.mailboxes["bob"].auto_reply.internal) == "Bob left."


async def test_a_manager_who_is_not_there_is_refused_before_anything_is_changed(desk: Desk, world: World) -> None:
    world.users["ada"].manager = None

    with pytest.raises(Unusable, match=r"Ada .* has no manager for \{manager_mail\} and \{manager_name\}"):
        await desk.preview(ADA, settings={"set_out_of_office": TEXT})


async def test_without_the_manager_in_the_text_nobody_needs_one(desk: Desk, world: World) -> None:
    world.users["ada"].manager = None

    (result,) = await desk.offboard(ADA, settings={"set_out_of_office": {"internal": "{first_name} left."}})

    assert outcomes(result) == {"set_out_of_office": "verified"}


async def test_what_was_confirmed_stays_when_names_and_managers_change(desk: Desk, world: World) -> None:
    (result,) = await desk.offboard(ADA, settings={"set_out_of_office": TEXT})
    sent = plain(world.mailboxes["ada"].auto_reply.internal)
    world.users["ada"].manager = None
    world.users["ada"].display_name = "Augusta King"

    undo = await doors.Desk(desk.house).undo(result.id, Actor("tests", "cli"))
    await drive(desk.house, undo.id, owner="w1", look_again=desk.look_again)

    undone = await desk.house.offboardings.get(undo.id)
    assert sent.startswith("Ada left.")
    assert outcomes(undone) == {"set_out_of_office": "verified"}
    assert world.mailboxes["ada"].auto_reply.state == "Disabled"


async def test_what_is_no_placeholder_is_warned_of_and_sent_as_it_stands(desk: Desk, world: World) -> None:
    (result,) = await desk.offboard(ADA, settings={"set_out_of_office": {"internal": "{firstname} left."}})

    assert plain(world.mailboxes["ada"].auto_reply.internal) == "{firstname} left."
    (note,) = result.task("set_out_of_office").notes
    assert (note.kind, note.code) == ("warning", "unknown_placeholder")
    assert "{firstname}" in note.text
