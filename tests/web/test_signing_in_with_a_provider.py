"""Signing in at an identity provider: a browser, the portal, and a provider that is a server of its own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest

import identity_provider
from identity_provider import CLIENT, CLIENT_SECRET, Provider
from leaver.app import create
from leaver.m365.http import Http
from leaver.wiring import House
from web.conftest import Browser

ORIGIN = "https://leaver.test"
GRANTS = "group:g-operators=operator@contoso.example; role:Leaver.Administrator=administrator; subject:eve-1=viewer"


class Person(Browser):
    """A browser that follows a sign-in to the provider and back."""

    def __init__(self, client: httpx.AsyncClient, provider: Provider) -> None:
        super().__init__(client)
        self.provider = provider

    async def leave(self, next_page: str = "/") -> str:
        """To the provider; the address that it sends the browser back to."""
        answer = await self.client.get("/signin/provider", params={"next": next_page})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{self.provider.issuer}/authorize?")
        async with httpx.AsyncClient(trust_env=False) as world:
            return str((await world.get(answer.headers["location"])).headers["location"])

    async def through(self, next_page: str = "/", change: Callable[[dict[str, str]], None] = lambda _: None) -> str:
        """All the way; `change` may spoil what comes back."""
        parts = urlsplit(await self.leave(next_page))
        said = {name: values[0] for name, values in parse_qs(parts.query).items()}
        change(said)
        return await self.open(urlunsplit(parts._replace(query=urlencode(said))))


@pytest.fixture
def provider() -> Any:
    with identity_provider.running() as found:
        found.person |= {"groups": ["g-operators"]}
        yield found


@pytest.fixture
async def person(house: House, provider: Provider) -> AsyncIterator[Person]:
    """Somebody in front of a portal that knows the provider."""
    config = replace(
        house.config,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=CLIENT_SECRET,
        api_audience=CLIENT,
        public_url=ORIGIN,
        grants=GRANTS,
    )
    http = Http()
    app = create(house=replace(house, config=config), provider=http, works=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield Person(client, provider)
    await http.aclose()


async def entries(house: House) -> list[tuple[str, str]]:
    return [(entry["what"], entry["actor"]) async for entry in house.audit.entries()]


async def test_somebody_signs_in_and_comes_to_the_page_they_wanted(person: Person, house: House) -> None:
    assert "/signin/provider?next=/tenants" in await person.open("/tenants")

    await person.through("/tenants")

    assert person.path == "/tenants"
    assert "Contoso" in person.html
    assert "Role: Operator" in person.html
    assert "ann@msp.example" in person.html
    assert ("sign_in", "ann@msp.example") in await entries(house)


async def test_a_provider_that_changed_its_key_lets_people_in(
    person: Person, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaver.access.issuer.PAUSE", 0.0)
    await person.through("/tenants")
    person.client.cookies.clear()
    provider.rotate("second", alg="RS256")
    del provider.keys["first"]

    await person.through("/tenants")

    assert person.path == "/tenants"
    assert provider.count("/keys") == 2


async def test_the_cookies_are_for_the_server_only_and_for_https(person: Person) -> None:
    answer = await person.client.get("/signin/provider")
    set_aside = answer.headers["set-cookie"].lower()
    back = await person.leave()
    let_in = await person.client.get(back)

    for cookie in (set_aside, *(each.lower() for each in let_in.headers.get_list("set-cookie") if "leaver=" in each)):
        assert "httponly" in cookie
        assert "secure" in cookie
        assert "samesite=lax" in cookie


async def test_nothing_secret_stands_in_the_addresses(person: Person, provider: Provider) -> None:
    await person.through()

    ((_, _, asked),) = [each for each in provider.asked if each[1] == "/authorize"]
    ((_, _, form),) = [each for each in provider.asked if each[1] == "/token"]
    assert CLIENT_SECRET not in str(asked)
    assert form["code_verifier"] not in str(asked)
    assert len({asked["state"], asked["nonce"], asked["code_challenge"], form["code_verifier"]}) == 4
    assert asked["redirect_uri"] == f"{ORIGIN}/signin/callback"


async def test_a_provider_that_wants_the_secret_in_a_header_gets_it_there(person: Person, provider: Provider) -> None:
    provider.methods = ()

    await person.through()

    assert person.path == "/"


async def test_what_comes_back_counts_in_the_browser_that_began(person: Person, house: House) -> None:
    back = await person.leave()
    person.client.cookies.clear()

    await person.open(back)

    assert person.page.status_code == 401
    assert "was not begun in this browser" in person.html
    assert await house.papers.all("session") == []


def spoil(name: str, value: str) -> Callable[[dict[str, str]], None]:
    return lambda said: said.update({name: value})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (spoil("state", "other"), "not begun in this browser"),
        (spoil("code", "other"), "did not answer as it should"),
        (spoil("code", ""), "did not sign you in"),
        (spoil("iss", "https://evil.example"), "Another identity provider"),
        (spoil("error", "access_denied"), "sign-in was canceled"),
        (spoil("error", "<script>"), "did not sign you in"),
    ],
)
async def test_an_answer_that_is_not_as_it_should_be_lets_nobody_in(
    person: Person, house: House, change: Callable[[dict[str, str]], None], why: str
) -> None:
    await person.through(change=change)

    assert why in person.html
    assert "<script>" not in person.html.replace('<script type="module"', "")
    assert person.page.status_code in (401, 503)
    assert await house.papers.all("session") == []


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": None},
    ],
)
async def test_an_id_token_that_is_not_as_it_should_be_lets_nobody_in(
    person: Person, provider: Provider, house: House, claims: dict[str, Any]
) -> None:
    provider.id_token = claims

    await person.through()

    assert person.page.status_code == 401
    assert await house.papers.all("session") == []


async def test_a_code_is_taken_once(person: Person, house: House) -> None:
    back = await person.leave()
    kept = dict(person.client.cookies)
    await person.open(back)
    person.client.cookies.clear()
    for name, value in kept.items():
        person.client.cookies.set(name, value)

    await person.open(back)

    assert person.page.status_code == 503
    assert len(await house.papers.all("session")) == 1


async def test_who_was_granted_nothing_gets_nothing_and_is_written_down(
    person: Person, provider: Provider, house: House
) -> None:
    provider.person["groups"] = ["g-others"]

    await person.through()

    assert person.page.status_code == 403
    assert "Your account has no role in Leaver" in person.html
    assert ("sign_in.refused", "ann@msp.example") in await entries(house)
    assert await house.papers.all("session") == []


async def test_too_many_groups_are_told_apart_from_none(person: Person, provider: Provider) -> None:
    del provider.person["groups"]
    provider.person["_claim_names"] = {"groups": "src1"}
    provider.userinfo = {"sub": "ann-1"}

    await person.through()

    assert "more groups than Microsoft names" in person.html


async def test_groups_that_only_userinfo_tells_count(person: Person, provider: Provider) -> None:
    del provider.person["groups"]
    provider.userinfo = {"sub": "ann-1", "groups": ["g-operators"]}

    await person.through()

    assert "Role: Operator" in person.html


async def test_userinfo_of_somebody_else_counts_for_nobody(person: Person, provider: Provider) -> None:
    del provider.person["groups"]
    provider.userinfo = {"sub": "bob-1", "roles": ["Leaver.Administrator"]}

    await person.through()

    assert person.page.status_code == 401


async def test_limits_to_tenants_hold(person: Person, provider: Provider, house: House) -> None:
    await person.through()
    limited = await person.open("/defaults/organization")
    provider.person = {"sub": "eve-1", "name": "admin", "preferred_username": "admin"}
    provider.userinfo = {"sub": "eve-1"}
    await person.through()

    assert "Not allowed" in limited
    assert "Role: Viewer" in person.html
    assert "admin@127.0.0.1" in person.html


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x", ""]
)
async def test_nobody_is_sent_to_another_site(person: Person, target: str) -> None:
    answer = await person.client.get(await person.leave(target))

    assert answer.headers["location"] == "/"


async def test_a_spoiled_cookie_leads_home(person: Person) -> None:
    back = await person.leave("/tenants")
    secret, _, _ = person.client.cookies["leaver-sign-in"].partition(".")
    person.client.cookies.clear()
    person.client.cookies.set("leaver-sign-in", f"{secret}.////")

    assert (await person.client.get(back)).headers["location"] == "/"


async def test_signing_out_ends_the_session_and_offers_the_providers_own(person: Person, house: House) -> None:
    await person.through()
    await person.post("/signout")
    page = person.html
    there = await person.client.get("/signin/provider/out")

    assert "You are signed out of Leaver" in page
    assert "/signin/provider/out" in page
    assert there.headers["location"].startswith(f"{person.provider.issuer}/logout?")
    assert "leaver.test%2Fsignin" in there.headers["location"]
    assert await house.papers.all("session") == []


async def test_a_persons_password_is_not_ours_to_change(person: Person) -> None:
    await person.through()

    assert "/password" not in person.html
    assert "kept by your identity provider" in await person.open("/password")


async def test_a_provider_that_is_away_leaves_the_local_account(person: Person, provider: Provider) -> None:
    provider.down = True

    html = await person.open("/signin/provider")

    assert person.page.status_code == 503
    assert "did not answer" in html
    assert 'name="password"' in html


async def test_without_a_provider_there_is_no_button_and_no_way(stranger: Browser) -> None:
    html = await stranger.open("/signin")
    gone = await stranger.client.get("/signin/provider")

    assert "/signin/provider" not in html
    assert gone.status_code == 404
    assert re.search(r"No identity provider", gone.text)
