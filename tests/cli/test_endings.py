"""Exit statuses and errors that scripts rely on; none of these gets as far as changing anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaver.cli import main

TENANT = "8a8bf9e1-05c4-4f6e-9d2b-1f4a8f0c7d11"


@pytest.fixture
def leaver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs the command line with an empty data folder and services that nobody answers for."""
    monkeypatch.chdir(tmp_path)
    environment = {
        "LEAVER_DATA_DIR": str(tmp_path / "data"),
        "LEAVER_CLOUD": "custom",
        "LEAVER_LOGIN_URL": "http://127.0.0.1:9/login",
        "LEAVER_GRAPH_URL": "http://127.0.0.1:9/graph",
        "LEAVER_EXCHANGE_URL": "http://127.0.0.1:9/exchange",
        "LEAVER_CLIENT_ID": "app",
        "LEAVER_CLIENT_SECRET": "not-a-secret",
    }

    def run(*words: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, list(words), input=stdin, env=environment)

    return run


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, leaver.cli; print(*[m for m in sys.modules if m.split('.')[0] in sys.argv[1:]])"
    heavy = ["rich", "httpx", "pydantic", "msal", "jinja2", "asyncio_"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["plan", "contoso.example", "ada@contoso.example"], "No settings are given"),
        (["plan", "contoso.example", "a@b.example", "--settings", "none.json"], "none.json cannot be read"),
        (["plan", "contoso.example", "a@b.example", "--settings", "-"], "no valid JSON"),
        (["offboard", "contoso.example"], "Name users"),
        (["offboard", "t.example", "a@b.example", "--at", "tomorrow"], "is no date and time"),
        (["offboard", "t.example", "a@b.example", "--at", "2026-12-01T17:00"], "time zone"),
        (["offboard", "t.example", "a@b.example", "--at", "2020-12-01T17:00+01:00"], "has passed"),
        (["offboard", "t.example", "a@b.example", "--at", "2999-12-01T17:00 Mars/Base"], "is no time zone"),
        (["offboard", "t.example", "a@b.example", "--at", "2999-12-01T17:00 Europe/Paris"], "No settings are given"),
        (["retry", "nope"], "There is no offboarding"),
        (["cancel", "nope"], "There is no offboarding"),
        (["prune", "--older-than", "soon"], "is no span of time"),
        (["offboard", "contoso.example", "--csv", "none.csv"], "none.csv cannot be read"),
        (["tenant", "add", "contoso"], "is no tenant id"),
        (["tenant", "remove", "contoso.example"], "does not know the tenant"),
        (["users", "contoso.example"], "does not know the tenant"),
        (["status", "abc"], "There is no offboarding"),
        (["report", "abc"], "There is no offboarding"),
        (["licenses", "refresh", "--file", "none.csv"], "none.csv cannot be read"),
        (["fly"], "No such command"),
    ],
)
def test_unusable_input_is_one_sentence_and_status_2(leaver, words: list[str], sentence: str) -> None:  # type: ignore[no-untyped-def]
    done = leaver(*words)

    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("words", [["plan", "t", "u"], ["status", "abc"], ["users", "t", "--limit", "no"], ["plan"]])
def test_with_json_an_error_is_the_one_document(leaver, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    done = leaver(*words, "--json")

    assert done.exit_code == 2
    assert set(json.loads(done.stdout)["error"]) >= {"code", "message", "advice", "request_id"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("{", "no valid JSON"),
        ("[]", "must hold a JSON object"),
        ('{"fly": true}', "'fly' is no task"),
        ('{"disable_sign_in": false}', "No task is chosen"),
        ('{"forward_mail": {"to": "b@t.example"}, "disable_forwarding": true}', "undo each other"),
        ('{"settings": [], "decisions": {}}', "must be JSON objects"),
        ('{"settings": {}, "decisions": {"a": 1}}', "must be a string"),
    ],
)
def test_malformed_settings_are_refused_before_anything_is_asked(leaver, settings: str, sentence: str) -> None:  # type: ignore[no-untyped-def]
    done = leaver("plan", "contoso.example", "ada@contoso.example", "--settings", "-", stdin=settings)

    assert done.exit_code == 2
    assert sentence in done.stderr


def test_a_decision_without_a_choice_is_refused(leaver) -> None:  # type: ignore[no-untyped-def]
    done = leaver("plan", "t", "u", "--settings", "-", "--decide", "last_owner", stdin='{"disable_sign_in": true}')

    assert "not of the form CODE=CHOICE" in done.stderr


def test_tenants_can_be_added_unseen_listed_and_removed(leaver) -> None:  # type: ignore[no-untyped-def]
    added = leaver("tenant", "add", TENANT, "--domain", "contoso.example", "--unseen", "--json")
    listed = leaver("tenant", "list", "--json")
    removed = leaver("tenant", "remove", "CONTOSO.example")

    assert [added.exit_code, listed.exit_code, removed.exit_code] == [0, 0, 0]
    assert json.loads(listed.stdout)["tenants"][0]["id"] == TENANT
    assert json.loads(leaver("tenant", "list", "--json").stdout) == {"tenants": []}


def test_every_task_is_listed_with_the_shape_of_its_setting(leaver) -> None:  # type: ignore[no-untyped-def]
    from leaver.tasks.catalogue import all_tasks

    done = leaver("tasks", "--json")

    listed = json.loads(done.stdout)["tasks"]
    assert [item["task"] for item in listed] == [task.name for task in all_tasks()]
    assert next(item for item in listed if item["task"] == "disable_sign_in")["setting"] == "true"
    assert next(item for item in listed if item["task"] == "forward_mail")["setting"] == "{to, keep_copy?}"


def test_an_empty_house_says_what_to_do(leaver) -> None:  # type: ignore[no-untyped-def]
    assert "leaver tenant add" in leaver("tenant", "list").stdout
    assert "No offboardings yet" in leaver("status").stdout
