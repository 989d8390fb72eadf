"""Tokens for Microsoft's services, one for each tenant and service, through Microsoft's own library (MSAL)."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from leaver.config import Config
from leaver.domain.errors import SignInRefused, Unusable
from leaver.m365 import sign_in
from leaver.m365.answers import Answer, NoAnswer, Request
from leaver.m365.clouds import Clouds
from leaver.m365.memo import Memo
from leaver.m365.translate import Asked

if TYPE_CHECKING:
    from leaver.m365.http import Http

EARLY = 300.0
"""Seconds before its end at which a token is renewed."""
_ASSERTION_SECONDS = 300
_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
_ROTATION_TRIES = 3


@dataclass(frozen=True)
class Credential:
    """What the application proves itself with: the first of certificate, secret, token file and managed identity."""

    client_id: str
    secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    """The path of a PEM file with certificate and key, or the PEM text itself."""
    federated_token_file: Path | None = None
    managed_identity: str = ""

    @classmethod
    def of(cls, config: Config) -> Credential:
        """The credential that the configuration names."""
        return cls(
            config.client_id,
            config.client_secret,
            config.client_certificate,
            config.federated_token_file,
            config.managed_identity,
        )


@dataclass(frozen=True)
class _Token:
    value: str = field(repr=False)
    good_until: float
    """In the seconds of `time.monotonic`."""


class Tokens:
    """Gives out tokens and renews them early; who asks at the same moment shares one request."""

    def __init__(self, http: Http, clouds: Clouds, credential: Credential) -> None:
        self._http = http
        self._clouds = clouds
        self._credential = credential
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._under_way = Memo(keep=False)
        self._prover = _Prover(http, credential)

    @property
    def certificate(self) -> bool:
        """Whether the credential is more than a secret, which SharePoint would refuse."""
        credential = self._credential
        return bool(credential.certificate or (not credential.secret and _federated(credential)))

    async def get(self, tenant_id: str, scope: str) -> str:
        """A token that is good for some minutes."""
        known = self._tokens.get((tenant_id, scope))
        if known is not None and time.monotonic() < known.good_until:
            return known.value
        return await self._fetched(tenant_id, scope)

    async def renew(self, tenant_id: str, scope: str, refused: str = "") -> str:
        """A token other than the refused one; also what shows roles and consents that were given since."""
        known = self._tokens.get((tenant_id, scope))
        if known is not None and (not refused or known.value == refused):
            del self._tokens[tenant_id, scope]
        return await self.get(tenant_id, scope)

    async def claims(self, tenant_id: str, scope: str) -> dict[str, Any]:
        """What the token says about itself; empty for one that cannot be read. Only for hints, never for decisions."""
        parts = (await self.get(tenant_id, scope)).split(".")
        if len(parts) != 3:
            return {}
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return {}
        return claims if isinstance(claims, dict) else {}

    async def _fetched(self, tenant_id: str, scope: str) -> str:
        token = await self._under_way.read((tenant_id, scope), lambda: self._fetch(tenant_id, scope))
        return str(token.value)

    async def _fetch(self, tenant_id: str, scope: str) -> _Token:
        resource = scope.removesuffix("/.default")
        asked = Asked("sign-in", tenant_id, "POST", f"token for {resource}")
        clock_known = False
        for rotation in range(_ROTATION_TRIES):
            answer = await self._http.persist(
                lambda: self._ask(tenant_id, scope), asked, repeatable=True, budget=self._http.budget / 2
            )
            if answer.ok and isinstance(answer.body, dict) and answer.body.get("access_token"):
                break
            if sign_in.JUST_ROTATED in sign_in.codes_of(answer.body) and rotation + 1 < _ROTATION_TRIES:
                await self._http.pause(2.0 * (rotation + 1))
                continue
            if sign_in.WRONG_CLOCK in sign_in.codes_of(answer.body) and self._http.skew and not clock_known:
                # The refusal itself has told by how much our clock is off; the next statement is dated by Microsoft's.
                clock_known = True
                continue
            raise sign_in.refusal(answer, tenant_id, scope)
        seconds = float(answer.body.get("expires_in") or 0)
        token = _Token(str(answer.body["access_token"]), time.monotonic() + max(seconds - EARLY, seconds / 2))
        self._tokens[tenant_id, scope] = token
        return token

    async def _ask(self, tenant_id: str, scope: str) -> Answer:
        """One token request, written by MSAL in a thread and sent by the event loop."""
        if not _TENANT.fullmatch(tenant_id):
            raise Unusable(f"{tenant_id!r} is neither a tenant id nor a domain.", code="bad_tenant")
        loop = asyncio.get_running_loop()
        endpoint = self._clouds.token_endpoint(tenant_id)
        answer = await asyncio.to_thread(self._ask_msal, loop, endpoint, tenant_id, scope)
        if not answer.ok and answer.status < 500 and sign_in.busy(answer):
            return replace(answer, status=429 if 90055 in sign_in.codes_of(answer.body) else 503)
        return answer

    def _ask_msal(self, loop: asyncio.AbstractEventLoop, endpoint: str, tenant_id: str, scope: str) -> Answer:
        import msal  # slow to import, and needed only here

        post = _Post(self._http, loop, endpoint)
        try:
            # Made anew each time: its caches of tokens and of refusals would answer what we want to know from Entra.
            application = msal.ConfidentialClientApplication(
                self._credential.client_id,
                authority=f"https://{_AUTHORITY}/{tenant_id}",
                client_credential=self._prover.proof(loop, endpoint),
                http_client=post,
                instance_discovery=False,
            )
            application.acquire_token_for_client([scope])
        except (NoAnswer, SignInRefused, Unusable):
            raise
        except Exception:  # MSAL turns answers it cannot read into errors of many kinds; we read them ourselves
            if post.answer is None:
                raise
        if post.answer is None:
            raise NoAnswer("the token request was not sent", sent=False)
        return post.answer


_AUTHORITY = "login.microsoftonline.com"
"""MSAL insists on an address of this form; `_Post` sends to the configured one."""
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


def _federated(credential: Credential) -> bool:
    return bool(credential.federated_token_file or credential.managed_identity)


class _Prover:
    """What the application proves itself with, made when it is asked for. Used from threads."""

    def __init__(self, http: Http, credential: Credential) -> None:
        self._http = http
        self._credential = credential
        self._lock = threading.Lock()
        self._signer: Any = None
        self._identity = ("", 0.0)

    def proof(self, loop: asyncio.AbstractEventLoop, endpoint: str) -> str | dict[str, Callable[[], str]]:
        """What MSAL takes as `client_credential`."""
        credential = self._credential
        if not credential.client_id:
            raise _no_credential("LEAVER_CLIENT_ID is not set")
        if credential.certificate:
            return {"client_assertion": lambda: self._signed(endpoint)}
        if credential.secret:
            return credential.secret
        if credential.federated_token_file is not None:
            token_file = credential.federated_token_file
            return {"client_assertion": lambda: _token_file(token_file)}
        if credential.managed_identity:
            return {"client_assertion": lambda: self._identity_token(loop)}
        raise _no_credential("neither LEAVER_CLIENT_SECRET nor LEAVER_CLIENT_CERTIFICATE is set")

    def _signed(self, endpoint: str) -> str:
        """A statement signed with the certificate's key, valid for some minutes by the service's clock."""
        with self._lock:
            if self._signer is None:
                self._signer = _signer(self._credential.certificate)
        now = int(self._http.now().timestamp())
        assertion = self._signer.create_normal_assertion(
            endpoint,
            self._credential.client_id,
            issued_at=now,
            not_before=now - 30,
            expires_at=now + _ASSERTION_SECONDS,
        )
        return assertion.decode() if isinstance(assertion, bytes) else str(assertion)

    def _identity_token(self, loop: asyncio.AbstractEventLoop) -> str:
        """The managed identity's own token, which the application trusts in place of a secret."""
        import msal

        with self._lock:
            token, good_until = self._identity
            if time.monotonic() < good_until:
                return token
            identity = msal.UserAssignedManagedIdentity(client_id=self._credential.managed_identity)
            client = msal.ManagedIdentityClient(identity, http_client=_Post(self._http, loop, ""))
            try:
                result = client.acquire_token_for_client(resource=_EXCHANGE_AUDIENCE)
            except Exception as error:
                raise _no_identity(type(error).__name__) from error
            if "access_token" not in result:
                raise _no_identity(str(result.get("error_description") or result.get("error") or "no token"))
            self._identity = (
                str(result["access_token"]),
                time.monotonic() + max(float(result.get("expires_in") or 0) - EARLY, 0.0),
            )
            return self._identity[0]


