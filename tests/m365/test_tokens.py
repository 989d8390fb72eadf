"""Signing in: one request a token, certificates, and what a refusal means."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from leaver.domain.errors import SignInRefused, Throttled, Unavailable, Unusable
from leaver.m365 import clouds
from leaver.m365.tokens import Credential, Tokens
from m365.played_microsoft import SECRET, TENANT, Microsoft, aadsts, token

SCOPE = "https://ms.test/graph/.default"


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    played = Microsoft()
    yield played
    await played.http.aclose()


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def pem(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaver")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (certificate.public_bytes(serialization.Encoding.PEM) + private).decode()


async def test_a_secret_is_sent_to_the_tenants_token_endpoint(microsoft: Microsoft) -> None:
    assert await microsoft.tokens.get(TENANT, SCOPE) == "token-1"

    asked = microsoft.signed_in[0]
    assert asked.url == f"https://ms.test/login/{TENANT}/oauth2/v2.0/token"
    assert asked.form["client_secret"] == SECRET
    assert asked.form["client_id"] == "app-id"
    assert asked.form["grant_type"] == "client_credentials"
    assert asked.form["scope"] == SCOPE


async def test_a_token_is_asked_for_once_for_tenant_and_service(microsoft: Microsoft) -> None:
    await asyncio.gather(*(microsoft.tokens.get(TENANT, SCOPE) for _ in range(5)))
    await microsoft.tokens.get(TENANT, SCOPE)
    await microsoft.tokens.get("other.example", SCOPE)
    await microsoft.tokens.get(TENANT, "https://ms.test/exchange/.default")

    assert len(microsoft.signed_in) == 3
    assert not microsoft.sent


async def test_a_token_near_its_end_is_renewed(microsoft: Microsoft) -> None:
    microsoft.token = lambda asked, count: token(f"token-{count}", seconds=0)

    assert [await microsoft.tokens.get(TENANT, SCOPE) for _ in range(2)] == ["token-1", "token-2"]


async def test_renewing_gives_another_token_than_the_refused_one(microsoft: Microsoft) -> None:
    first = await microsoft.tokens.get(TENANT, SCOPE)

    renewed = await asyncio.gather(*(microsoft.tokens.renew(TENANT, SCOPE, first) for _ in range(5)))

    assert set(renewed) == {"token-2"}


@pytest.mark.parametrize("login", ["https://127.0.0.1:9443/login", "http://127.0.0.1:9080/login"])
@pytest.mark.parametrize("inline", [True, False])
async def test_a_certificate_signs_for_the_real_endpoint(
    microsoft: Microsoft, key: rsa.RSAPrivateKey, pem: str, tmp_path: Path, login: str, inline: bool
) -> None:
    path = tmp_path / "leaver.pem"
    path.write_text(pem)
    cloud = clouds.custom(login, "https://ms.test/graph", "https://ms.test/exchange")
    tokens = Tokens(microsoft.http, cloud, Credential("app-id", certificate=pem if inline else str(path)))

    await tokens.get(TENANT, SCOPE)

    form = microsoft.signed_in[0].form
    endpoint = f"{login}/{TENANT}/oauth2/v2.0/token"
    claims = jwt.decode(form["client_assertion"], key.public_key(), algorithms=["PS256"], audience=endpoint)
    assert microsoft.signed_in[0].url == endpoint
    assert (claims["iss"], claims["sub"]) == ("app-id", "app-id")
    assert claims["exp"] - claims["iat"] <= 600
    assert jwt.get_unverified_header(form["client_assertion"])["x5t#S256"]
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in form
    assert tokens.certificate


async def test_a_workload_identitys_token_is_read_anew_each_time(microsoft: Microsoft, tmp_path: Path) -> None:
    path = tmp_path / "token"
    tokens = Tokens(microsoft.http, microsoft.clouds, Credential("app-id", federated_token_file=path))
    for content in ("one", "two"):
        path.write_text(f"{content}\n")
        await tokens.renew(TENANT, SCOPE)

    assert [asked.form["client_assertion"] for asked in microsoft.signed_in] == ["one", "two"]


async def test_a_managed_identity_proves_the_application(microsoft: Microsoft, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "AZUREPS_HOST_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    body = {"access_token": "identity-token", "expires_in": "86400", "resource": "x", "token_type": "Bearer"}
    microsoft.play = lambda asked: httpx.Response(200, json=body)
    tokens = Tokens(microsoft.http, microsoft.clouds, Credential("app-id", managed_identity="mi-client"))

    await tokens.get(TENANT, SCOPE)
    await tokens.get("other.example", SCOPE)

    assert [asked.form["client_assertion"] for asked in microsoft.signed_in] == ["identity-token"] * 2
    assert len(microsoft.sent) == 1
    assert "api%3A%2F%2FAzureADTokenExchange" in microsoft.sent[0].url


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (7000215, "value, not its id"),
        (7000222, "Make a new secret"),
        (700027, "Upload the certificate"),
        (700016, "consent"),
        (7000229, "consent"),
        (7000112, "Enable it"),
        (90002, "tenant id"),
        (900023, "tenant id"),
        (90038, "LEAVER_CLOUD"),
        (53003, "Conditional Access"),
        (500011, "license"),
        (700024, "clock"),
        (1234567, "trace id"),
    ],
)
async def test_a_refusal_says_what_to_fix(microsoft: Microsoft, number: int, says: str) -> None:
    microsoft.token = lambda asked, count: aadsts(number)

    with pytest.raises(SignInRefused) as caught:
        await microsoft.graph().get("/me")

    error = caught.value
    assert error.code == f"AADSTS{number}"
    assert says in error.advice
    assert error.request_id == "t-1"
    assert TENANT in error.message
    assert "what Microsoft says" in error.message
    assert SECRET not in repr(error)


async def test_a_fixed_refusal_is_noticed_at_once(microsoft: Microsoft) -> None:
    replies = [aadsts(700016, "unauthorized_client", 400)]
    microsoft.token = lambda asked, count: replies.pop() if replies else token("fine")
    with pytest.raises(SignInRefused):
        await microsoft.tokens.get(TENANT, SCOPE)

    assert await microsoft.tokens.get(TENANT, SCOPE) == "fine"


async def test_a_fresh_certificate_is_tried_a_few_times(microsoft: Microsoft) -> None:
    replies = [aadsts(700027), aadsts(700027)]
    microsoft.token = lambda asked, count: replies.pop() if replies else token("fine")

    assert await microsoft.tokens.get(TENANT, SCOPE) == "fine"


@pytest.mark.parametrize(
    "reply", [aadsts(90055, "temporarily_unavailable", 400), httpx.Response(429), httpx.Response(503, text="busy")]
)
async def test_a_busy_sign_in_is_tried_again(microsoft: Microsoft, reply: httpx.Response) -> None:
    replies = [reply]
    microsoft.token = lambda asked, count: replies.pop() if replies else token("fine")

    assert await microsoft.tokens.get(TENANT, SCOPE) == "fine"


async def test_a_sign_in_that_stays_throttled_is_throttled(microsoft: Microsoft) -> None:
    microsoft.token = lambda asked, count: aadsts(90055, "temporarily_unavailable", 400)

    with pytest.raises(Throttled) as caught:
        await microsoft.tokens.get(TENANT, SCOPE)

    assert caught.value.service == "sign-in"


async def test_a_sign_in_that_does_not_answer_is_unavailable(microsoft: Microsoft) -> None:
    microsoft.token = lambda asked, count: httpx.ConnectError("refused")

    with pytest.raises(Unavailable) as caught:
        await microsoft.tokens.get(TENANT, SCOPE)

    assert caught.value.service == "sign-in"


@pytest.mark.parametrize("credential", [Credential(""), Credential("app-id")])
async def test_a_missing_credential_is_said_without_asking(microsoft: Microsoft, credential: Credential) -> None:
    with pytest.raises(SignInRefused, match="No sign-in was tried"):
        await Tokens(microsoft.http, microsoft.clouds, credential).get(TENANT, SCOPE)

    assert not microsoft.signed_in


@pytest.mark.parametrize("tenant", ["", "../common", "a/b", "a?b"])
async def test_a_tenant_that_is_no_name_is_refused(microsoft: Microsoft, tenant: str) -> None:
    with pytest.raises(Unusable):
        await microsoft.tokens.get(tenant, SCOPE)


async def test_a_certificate_without_its_key_is_said(microsoft: Microsoft, pem: str) -> None:
    alone = pem[: pem.index("-----BEGIN PRIVATE KEY")]

    with pytest.raises(Unusable, match="LEAVER_CLIENT_CERTIFICATE"):
        await Tokens(microsoft.http, microsoft.clouds, Credential("app-id", certificate=alone)).get(TENANT, SCOPE)


async def test_claims_are_read_from_a_token_that_shows_them(microsoft: Microsoft) -> None:
    shown = jwt.encode({"roles": ["User.Read.All"]}, "k" * 32, algorithm="HS256")
    microsoft.token = lambda asked, count: token(shown if count == 1 else "opaque")

    assert (await microsoft.tokens.claims(TENANT, SCOPE))["roles"] == ["User.Read.All"]
    assert await microsoft.tokens.claims(TENANT, "https://ms.test/exchange/.default") == {}


def test_a_credential_shows_no_secret(pem: str) -> None:
    assert SECRET not in repr(Credential("app-id", SECRET, pem))
    assert "PRIVATE" not in repr(Credential("app-id", SECRET, pem))


def test_msal_is_not_loaded_before_it_is_needed() -> None:
    code = "import leaver.m365.tokens, sys; sys.exit('msal' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
