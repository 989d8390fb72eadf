"""What a person sees on the terminal: plans and results at 80 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from leaver.cli.plan_view import show_plan
from leaver.cli.progress import PlainLines
from leaver.cli.result_view import show_result
from leaver.domain.plan import blocker
from leaver.offboarding.survey import build_index
from m365_simulator.world import World
from support import EVERYTHING, Desk, give_ada_everything

RIGHTS = {"remove_mailbox_permissions": True}


@pytest.fixture
def paper() -> Console:
    return Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_plan_names_what_changes_and_fits_80_columns(desk: Desk, world: World, paper: Console) -> None:
    give_ada_everything(world)
    preview = await desk.preview("ada@contoso.example", settings=EVERYTHING)

    show_plan(paper, preview.tenant, preview.offboardings)

    shown = text_of(paper)
    assert max(map(len, shown.splitlines())) <= 80
    for text in (
        "Contoso (contoso.example)",
        "ada@contoso.example",
        "Access now",
        "iPhone",
        "Disable sign-in",
        "One-way",
    ):
        assert text in shown


async def test_a_plan_says_how_to_decide_a_blocker(desk: Desk, world: World, paper: Console) -> None:
    world.mailboxes["ada"].size = 60 * 1024**3
    preview = await desk.preview("ada@contoso.example", settings={"convert_to_shared": True, "remove_licenses": True})

    show_plan(paper, preview.tenant, preview.offboardings)

    assert not preview.blocked or "--decide " in text_of(paper)


async def test_names_with_brackets_are_shown_as_they_are(desk: Desk, world: World, paper: Console) -> None:
    world.add_group("odd", "ada", display_name="[bold]Sales[/bold]")
    preview = await desk.preview("ada@contoso.example", settings={"remove_groups": True})

    show_plan(paper, preview.tenant, preview.offboardings)

    assert "[bold]Sales[/bold]" in text_of(paper)


async def test_a_result_gives_the_verdict_and_each_tasks_end(desk: Desk, paper: Console) -> None:
    records = await desk.offboard("ada@contoso.example", settings={"disable_sign_in": True, "remove_rules": True})

    show_result(paper, records)

    assert "Completed. 1 change made and verified" in text_of(paper)
    assert "read back" in text_of(paper)


async def test_without_a_terminal_each_task_that_ends_is_one_line(desk: Desk, paper: Console) -> None:
    await desk.offboard(
        "ada@contoso.example", settings={"disable_sign_in": True}, on_event=PlainLines(paper, several=False)
    )

    (line,) = text_of(paper).splitlines()
    assert "Disable sign-in: verified (1 change" in line


async def test_plan_and_result_say_how_far_a_look_by_the_index_went(desk: Desk, world: World, paper: Console) -> None:
    await build_index(desk.house, world.id, "worker")

    planned = await desk.preview("ada@contoso.example", settings=RIGHTS)
    show_plan(paper, planned.tenant, planned.offboardings)
    assert "Looked at 0 of 2 mailboxes" in text_of(paper)
    paper.file = io.StringIO()
    show_result(paper, await desk.offboard("ada@contoso.example", settings=RIGHTS))

    shown = text_of(paper)
    assert "Looked at 0 of 2 mailboxes" in shown
    assert "full scan" in shown
    assert max(map(len, shown.splitlines())) <= 80


async def test_what_stands_still_says_why_and_how_to_decide_it(desk: Desk, paper: Console) -> None:
    (record,) = (await desk.preview("ada@contoso.example", settings={"disable_sign_in": True})).offboardings
    record.notes = [blocker("plan_changed", "New: group Sales. Nothing was changed.", "accept")]

    show_result(paper, [record])

    shown = text_of(paper)
    assert "New: group Sales. Nothing was changed." in shown
    assert f"leaver retry {record.id} --decide plan_changed=accept" in shown
