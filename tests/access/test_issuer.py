"""Which tokens of an issuer are believed, and how its keys are kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from identity_provider import CLIENT, Provider
from leaver.access.issuer import KEPT, PAUSE, Issuer, authorities
from leaver.domain.errors import NotSignedIn, Refused, Unavailable, Unusable
from leaver.m365.http import Http

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
V1 = f"https://sts.windows.net/{TENANT}/"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"


class Clock:
    """Seconds, as a test turns them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(provider: Provider, http: Http, clock: Clock) -> Issuer:
    return Issuer(provider.issuer, http, clock=clock)


async def test_a_good_token_gives_its_claims_and_keys_are_fetched_once(provider: Provider, issuer: Issuer) -> None:
    for _ in range(3):
        claims = await issuer.verify(provider.program(), [CLIENT])

    assert claims["azp"] == "prog-1"
    assert provider.count("/keys") == provider.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("audience", [CLIENT, f"api://{CLIENT}", ["other", CLIENT]])
async def test_either_form_of_the_audience_is_taken(provider: Provider, issuer: Issuer, audience: Any) -> None:
    assert await issuer.verify(provider.program(aud=audience), [CLIENT, f"api://{CLIENT}"])


def in_time(claims: dict[str, Any]) -> dict[str, Any]:
    """With the seconds from now as moments."""
    return {name: int(time.time()) + value if isinstance(value, int) else value for name, value in claims.items()}


BAD: list[tuple[str, dict[str, Any]]] = [
    ("audience", {"aud": "somebody-else"}),
    ("audience", {"aud": f"api://{CLIENT}/"}),
    ("'aud'", {"aud": None}),
    ("another issuer", {"iss": "https://evil.example"}),
    ("another issuer", {"iss": None}),
    ("expired", {"exp": -120}),
    ("'exp'", {"exp": None}),
    ("'sub'", {"sub": None}),
    ("not valid yet", {"nbf": 120}),
    ("not valid yet", {"iat": 120}),
    ("malformed", {"exp": "soon"}),
    ("no such key", {"kid": "unknown"}),
]


@pytest.mark.parametrize(("why", "claims"), BAD)
async def test_any_other_token_is_refused(provider: Provider, issuer: Issuer, why: str, claims: dict[str, Any]) -> None:
    provider.keys["unknown"] = provider.keys["first"]
    claims = in_time(claims)
    token = provider.program(**claims) if "kid" in claims else provider.program(kid="first", **claims)
    del provider.keys["unknown"]

    with pytest.raises(NotSignedIn, match=why) as caught:
        await issuer.verify(token, [CLIENT])

    assert token not in str(caught.value)


@pytest.mark.parametrize("claims", [{"exp": -30}, {"nbf": 30}])
async def test_clocks_may_differ_by_some_seconds(provider: Provider, issuer: Issuer, claims: dict[str, Any]) -> None:
    assert await issuer.verify(provider.program(**in_time(claims)), [CLIENT])


async def test_an_issuer_that_is_almost_the_same_is_another(provider: Provider, issuer: Issuer) -> None:
    for spelled in (provider.issuer + "/", provider.issuer.upper(), provider.issuer.replace("127.0.0.1", "localhost")):
        with pytest.raises(NotSignedIn, match="another issuer"):
            await issuer.verify(provider.program(iss=spelled), [CLIENT])


