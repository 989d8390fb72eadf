"""What the doors keep, what is preset, and what is sealed, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.store.audit import Audit
from leaver.store.database import Database
from leaver.store.defaults import ORGANIZATION, Defaults, Effective, effective
from leaver.store.papers import Papers
from leaver.store.vault import Keys, Vault

WHO = Actor("Tess", "portal", "192.0.2.7")
TENANT = "11111111-1111-1111-1111-111111111111"


async def test_a_paper_is_kept_replaced_and_taken_once(database: Database) -> None:
    papers = Papers(database)
    await papers.put("draft", "a", {"step": 1})
    await papers.put("draft", "a", {"step": 2})
    await papers.put("token", "a", {"other": True})

    assert await papers.all("draft") == [{"step": 2}]
    assert await papers.take("draft", "a") == {"step": 2}
    assert await papers.take("draft", "a") is None
    assert await papers.get("token", "a") == {"other": True}


async def test_a_paper_is_changed_by_one_at_a_time(database: Database) -> None:
    papers = Papers(database)
    await papers.put("account", "a", {"count": 0})

    def count(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"count": document["count"] + 1}

    await asyncio.gather(*(papers.change("account", "a", count) for _ in range(20)))

    assert await papers.get("account", "a") == {"count": 20}


async def test_a_paper_that_is_gone_is_not_brought_back_by_a_change(database: Database) -> None:
    papers = Papers(database)
    await papers.put("session", "old", {}, expires_at=datetime.now(UTC) - timedelta(seconds=5))
    later = datetime.now(UTC) + timedelta(minutes=5)

    assert await papers.change("session", "old", dict, expires_at=later) is None
    assert await papers.change("session", "never", dict, expires_at=later) is None
    assert await papers.all("session") == []


async def test_a_change_keeps_the_moment_it_expires_or_moves_it(database: Database) -> None:
    papers = Papers(database)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    await papers.put("session", "kept", {}, expires_at=soon)
    await papers.put("session", "moved", {}, expires_at=soon)

    await papers.change("session", "kept", lambda _: {"a": 1})
    await papers.change("session", "moved", lambda _: {"b": 1}, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert await papers.all("session") == [{"a": 1}]


async def test_an_expired_paper_is_gone(database: Database) -> None:
    papers = Papers(database)
    await papers.put("session", "old", {}, expires_at=datetime.now(UTC) - timedelta(seconds=5))
    await papers.put("session", "young", {"a": 1}, expires_at=datetime.now(UTC) + timedelta(minutes=5))

    assert await papers.get("session", "old") is None
    assert await papers.all("session") == [{"a": 1}]


async def test_defaults_are_kept_with_who_changed_them(database: Database) -> None:
    audit = Audit(database)
    defaults = Defaults(database, audit)
    await defaults.save(ORGANIZATION, {"disable_sign_in": {"value": True, "locked": True}}, WHO)
    await defaults.save(TENANT, {"remove_groups": {"value": True, "locked": True}}, WHO)

    assert await defaults.get(ORGANIZATION) == {"disable_sign_in": {"value": True, "locked": True}}
    assert await defaults.get(TENANT) == {"remove_groups": {"value": True, "locked": False}}
    assert await defaults.get("other") == {}
    assert [entry["what"] async for entry in audit.entries()] == ["defaults.changed"] * 2


def test_a_tenant_overrules_what_is_not_locked() -> None:
    """H11: one order of precedence, and each preset says where it comes from."""
    organization = {"a": {"value": True, "locked": True}, "b": {"value": True}, "c": {"value": True}}

    assert effective(organization, {"a": {"value": False}, "b": {"value": False}}) == {
        "a": Effective(True, "organization", locked=True),
        "b": Effective(False, "tenant", locked=False),
        "c": Effective(True, "organization", locked=False),
    }


async def test_a_secret_is_sealed_and_survives_a_new_key(database: Database, tmp_path: Path) -> None:
    vault = Vault(database, Keys(tmp_path))
    await vault.put("webhook", "s3cret-of-the-webhook")
    before = (tmp_path / "secret.key").read_text()
    async with database.begin() as connection:
        sealed = (await connection.execute(text("SELECT sealed FROM secrets"))).scalar_one()

    assert await vault.rotate() == 1

    assert "s3cret" not in sealed
    assert (tmp_path / "secret.key").read_text() != before
    assert len((tmp_path / "secret.key").read_text().split()) == 1
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
    assert await vault.get("webhook") == "s3cret-of-the-webhook"
    assert await vault.get("other") is None


async def test_a_foreign_key_opens_nothing_and_says_so(database: Database, tmp_path: Path) -> None:
    await Vault(database, Keys(tmp_path / "one")).put("webhook", "s3cret")

    with pytest.raises(Unusable, match="cannot be opened"):
        await Vault(database, Keys(tmp_path / "two")).get("webhook")
    with pytest.raises(Unusable, match="not 32 bytes"):
        await Vault(database, Keys(tmp_path, "short")).get("webhook")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"not a key"])
def test_a_key_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)

    with pytest.raises(Unusable, match=r"secret\.key"):
        Keys(tmp_path).read()


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.key").mkdir()

    with pytest.raises(Unusable, match="cannot be read: Is a directory"):
        Keys(tmp_path).read()


async def test_what_is_sealed_while_the_key_changes_can_be_opened_afterwards(
    database: Database, tmp_path: Path
) -> None:
    vault = Vault(database, Keys(tmp_path))
    await vault.put("first", "one")

    names = [f"name {number}" for number in range(20)]
    some, others = ([vault.put(name, name) for name in part] for part in (names[:10], names[10:]))
    await asyncio.gather(*some, vault.rotate(), *others)

    assert [await vault.get(name) for name in names] == names
    assert await vault.get("first") == "one"
