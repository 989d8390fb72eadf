"""Setting a one-time code up in the portal, and signing in with it."""

from __future__ import annotations

import re

import pyotp

from leaver.access.accounts import Accounts
from leaver.access.codes import Codes
from leaver.access.people import People
from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.domain.actor import Actor
from leaver.wiring import House
from web.conftest import PASSWORD, Browser


def secret_of(html: str) -> str:
    found = re.search(r'mono mt-1">([A-Z2-7 ]+)<', html)
    assert found is not None
    return found[1].replace(" ", "")


async def set_up(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    totp = pyotp.TOTP(secret_of(await browser.open("/code")))
    await browser.post(code=totp.now(), password=PASSWORD)
    return totp, re.findall(r"<li>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</li>", browser.html)


async def test_a_code_is_set_up_used_and_turned_off(browser: Browser) -> None:
    totp, recovery = await set_up(browser)
    shown = browser.html
    await browser.open("/")
    await browser.post("/signout")
    await browser.sign_in()
    without = browser.html
    await browser.post("/signin", username="admin", password=PASSWORD, code=recovery[0])
    inside = browser.path
    await browser.open("/code")
    await browser.post(code=recovery[1], password=PASSWORD)

    assert len(recovery) == 10
    assert "never again" in shown
    assert totp.secret not in shown
    assert "the code is wrong" in without
    assert inside == "/"
    assert "Scan this" in browser.html


async def test_the_picture_is_drawn_here_and_runs_nothing(browser: Browser) -> None:
    html = await browser.open("/code")

    picture = re.search(r"<svg[^>]*qr.*?</svg>", html, re.DOTALL)
    assert picture is not None
    assert "style=" not in picture[0]
    assert "http" not in picture[0].replace("http://www.w3.org/2000/svg", "")


async def test_it_takes_the_password_and_the_right_code(browser: Browser, house: House) -> None:
    totp = pyotp.TOTP(secret_of(await browser.open("/code")))

    await browser.post(code=totp.now(), password="wrong")
    wrong_password = browser.html
    await browser.post(code="1", password=PASSWORD)
    wrong_code = browser.html

    assert "is wrong" in wrong_password
    assert "not the one" in wrong_code
    (account,) = await house.papers.all("account")
    assert "code" not in account


async def test_turning_it_on_ends_the_other_sessions(browser: Browser, house: House) -> None:
    admin = Person("admin", Role.ADMINISTRATOR, None, "portal")
    sessions = Sessions(house.papers)
    other = await sessions.open(admin, account="admin")
    stranger = await sessions.open(admin)

    await set_up(browser)

    assert await sessions.of(other) is None
    assert await sessions.of(stranger) is not None
    assert "Offboardings" in await browser.open("/")


async def test_changing_the_password_ends_the_other_sessions(browser: Browser, house: House) -> None:
    sessions = Sessions(house.papers)
    other = await sessions.open(Person("admin", Role.ADMINISTRATOR, None, "portal"), account="admin")
    await browser.open("/password")

    await browser.post(old=PASSWORD, new="another password of the tests")

    assert await sessions.of(other) is None
    assert browser.path == "/"


async def test_another_administrator_turns_a_lost_code_off(browser: Browser, house: House) -> None:
    members = People(house.papers, house.audit)
    first = await members.add("bea", Role.OPERATOR, [], Actor("admin"))
    codes = Codes(house.papers, house.vault, house.audit)
    await codes.confirm("bea", pyotp.TOTP((await codes.begin("bea")).secret).now(), Actor("bea"))
    shown = await browser.open("/settings/people")

    await browser.post(name="bea", do="code")

    assert "Turn one-time code off" in shown
    assert not (await members.get("bea")).has_code
    assert (await Accounts(house.papers, house.audit, codes).check("bea", first))[0].role is Role.OPERATOR