async def test_no_algorithm_and_no_shared_secret_is_believed(provider: Provider, issuer: Issuer) -> None:
    public = provider.keys["first"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = provider.program().split(".")
    forged = [
        provider.program(alg="none", key=""),
        f"{head}.{body}.",
        provider.program(alg="PS256"),
        _hs256({"alg": "HS256", "kid": "first"}, body, pem),
        "a.b.c",
        "..",
        "x" * 20_000,
    ]

    for token in forged:
        with pytest.raises(NotSignedIn):
            await issuer.verify(token, [CLIENT])


async def test_a_key_signs_with_its_own_algorithm_only(provider: Provider, issuer: Issuer) -> None:
    """A token that names an RSA key and is signed with another kind of key, or the other way round."""
    rsa_key = provider.keys["first"]
    provider.rotate("curved", alg="ES256")
    curved_key = provider.keys["curved"]

    for kid, key, alg in (("first", curved_key, "ES256"), ("curved", rsa_key, "RS256")):
        with pytest.raises(NotSignedIn):
            await issuer.verify(provider.program(kid=kid, key=key, alg=alg), [CLIENT])
    for kid, alg in (("first", "RS256"), ("curved", "ES256")):
        assert await issuer.verify(provider.program(kid=kid, alg=alg), [CLIENT])


def _hs256(header: dict[str, str], body: str, key: bytes) -> str:
    import base64
    import hashlib
    import hmac

    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    made = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


async def test_the_signature_of_another_key_is_none(provider: Provider, issuer: Issuer) -> None:
    stranger = Provider(issuer=provider.issuer)

    with pytest.raises(NotSignedIn, match="signature"):
        await issuer.verify(stranger.program(), [CLIENT])


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider, issuer: Issuer, clock: Clock) -> None:
    await issuer.verify(provider.program(), [CLIENT])
    provider.rotate("second", alg="ES256")
    clock.now += PAUSE + 1

    assert await issuer.verify(provider.program(alg="ES256"), [CLIENT])


async def test_of_many_at_once_with_a_new_key_one_fetches_it(provider: Provider, issuer: Issuer, clock: Clock) -> None:
    await issuer.verify(provider.program(), [CLIENT])
    provider.rotate("second")
    clock.now += PAUSE + 1
    stranger = Provider(issuer=provider.issuer)
    stranger.rotate("invented")

    good = [issuer.verify(provider.program(), [CLIENT]) for _ in range(30)]
    bad = [issuer.verify(stranger.program(), [CLIENT]) for _ in range(30)]
    found = await asyncio.gather(*bad, *good, return_exceptions=True)

    assert all(isinstance(each, NotSignedIn) for each in found[:30])
    assert all(isinstance(each, dict) for each in found[30:])
    assert provider.count("/keys") == 2


