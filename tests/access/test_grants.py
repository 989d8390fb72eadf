"""What an identity provider's word is worth."""

from __future__ import annotations

import pytest

from leaver.access.grants import Granted, Grants, Kind
from leaver.access.roles import Role
from leaver.domain.errors import Unusable
from leaver.store.tenants import KnownTenant

KNOWN = [
    KnownTenant("id-a", "a.example", "A", ["a.example", "a.onmicrosoft.example"]),
    KnownTenant("id-b", "b.example"),
]


def held(*texts: str) -> set[tuple[Kind, str]]:
    return {(Kind(kind), value) for kind, _, value in (text.partition(":") for text in texts)}


def test_nothing_is_granted_that_nobody_wrote_down() -> None:
    grants = Grants.read("role:Leaver.Operator=operator")

    assert grants.of(held("group:Leaver.Operator", "client:x", "role:Leaver"), KNOWN) is None
    assert Grants.read("").of(held("role:Leaver.Operator"), KNOWN) is None


def test_the_first_that_fits_gives_the_role() -> None:
    grants = Grants.read("group:g1=viewer; role:Leaver.Admin=administrator")

    assert grants.of(held("role:leaver.admin", "group:G1"), KNOWN) == Granted(Role.VIEWER, None)


def test_tenants_of_one_role_add_up_and_those_of_another_do_not() -> None:
    grants = Grants.read("group:1=operator@A.onmicrosoft.example\ngroup:2=operator@id-b\ngroup:3=viewer")

    assert grants.of(held("group:1", "group:3"), KNOWN) == Granted(Role.OPERATOR, frozenset({"id-a"}))
    assert grants.of(held("group:1", "group:2"), KNOWN) == Granted(Role.OPERATOR, frozenset({"id-a", "id-b"}))


def test_a_tenant_that_is_not_there_is_none_and_not_all() -> None:
    grants = Grants.read("client:c=administrator@gone.example")

    assert grants.of(held("client:c"), KNOWN) == Granted(Role.ADMINISTRATOR, frozenset())


@pytest.mark.parametrize(
    "line",
    [
        "operator",
        "role:x",
        "role:=viewer",
        "role:x=root",
        "team:x=viewer",
        "role:x=viewer@",
        "role:x=viewer@,",
        "=viewer",
    ],
)
def test_what_is_not_understood_is_refused_and_named(line: str) -> None:
    with pytest.raises(Unusable, match="LEAVER_GRANTS") as caught:
        Grants.read(f"role:good=viewer; {line}")

    assert line in caught.value.message
