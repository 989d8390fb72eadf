"""Which programs come in with a JWT, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from identity_provider import CLIENT, Provider
from leaver.access.grants import Grants
from leaver.access.issuer import Issuer
from leaver.access.programs import Programs
from leaver.access.roles import Person, Role
from leaver.domain.errors import Denied, NotSignedIn
from leaver.m365.http import Http
from leaver.wiring import House

GRANTS = """
client:prog-1=operator@contoso.example
role:Leaver.Audit=auditor
subject:service-uuid=viewer
subject:ann-1=administrator
"""


@pytest.fixture
def programs(provider: Provider, http: Http, house: House) -> Programs:
    return Programs(Issuer(provider.issuer, http), f"api://{CLIENT}", Grants.read(GRANTS), house.tenants)


async def test_a_program_that_is_named_gets_its_role_in_its_tenants(
    provider: Provider, programs: Programs, house: House
) -> None:
    (tenant,) = await house.tenants.all()

    found = await programs.check(provider.program(), "192.0.2.1")

    assert found == Person("program prog-1", Role.OPERATOR, frozenset({tenant.id}), "api", "192.0.2.1")


V1: dict[str, Any] = {"azp": None, "appid": "prog-1", "idtyp": None, "aud": f"api://{CLIENT}"}
OWN = [
    V1,
    {"idtyp": None},
    {"azp": None, "client_id": "prog-1", "sub": "prog-1", "oid": None, "idtyp": None},
    {"azp": "prog-1", "sub": "prog-1@clients", "oid": None, "idtyp": None},
    {"azp": None, "cid": "prog-1", "sub": "prog-1", "oid": None, "idtyp": None, "scp": ["leaver"]},
]


@pytest.mark.parametrize("claims", OWN, ids=["entra 1", "entra 2", "rfc 9068", "auth0", "okta"])
async def test_client_credentials_of_every_common_provider_are_known(
    provider: Provider, programs: Programs, claims: dict[str, Any]
) -> None:
    assert (await programs.check(provider.program(**claims))).role is Role.OPERATOR


async def test_an_app_role_counts_too(provider: Provider, programs: Programs) -> None:
    found = await programs.check(provider.program(azp="prog-2", roles=["Other", "Leaver.Audit"]))

    assert (found.role, found.tenants) == (Role.AUDITOR, None)


async def test_a_program_that_nobody_granted_a_thing_is_denied(provider: Provider, programs: Programs) -> None:
    with pytest.raises(Denied) as caught:
        await programs.check(provider.program(azp="prog-2", roles=["Leaver"]))

    assert "client:prog-2" in caught.value.advice


OF_PEOPLE = [
    {"idtyp": "user"},
    {"idtyp": None, "sub": "pairwise", "scp": "access_as_user"},
    {"idtyp": None, "scp": "access_as_user"},
    {"nonce": "n"},
    {"at_hash": "h"},
    {"typ": "ID"},
    {"azp": None},
    {"idtyp": None, "sub": "ann-1", "oid": None, "preferred_username": "ann"},
    {"idtyp": None, "sub": "ann-1", "oid": None, "preferred_username": "ann", "roles": ["Leaver.Audit"]},
]


@pytest.mark.parametrize("claims", OF_PEOPLE)
async def test_a_persons_token_does_not_open_the_api(
    provider: Provider, programs: Programs, claims: dict[str, Any]
) -> None:
    with pytest.raises(NotSignedIn, match="speaks for a person"):
        await programs.check(provider.program(**claims))


async def test_where_it_cannot_be_told_only_the_subject_counts(provider: Provider, programs: Programs) -> None:
    unsure = {"idtyp": None, "oid": None, "preferred_username": "service-account-prog-1", "roles": ["Leaver.Audit"]}

    found = await programs.check(provider.program(**unsure, sub="service-uuid"))

    assert found.role is Role.VIEWER
    with pytest.raises(Denied):
        await programs.check(provider.program(**unsure, sub="another"))