async def test_who_invents_key_ids_makes_us_ask_no_oftener_than_once_in_a_pause(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    stranger = Provider(issuer=provider.issuer)
    await issuer.verify(provider.program(), [CLIENT])

    for number in range(40):
        stranger.rotate(f"invented-{number}", alg="ES256")
        clock.now += PAUSE / 10
        with pytest.raises(NotSignedIn):
            await issuer.verify(stranger.program(alg="ES256"), [CLIENT])

    assert provider.count("/keys") <= 1 + 4


async def test_invented_key_ids_do_not_make_us_ask_again_and_again(provider: Provider, issuer: Issuer) -> None:
    token = provider.program()
    provider.keys["made-up"] = provider.keys.pop("first")
    bad = [provider.program(kid="made-up") for _ in range(20)]
    provider.keys["first"] = provider.keys.pop("made-up")

    for each in bad:
        with pytest.raises(NotSignedIn):
            await issuer.verify(each, [CLIENT])

    assert await issuer.verify(token, [CLIENT])
    assert provider.count("/keys") == 1


async def test_a_key_that_is_taken_back_counts_no_more(provider: Provider, issuer: Issuer, clock: Clock) -> None:
    token = provider.program()
    await issuer.verify(token, [CLIENT])
    provider.rotate("second")
    del provider.keys["first"]
    clock.now += KEPT + 1

    with pytest.raises(NotSignedIn, match="no such key"):
        await issuer.verify(token, [CLIENT])


async def test_a_key_for_something_else_signs_nothing(provider: Provider, issuer: Issuer) -> None:
    provider.uses["first"] = "enc"

    with pytest.raises(NotSignedIn, match="no such key"):
        await issuer.verify(provider.program(), [CLIENT])


async def test_whoever_can_be_answered_does_not_wait_for_a_slow_provider(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    token = provider.program()
    await issuer.verify(token, [CLIENT])
    clock.now += PAUSE + 1
    stranger = Provider(issuer=provider.issuer)
    stranger.rotate("invented")
    provider.gate.clear()
    waiting = asyncio.create_task(issuer.verify(stranger.program(), [CLIENT]))
    await asyncio.to_thread(provider.arrived.wait, 10)

    claims = await asyncio.wait_for(issuer.verify(token, [CLIENT]), 5)

    assert claims["azp"] == "prog-1"
    assert not waiting.done()
    provider.gate.set()
    with pytest.raises(NotSignedIn):
        await waiting


async def test_keys_are_kept_while_the_provider_is_away(provider: Provider, issuer: Issuer, clock: Clock) -> None:
    await issuer.verify(provider.program(), [CLIENT])
    provider.down = True
    clock.now += KEPT + 1

    assert await issuer.verify(provider.program(), [CLIENT])


async def test_a_provider_that_is_away_from_the_start_is_said_to_be(provider: Provider, issuer: Issuer) -> None:
    provider.down = True

    with pytest.raises(Unavailable):
        await issuer.verify(provider.program(), [CLIENT])


async def test_a_provider_that_calls_itself_otherwise_is_refused(provider: Provider, issuer: Issuer) -> None:
    provider.named = "https://evil.example"

    with pytest.raises(Refused, match="evil"):
        await issuer.verify(provider.program(), [CLIENT])


@pytest.mark.parametrize("written", [V1, V2, V1.rstrip("/"), V2 + "/", V2.upper().replace("HTTPS", "https")])
def test_an_entra_tenant_is_two_issuers_however_it_is_written(written: str) -> None:
    assert [each.issuer for each in authorities(written)] == [V2, V1]


@pytest.mark.parametrize("tenant", ["common", "organizations", "contoso.com", "consumers", ""])
def test_entra_without_a_tenants_id_would_let_everybody_in(tenant: str) -> None:
    with pytest.raises(Unusable, match="LEAVER_OIDC_ISSUER"):
        authorities(f"https://login.microsoftonline.com/{tenant}/v2.0")


class Entra:
    """Entra's discovery, as both its versions answer, over a wire in process."""

    def __init__(self) -> None:
        self.mine = Provider(issuer=V2)
        self.consumers = Provider()
        self.consumers.rotate("personal")
        del self.consumers.keys["first"]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        home = f"https://login.microsoftonline.com/{TENANT}"
        if url.startswith(home) and url.endswith("/.well-known/openid-configuration"):
            issuer = V2 if "/v2.0/" in url else V1
            return httpx.Response(200, json={"issuer": issuer, "jwks_uri": f"{home}/discovery/keys"})
        assert url == f"{home}/discovery/keys"
        keys = [key | {"issuer": V2.replace(TENANT, "{tenantid}")} for key in self.mine.jwks()["keys"]]
        personal = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
        keys += [key | {"issuer": personal} for key in self.consumers.jwks()["keys"]]
        return httpx.Response(200, json={"keys": keys})


@pytest.fixture
async def entra() -> AsyncIterator[tuple[Entra, Issuer]]:
    made = Entra()
    http = Http(transport=httpx.MockTransport(made))
    yield made, Issuer(V2, http)
    await http.aclose()


@pytest.mark.parametrize("iss", [V1, V2])
async def test_both_versions_of_entra_are_believed(entra: tuple[Entra, Issuer], iss: str) -> None:
    made, issuer = entra

    assert (await issuer.verify(made.mine.program(iss=iss), [CLIENT]))["iss"] == iss


async def test_another_tenant_of_entra_and_a_key_of_personal_accounts_are_not(entra: tuple[Entra, Issuer]) -> None:
    made, issuer = entra
    foreign = V2.replace("7", "8", 1)

    with pytest.raises(NotSignedIn, match="another issuer"):
        await issuer.verify(made.mine.program(iss=foreign), [CLIENT])
    with pytest.raises(NotSignedIn, match="no such key"):
        await issuer.verify(made.consumers.program(iss=V2), [CLIENT])


def test_the_tokens_of_these_tests_would_be_read_by_anybody(provider: Provider) -> None:
    key = jwt.PyJWKSet.from_dict({"keys": provider.jwks()["keys"][-1:]})["first"]

    assert jwt.decode(provider.program(), key, audience=CLIENT)["azp"] == "prog-1"
