"""The known tenants, remembered for as long as nobody writes, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaver.domain.errors import Unusable
from leaver.store.database import Database
from leaver.store.tenants import KnownTenant, Tenants

CONTOSO = KnownTenant(
    "11111111-1111-1111-1111-111111111111", "contoso.example", "Contoso", ["contoso.example", "c.test"]
)
FABRIKAM = KnownTenant("22222222-2222-2222-2222-222222222222", "fabrikam.example", "", ["fabrikam.example"])


async def test_a_tenant_is_found_by_each_of_its_names(database: Database) -> None:
    tenants = Tenants(database)
    await tenants.save(CONTOSO)
    await tenants.save(FABRIKAM)

    for name in (CONTOSO.id.upper(), "Contoso.Example", " c.test "):
        assert await tenants.find(name) == CONTOSO
    for name in ("", "Contoso", "nowhere.example"):
        with pytest.raises(Unusable, match="does not know"):
            await tenants.find(name)
    assert await tenants.all() == [CONTOSO, FABRIKAM]


async def test_what_another_process_writes_is_known_at_once(database: Database, address: str) -> None:
    tenants, other = Tenants(database), Database(address)
    await tenants.save(CONTOSO)
    before = await tenants.find("contoso.example")

    await Tenants(other).save(replace(CONTOSO, protected={"a": "ada@contoso.example"}))
    after = await tenants.find("contoso.example")
    await Tenants(other).remove(CONTOSO.id)
    left = await tenants.all()

    await other.close()
    assert (before.protected, after.protected) == ({}, {"a": "ada@contoso.example"})
    assert left == []


async def test_a_reader_that_changes_what_it_got_changes_nothing_for_others(database: Database) -> None:
    tenants = Tenants(database)
    await tenants.save(CONTOSO)

    (await tenants.find("c.test")).protected["a"] = "ada@contoso.example"
    (await tenants.all())[0].domains.append("evil.example")

    assert await tenants.find("c.test") == CONTOSO