class _Post:
    """MSAL's way to the network: our own connection, seen from a thread.

    Discovery is answered here: the token endpoint has a fixed form, so that a token costs one request. With an
    `endpoint`, that is where everything else goes; without one, requests go where MSAL says (a managed identity).
    """

    def __init__(self, http: Http, loop: asyncio.AbstractEventLoop, endpoint: str) -> None:
        self._http = http
        self._loop = loop
        self._endpoint = endpoint
        self.answer: Answer | None = None

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_more: Any,
    ) -> _Response:
        """Send a form."""
        form = {name: str(value) for name, value in (data or {}).items()}
        return self._send("POST", self._endpoint or _queried(url, params), headers, form)

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_more: Any,
    ) -> _Response:
        """Answer discovery; fetch anything else."""
        if self._endpoint:
            tenant = url.partition(f"{_AUTHORITY}/")[2].partition("/")[0]
            home = f"https://{_AUTHORITY}/{tenant}/oauth2/v2.0"
            known = {
                "issuer": f"https://{_AUTHORITY}/{tenant}/v2.0",
                "authorization_endpoint": f"{home}/authorize",
                "token_endpoint": f"{home}/token",
            }
            return _Response(200, json.dumps(known), {})
        return self._send("GET", _queried(url, params), headers, None)

    def close(self) -> None:
        """Nothing to do: the connection is not ours alone."""

    def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> _Response:
        request = Request("sign-in", method, url, "token", dict(headers or {}), form=form)

        async def sent() -> Answer:
            answer: Answer = await self._http.start(self._http.send(request))
            return answer

        try:
            self.answer = asyncio.run_coroutine_threadsafe(sent(), self._loop).result()
        except concurrent.futures.CancelledError:
            raise NoAnswer("the connection was closed", sent=True) from None
        text = self.answer.text if self.answer.body is None else json.dumps(self.answer.body)
        return _Response(self.answer.status, text, self.answer.headers)


