"""One-time codes of local accounts, and guessing at them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from leaver.access.accounts import TRIES, Accounts
from leaver.access.codes import STEP, Codes
from leaver.access.people import People
from leaver.domain.actor import Actor
from leaver.domain.errors import NotSignedIn, Unusable
from leaver.wiring import House

TESTER = Actor("tester")


class Phone:
    """An authenticator app, and the time that it and Leaver agree on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.secret = ""

    def __call__(self) -> float:
        return self.now

    def shows(self, later: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(int(self.now) + later)


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def codes(house: House, phone: Phone) -> Codes:
    return Codes(house.papers, house.vault, house.audit, clock=phone)


@pytest.fixture
def accounts(house: House, codes: Codes) -> Accounts:
    return Accounts(house.papers, house.audit, codes)


@pytest.fixture
async def password(accounts: Accounts) -> str:
    made = await accounts.first()
    assert made is not None
    return made


@pytest.fixture
async def recovery(codes: Codes, phone: Phone, password: str) -> list[str]:
    """The administrator has set a code up; its recovery codes."""
    phone.secret = (await codes.begin("admin")).secret
    made = await codes.confirm("admin", phone.shows(), TESTER)
    phone.now += STEP
    return made


async def gets_in(accounts: Accounts, password: str, code: str = "") -> bool:
    try:
        await accounts.check("admin", password, code=code)
    except NotSignedIn:
        return False
    return True


async def test_setting_up_asks_for_the_code_that_the_app_shows(codes: Codes, phone: Phone, password: str) -> None:
    enrolment = await codes.begin("admin")
    phone.secret = pyotp.parse_uri(enrolment.uri).secret

    for wrong in ("", "000000x", "12345", phone.shows(600)):
        with pytest.raises(Unusable, match="not the one"):
            await codes.confirm("admin", wrong, TESTER)

    assert (await codes.begin("admin")).secret == enrolment.secret == phone.secret
    assert len(set(await codes.confirm("admin", phone.shows(), TESTER))) == 10


async def test_from_then_on_the_password_alone_is_not_enough(
    accounts: Accounts, phone: Phone, password: str, recovery: list[str]
) -> None:
    assert not await gets_in(accounts, password)
    assert not await gets_in(accounts, password, phone.shows(600))
    assert not await gets_in(accounts, "wrong", phone.shows())
    assert await gets_in(accounts, password, f" {phone.shows()[:3]} {phone.shows()[3:]}")


async def test_a_code_counts_once(accounts: Accounts, phone: Phone, password: str, recovery: list[str]) -> None:
    code = phone.shows()

    both = await asyncio.gather(gets_in(accounts, password, code), gets_in(accounts, password, code))

    assert sorted(both) == [False, True]
    assert not await gets_in(accounts, password, code)


async def test_the_code_that_set_it_up_and_an_older_one_are_used(
    accounts: Accounts, phone: Phone, password: str, recovery: list[str]
) -> None:
    newer, before = phone.shows(STEP), phone.shows()

    assert not await gets_in(accounts, password, phone.shows(-STEP))
    assert await gets_in(accounts, password, newer)
    assert not await gets_in(accounts, password, before)


@pytest.mark.parametrize(("later", "right"), [(-STEP, True), (STEP, True), (-2 * STEP, False), (2 * STEP, False)])
async def test_clocks_may_differ_by_half_a_minute(
    accounts: Accounts, phone: Phone, password: str, recovery: list[str], later: int, right: bool
) -> None:
    phone.now += 10 * STEP

    assert await gets_in(accounts, password, phone.shows(later)) == right


async def test_a_recovery_code_counts_once_however_it_is_typed(
    accounts: Accounts, house: House, password: str, recovery: list[str]
) -> None:
    typed = recovery[0].replace("-", " ").lower()

    both = await asyncio.gather(gets_in(accounts, password, typed), gets_in(accounts, password, recovery[0]))

    assert sorted(both) == [False, True]
    assert (await People(house.papers, house.audit).get("admin")).recovery_left == len(recovery) - 1


async def test_nothing_secret_is_kept_as_it_is(house: House, phone: Phone, password: str, recovery: list[str]) -> None:
    kept = str(await house.papers.keyed("account")) + str([entry async for entry in house.audit.entries()])
    database = (house.config.data_dir / "leaver.db").read_bytes()
    wal = house.config.data_dir / "leaver.db-wal"
    database += wal.read_bytes() if wal.exists() else b""

    for secret in (phone.secret, *recovery, *(code.replace("-", "") for code in recovery)):
        assert secret not in kept
        assert secret.encode() not in database


async def test_wrong_codes_lock_the_account_like_wrong_passwords(
    accounts: Accounts, house: House, phone: Phone, password: str, recovery: list[str]
) -> None:
    for _ in range(TRIES):
        assert not await gets_in(accounts, password, "000000")

    assert not await gets_in(accounts, password, phone.shows())
    assert not await gets_in(accounts, password, recovery[0])
    assert (await People(house.papers, house.audit).get("admin")).locked_until > datetime.now(UTC).isoformat()


async def test_guessing_side_by_side_gains_nothing(accounts: Accounts, password: str) -> None:
    got_in = await asyncio.gather(*(gets_in(accounts, f"guess {number}") for number in range(TRIES)))

    assert not any(got_in)
    assert not await gets_in(accounts, password)


async def test_the_last_try_may_be_the_right_one(accounts: Accounts, password: str) -> None:
    for _ in range(TRIES - 1):
        await gets_in(accounts, "wrong")

    assert await gets_in(accounts, password)
    assert await gets_in(accounts, password)


async def test_a_locked_account_opens_again_by_itself(accounts: Accounts, house: House, password: str) -> None:
    for _ in range(TRIES):
        await gets_in(accounts, "wrong")
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    await house.papers.change("account", "admin", lambda account: account | {"locked_until": past})

    assert await gets_in(accounts, password)


async def test_turning_it_off_leaves_nothing_of_it(
    accounts: Accounts, codes: Codes, house: House, phone: Phone, password: str, recovery: list[str]
) -> None:
    await codes.remove("admin", TESTER)

    assert await gets_in(accounts, password)
    assert (await house.vault.get("code:admin"), await house.vault.get("code-draft:admin")) == (None, None)
    assert (await codes.begin("admin")).secret != phone.secret


async def test_who_cannot_look_at_codes_lets_nobody_in_without_one(
    house: House, phone: Phone, password: str, recovery: list[str]
) -> None:
    assert not await gets_in(Accounts(house.papers, house.audit), password, phone.shows())


@pytest.mark.parametrize("name", ["", "nobody", "admin\0x", "x" * 500, "' or 1=1"])
async def test_a_name_that_nobody_has_is_refused(accounts: Accounts, password: str, name: str) -> None:
    with pytest.raises(NotSignedIn):
        await accounts.check(name, password)
