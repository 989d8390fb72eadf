"""Rights, tokens, accounts and sessions, without a door in front of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leaver.access.accounts import TRIES, Accounts
from leaver.access.roles import ALLOWED, Person, Right, Role, may, require
from leaver.access.sessions import Sessions
from leaver.access.tokens import Tokens
from leaver.domain.actor import Actor
from leaver.domain.errors import Denied, NotSignedIn, Unusable
from leaver.wiring import House

HERE, ELSEWHERE = "tenant-a", "tenant-b"
TESTER = Actor("tester")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("right", list(Right))
def test_nobody_has_a_right_in_a_tenant_that_is_not_theirs(role: Role, right: Right) -> None:
    limited = Person("someone", role, frozenset({HERE}))

    assert may(limited, right, HERE) == (right in ALLOWED[role])
    assert not may(limited, right, ELSEWHERE)


@pytest.mark.parametrize("right", [Right.MANAGE, Right.AUDIT])
def test_what_concerns_every_tenant_is_not_for_who_is_limited_to_some(right: Right) -> None:
    limited = Person("someone", Role.ADMINISTRATOR, frozenset({HERE}))

    with pytest.raises(Denied):
        require(limited, right)


async def test_a_token_is_kept_as_a_hash_and_only_that(house: House) -> None:
    tokens = Tokens(house.papers, house.audit)

    _, secret = await tokens.create("Halo", Role.VIEWER, TESTER)

    kept = str(await house.papers.keyed("token")) + str([entry async for entry in house.audit.entries()])
    assert len(secret) > 40
    assert secret not in kept
    assert secret.removeprefix("lvr_") not in kept


async def test_a_token_carries_its_role_and_limits(house: House) -> None:
    tokens = Tokens(house.papers, house.audit)
    _, secret = await tokens.create("Halo", Role.OPERATOR, TESTER, tenants=[HERE])

    person = await tokens.check(secret)

    assert person == Person("Halo", Role.OPERATOR, frozenset({HERE}), "api", "", behind=TESTER.name)


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-1], lambda text: text + "x", str.upper, lambda _: "lvr_", str.title]
)
async def test_almost_a_token_is_nobody(house: House, spoil) -> None:  # type: ignore[no-untyped-def]
    tokens = Tokens(house.papers, house.audit)
    _, secret = await tokens.create("Halo", Role.ADMINISTRATOR, TESTER)

    assert await tokens.check(spoil(secret)) is None


async def test_a_token_that_would_have_expired_already_is_refused(house: House) -> None:
    with pytest.raises(Unusable):
        await Tokens(house.papers, house.audit).create(
            "Halo", Role.VIEWER, TESTER, expires_at=datetime.now(UTC) - timedelta(seconds=1)
        )


async def test_a_cookie_is_kept_as_a_hash_and_worthless_after_signing_out(house: House) -> None:
    sessions = Sessions(house.papers)
    cookie = await sessions.open(Person("ann", Role.OPERATOR, frozenset({HERE}), "portal"))
    inside = await sessions.of(cookie)

    await sessions.close(cookie)

    assert inside is not None
    assert inside.person.tenants == frozenset({HERE})
    assert cookie not in str(await house.papers.keyed("session"))
    assert await sessions.of(cookie) is None
    assert not inside.allows("")


async def test_the_right_password_does_not_open_a_locked_account(house: House) -> None:
    accounts = Accounts(house.papers, house.audit)
    password = await accounts.first()
    assert password is not None
    for _ in range(TRIES):
        with pytest.raises(NotSignedIn):
            await accounts.check("admin", "wrong")

    with pytest.raises(NotSignedIn):
        await accounts.check("admin", password)


async def test_a_password_is_kept_nowhere_as_it_is(house: House) -> None:
    accounts = Accounts(house.papers, house.audit)
    password = await accounts.first()
    assert password is not None

    await accounts.change("admin", password, "correct horse battery staple")

    kept = str(await house.papers.keyed("account")) + str([entry async for entry in house.audit.entries()])
    assert password not in kept
    assert "correct horse" not in kept
