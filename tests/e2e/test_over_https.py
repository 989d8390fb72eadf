"""The command line as a person types it, against a simulator in a process of its own, over HTTPS."""

from __future__ import annotations

import json

import pytest

from e2e.terminal import SETTINGS, Terminal

pytestmark = pytest.mark.e2e


def test_plan_offboard_report(terminal: Terminal) -> None:
    who = (terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", terminal.settings)

    planned = terminal.leaver("plan", *who, "--json")
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert plan["tenant"]["id"] == terminal.tenant["id"]
    assert plan["digest"].startswith("sha256:")
    assert plan["offboardings"][0]["state"] == "planned"
    assert {task["task"] for task in plan["offboardings"][0]["tasks"]} == set(SETTINGS)

    done = terminal.leaver("offboard", *who, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["offboardings"][0]
    assert result["state"] in ("completed", "follow_up")

    page = terminal.folder / "report.html"
    report = terminal.leaver("report", result["id"], "--format", "html", "--out", str(page))
    assert report.returncode == 0, report.stderr
    assert "Adele Vance" in page.read_text(encoding="utf-8")

    again = json.loads(terminal.leaver("offboard", *who, "--yes", "--json").stdout)["offboardings"][0]
    assert [change for task in again["tasks"] for change in task["changes"] if change["made_at"]] == []


def test_tenant_check_says_what_would_work(terminal: Terminal) -> None:
    answer = terminal.leaver("tenant", "check", terminal.tenant["domain"])

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_nothing_is_done_without_a_confirmation(terminal: Terminal) -> None:
    who = (terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", terminal.settings)

    answer = terminal.leaver("offboard", *who)

    assert answer.returncode == 2
    assert "--yes" in answer.stderr


@pytest.mark.parametrize(
    ("change", "words", "status", "says"),
    [
        ({"LEAVER_CLIENT_CERTIFICATE": "", "LEAVER_CLIENT_SECRET": "zq-not-it-zq"}, (), 2, "AADSTS7000215"),
        ({"LEAVER_GRAPH_URL": "https://127.0.0.1:9/graph"}, (), 3, "Microsoft Graph"),
        ({}, ("nowhere.example", "ada@nowhere.example"), 2, "nowhere.example"),
        ({}, ("contoso.example", "nobody@contoso.example"), 2, "nobody@contoso.example"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    terminal: Terminal, change: dict[str, str], words: tuple[str, ...], status: int, says: str
) -> None:
    who = words or (terminal.tenant["domain"], terminal.tenant["leaver"])

    answer = terminal.leaver("plan", *who, "--settings", terminal.settings, **change)

    assert says in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "zq-not-it-zq" not in answer.stdout + answer.stderr
    assert answer.returncode == status


def test_malformed_settings_are_refused(terminal: Terminal) -> None:
    bad = terminal.write("bad.json", {"disable_signin": True})

    answer = terminal.leaver("plan", terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", bad)

    assert answer.returncode == 2
    assert "disable_sign_in" in answer.stderr


def test_undo_at_the_command_line_puts_back_and_proves_it(terminal: Terminal) -> None:
    wish = terminal.write("wish.json", {"disable_sign_in": True, "remove_groups": True})
    who = terminal.tenant["leaver"]
    words = ("offboard", terminal.tenant["domain"], who, "--settings", wish, "--yes", "--json")
    done = json.loads(terminal.leaver(*words).stdout)["offboardings"][0]

    plan = terminal.leaver("undo", done["id"], "--plan", "--json")
    undone = terminal.leaver("undo", done["id"], "--yes", "--json")
    again = terminal.leaver("undo", done["id"], "--yes", "--json")

    assert plan.returncode == 0, plan.stderr
    assert undone.returncode == 0, undone.stderr + undone.stdout
    (record,) = json.loads(undone.stdout)["offboardings"]
    assert record["state"] == "completed"
    assert record["kind"] == "undo"
    assert {task["outcome"] for task in record["tasks"]} <= {"verified", "already_in_place"}
    assert {t["outcome"] for t in json.loads(again.stdout)["offboardings"][0]["tasks"]} == {"already_in_place"}
