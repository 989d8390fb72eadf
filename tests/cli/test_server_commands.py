"""`leaver undo`, `leaver token` and `leaver db rotate-key` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from leaver.cli import main


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A terminal with an empty data folder."""
    monkeypatch.setenv("LEAVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_a_token_is_made_with_the_promised_shape_and_revoked(runner: CliRunner) -> None:
    made = runner.invoke(main, ["token", "create", "--name", "Halo", "--role", "viewer", "--expires", "30d", "--json"])
    token = json.loads(made.stdout)
    listed = runner.invoke(main, ["token", "list"]).stdout
    revoked = runner.invoke(main, ["token", "revoke", token["id"]])

    assert set(token) == {"id", "name", "token", "role", "tenants", "expires_at"}
    assert token["id"] in listed
    assert token["token"] not in listed
    assert revoked.exit_code == 0
    assert "no tokens" in runner.invoke(main, ["token", "list"]).stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--name", "x", "--role", "viewer", "--expires", "soon"],
        ["--name", "x", "--role", "viewer", "--expires", "0d"],
        ["--name", " ", "--role", "viewer"],
        ["--name", "x", "--role", "viewer", "--tenant", "nowhere.example"],
        ["--name", "x", "--role", "king"],
    ],
)
def test_a_bad_token_is_refused(runner: CliRunner, words: list[str]) -> None:
    assert runner.invoke(main, ["token", "create", *words]).exit_code == 2
    assert json.loads(runner.invoke(main, ["token", "list", "--json"]).stdout) == {"tokens": []}


def test_an_unknown_offboarding_cannot_be_undone(runner: CliRunner) -> None:
    answer = runner.invoke(main, ["undo", "nothing", "--yes"])

    assert answer.exit_code == 2
    assert "no offboarding" in answer.output


def test_the_key_is_renewed(runner: CliRunner, tmp_path: Path) -> None:
    assert runner.invoke(main, ["db", "rotate-key"]).exit_code == 0
    first = (tmp_path / "data" / "secret.key").read_text()
    assert json.loads(runner.invoke(main, ["db", "rotate-key", "--json"]).stdout) == {"sealed": 0}
    assert (tmp_path / "data" / "secret.key").read_text() != first
