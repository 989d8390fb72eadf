"""`leaver account`: help for who has lost a password or a phone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner

from leaver.access.accounts import Accounts
from leaver.access.codes import Codes
from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.cli import main
from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.errors import NotSignedIn
from leaver.wiring import open_store


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A terminal; its administrator has a one-time code, is signed in, and has locked the account."""
    monkeypatch.setenv("LEAVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    async def prepare() -> None:
        async with open_store(Config.from_environment()) as store:
            codes = Codes(store.papers, store.vault, store.audit)
            accounts = Accounts(store.papers, store.audit, codes)
            await accounts.first()
            await codes.confirm("admin", pyotp.TOTP((await codes.begin("admin")).secret).now(), Actor("test"))
            await Sessions(store.papers).open(Person("admin", Role.ADMINISTRATOR), account="admin")
            for _ in range(5):
                with pytest.raises(NotSignedIn):
                    await accounts.check("admin", "wrong")

    asyncio.run(prepare())
    return CliRunner()


def gets_in(password: str) -> bool:
    async def ask() -> bool:
        async with open_store(Config.from_environment()) as store:
            codes = Codes(store.papers, store.vault, store.audit)
            try:
                await Accounts(store.papers, store.audit, codes).check("admin", password)
            except NotSignedIn:
                return False
            return True

    return asyncio.run(ask())


def sessions() -> int:
    async def count() -> int:
        async with open_store(Config.from_environment()) as store:
            return len(await store.papers.all("session"))

    return asyncio.run(count())


def test_the_list_says_what_there_is_and_no_secret(runner: CliRunner) -> None:
    text = runner.invoke(main, ["account", "list"]).stdout
    (account,) = json.loads(runner.invoke(main, ["account", "list", "--json"]).stdout)["accounts"]

    assert "10 recovery codes left" in text
    assert "locked until" in text
    assert set(account) == {"name", "role", "tenants", "new", "has_code", "recovery_left", "locked_until"}


def test_both_resets_let_somebody_in_again_and_end_the_sessions(runner: CliRunner) -> None:
    before = sessions()
    made = json.loads(runner.invoke(main, ["account", "reset-password", "Admin", "--json"]).stdout)
    with_code = gets_in(made["password"])

    answer = runner.invoke(main, ["account", "reset-code", "admin"])

    assert answer.exit_code == 0
    assert (before, sessions()) == (1, 0)
    assert not with_code
    assert gets_in(made["password"])


@pytest.mark.parametrize("command", ["reset-password", "reset-code"])
def test_an_account_that_is_not_there_is_named(runner: CliRunner, command: str) -> None:
    answer = runner.invoke(main, ["account", command, "nobody"])

    assert answer.exit_code == 2
    assert "nobody" in answer.output


def test_a_person_is_signed_out_everywhere_however_they_came(runner: CliRunner) -> None:
    async def come_in() -> None:
        async with open_store(Config.from_environment()) as store:
            for _ in range(2):
                await Sessions(store.papers).open(Person("ann@msp.example", Role.VIEWER))

    asyncio.run(come_in())

    ended = json.loads(runner.invoke(main, ["account", "sign-out", "Ann@MSP.example", "--json"]).stdout)

    assert ended == {"name": "Ann@MSP.example", "sessions": 2}
    assert sessions() == 1
