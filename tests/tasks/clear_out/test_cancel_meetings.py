from __future__ import annotations

import pytest

from leaver.domain.errors import Unusable
from leaver.domain.people import Leaver
from leaver.domain.plan import Reversibility
from leaver.m365.tenant import Tenant
from leaver.offboarding.settings import parse
from leaver.tasks.catalogue import task_named
from leaver.tasks.clear_out.cancel_meetings import CancelMeetings
from m365_simulator.faults import Behaviour
from m365_simulator.world import World
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestCancelMeetings(TaskContract):
    task_type = CancelMeetings
    setting = {"days": 365}  # noqa: RUF012
    undoable = False

    def given(self, world: World) -> None:
        world.add_meeting("ada", "Weekly", "bob", "grace")
        world.add_meeting("ada", "Next year", "bob", days=400)


async def test_only_meetings_with_others_within_the_days_are_cancelled(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F24."""
    world.add_meeting("ada", "Weekly", "bob")
    world.add_meeting("ada", "Dentist")
    world.add_meeting("ada", "Next year", "bob", days=400)

    await Asked(tenant, ada, CancelMeetings, {"days": 365}).run()

    assert world.sent_cancellations == [("ada", "Weekly")]


async def test_the_plan_names_the_meetings_and_says_that_attendees_are_mailed(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F24, F25."""
    world.add_meeting("ada", "Weekly", "bob")
    world.add_meeting("ada", "Budget", "grace")
    asked = Asked(tenant, ada, CancelMeetings)

    (change,) = await (await asked.task()).pending()
    assert change.before == ["Weekly", "Budget"]
    assert change.reversibility is Reversibility.PERMANENT
    assert "mailed the cancellation of 2 meetings" in await asked.texts()


@pytest.mark.parametrize("preview", ["text", "object", "nothing"])
async def test_it_is_sent_once_even_if_the_preview_shows_nothing_and_not_again(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, preview: str
) -> None:
    """F24."""
    behaviour.calendar_preview = preview
    world.add_meeting("ada", "Weekly", "bob")
    asked = Asked(tenant, ada, CancelMeetings)

    await asked.run()

    assert world.sent_cancellations == [("ada", "Weekly")]
    assert await asked.plan() == []


async def test_a_meeting_that_is_still_there_is_cancelled_again(world: World, tenant: Tenant, ada: Leaver) -> None:
    asked = Asked(tenant, ada, CancelMeetings)
    await asked.run()
    world.add_meeting("ada", "Late", "bob")

    assert len(await asked.changes()) == 1


@pytest.mark.parametrize("days", [0, -1, 1826, "30", 1.5])
def test_days_that_exchange_does_not_take_are_refused(days: object) -> None:
    """F24."""
    with pytest.raises(Unusable):
        parse({"cancel_meetings": {"days": days}})


@pytest.mark.parametrize("later", ["remove_licenses", "delete_user"])
def test_what_stops_the_mailbox_from_sending_waits_for_it(later: str) -> None:
    """F24."""
    task = task_named(later)

    assert {"cancel_meetings", "*"} & set(task.comes_behind())


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, CancelMeetings).notes()

    assert notes == {"no_mailbox": "not_applicable"}