@dataclass(frozen=True)
class _Response:
    """What MSAL expects of an HTTP library."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def raise_for_status(self) -> None:
        """Complain about an answer that is none."""
        if self.status_code >= 400:
            raise NoAnswer(f"HTTP status {self.status_code}", sent=True)


def _queried(url: str, params: Mapping[str, str] | None) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url


def _signer(certificate: str) -> Any:
    """MSAL's signer for a PEM with certificate and key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from msal.oauth2cli.assertion import JwtAssertionCreator

    try:
        pem = certificate.encode() if "-----BEGIN" in certificate else Path(certificate).expanduser().read_bytes()
    except OSError as error:
        raise _bad_certificate(f"cannot be read ({error.strerror})") from error
    try:
        key = _private_key(pem[max(_key_begins(pem), 0) :])
        certificates = x509.load_pem_x509_certificates(pem)
    except TypeError as error:
        raise _bad_certificate("holds a key that is locked with a passphrase") from error
    except ValueError as error:
        raise _bad_certificate("does not hold both a certificate and its unlocked private key") from error
    if not isinstance(key, RSAPrivateKey):
        raise _bad_certificate("holds a key that is not RSA, which Microsoft Entra does not take")
    own = next((one for one in certificates if one.public_key() == key.public_key()), None)
    if own is None:
        raise _bad_certificate("holds a key that does not belong to its certificate")
    return JwtAssertionCreator(key, "PS256", sha256_thumbprint=own.fingerprint(hashes.SHA256()).hex())


@lru_cache(maxsize=4)
def _private_key(pem: bytes) -> Any:
    """A key, whose numbers are checked once: that takes longer than signing with it."""
    from cryptography.hazmat.primitives import serialization

    return serialization.load_pem_private_key(pem, password=None)


def _key_begins(pem: bytes) -> int:
    found = re.search(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----", pem)
    return found.start() if found else -1


def _token_file(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _no_credential(f"the workload identity's token {path} cannot be read") from error
    if not token:
        raise _no_credential(f"the workload identity's token {path} is empty")
    return token


def _no_credential(why: str) -> SignInRefused:
    return SignInRefused(
        f"No sign-in was tried: {why}.",
        code="no_credential",
        advice="Set LEAVER_CLIENT_ID and LEAVER_CLIENT_SECRET or LEAVER_CLIENT_CERTIFICATE (PEM with key), or let "
        "AZURE_FEDERATED_TOKEN_FILE or LEAVER_MANAGED_IDENTITY name an identity that the application trusts.",
        service="sign-in",
    )


def _no_identity(why: str) -> SignInRefused:
    return SignInRefused(
        f"The managed identity of this machine gave no token: {why}.",
        code="no_managed_identity",
        advice="Check LEAVER_MANAGED_IDENTITY (the client id) and that the identity is assigned to this machine.",
        service="sign-in",
    )


def _bad_certificate(why: str) -> Unusable:
    return Unusable(
        f"The certificate of LEAVER_CLIENT_CERTIFICATE {why}.",
        code="bad_certificate",
        advice="Give a PEM file with the certificate and its private key (RSA, without passphrase).",
    )
