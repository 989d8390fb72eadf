"""`leaver undo`, `leaver token` and `leaver db rotate-key` at the command line."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from leaver.cli import main
from leaver.domain.errors import StoreAway
from leaver.store.audit import Audit


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


def test_a_server_on_a_newer_database_says_so_and_does_not_start(runner: CliRunner, tmp_path: Path) -> None:
    runner.invoke(main, ["status"])
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "leaver.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    answer = runner.invoke(main, ["serve"])

    assert answer.exit_code == 2
    assert "made by a newer one" in answer.stderr
    assert "listens" not in answer.stderr


def test_an_export_of_the_trail_is_whole_or_not_there(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Halo", "Autotask"):
        runner.invoke(main, ["token", "create", "--name", name, "--role", "viewer"])
    said = runner.invoke(main, ["audit", "export"]).stdout
    out = tmp_path / "audit.jsonl"

    assert runner.invoke(main, ["audit", "export", "--out", str(out)]).exit_code == 0
    assert [json.loads(line)["number"] for line in said.splitlines()] == [1, 2]
    assert out.read_text() == said

    async def breaks_off(_: Audit) -> AsyncIterator[dict[str, Any]]:
        yield {"number": 1}
        raise StoreAway("The database went away.")

    monkeypatch.setattr(Audit, "entries", breaks_off)
    assert runner.invoke(main, ["audit", "export", "--out", str(out)]).exit_code != 0
    assert out.read_text() == said
    assert {each.name for each in tmp_path.iterdir()} == {"audit.jsonl", "data"}
