"""Client assertions: the signed statement by which an app proves that it holds its certificate."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from m365_simulator.login.errors import Denied
from m365_simulator.world import App


def check_assertion(app: App, assertion: str, now: datetime) -> None:
    """Accepts PS256 and RS256, by a certificate that is registered on the app; anything else is denied.

    The signature itself can be checked when the certificate is known: from `App.certificates`, or from the `x5c`
    header when its thumbprint is a registered one.
    """
    try:
        header = jwt.get_unverified_header(assertion)
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise Denied(50027, "JWT token is invalid or malformed.", "invalid_client", 400) from None
    thumbprint = _thumbprint(header)
    known = {_sha256(found): found for found in _certificates(app)}
    by_sha1 = {found.fingerprint(hashes.SHA1()).hex(): found for found in known.values()}  # the x5t header is SHA-1
    certificate = known.get(thumbprint) or by_sha1.get(thumbprint) or _sent(header, thumbprint)
    if certificate is None and thumbprint not in app.certificate_thumbprints:
        raise _unknown_key(app, thumbprint)
    if certificate is not None:
        if not {_sha256(certificate), thumbprint} & (app.certificate_thumbprints | known.keys()):
            if thumbprint not in by_sha1:
                raise _unknown_key(app, thumbprint)
        _check_signature(app, assertion, certificate, thumbprint)
    _check_claims(app, claims, now)


def _check_signature(app: App, assertion: str, certificate: x509.Certificate, thumbprint: str) -> None:
    options: Any = {f"verify_{claim}": False for claim in ("aud", "exp", "nbf", "iat", "sub", "jti", "iss")}
    try:
        jwt.decode(assertion, certificate.public_key(), ["PS256", "RS256"], options=options)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        raise _unknown_key(app, thumbprint) from None


def _check_claims(app: App, claims: dict[str, Any], now: datetime) -> None:
    seconds = now.timestamp()
    if claims.get("iss") != app.client_id or claims.get("sub") != app.client_id:
        message = "Client assertion contains an invalid issuer or subject."
        raise Denied(700021, message, "invalid_client", 400)
    if not str(claims.get("aud", "")).rstrip("/").endswith(("/oauth2/v2.0/token", "/v2.0")):
        raise Denied(700023, "Client assertion audience claim does not match Realm issuer.", "invalid_client")
    if not claims.get("nbf", 0) - 300 <= seconds <= claims.get("exp", 0) + 300:
        message = (
            "Client assertion is not within its valid time range. "
            f"Current time: {now:%Y-%m-%dT%H:%M:%S}, assertion valid from {claims.get('nbf')}, expiry time of "
            f"assertion {claims.get('exp')}."
        )
        raise Denied(700024, message, "invalid_client")


def _thumbprint(header: dict[str, Any]) -> str:
    text = str(header.get("x5t#S256") or header.get("x5t") or "")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
    except (ValueError, binascii.Error):
        return ""


def _certificates(app: App) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(pem.encode()) for pem in app.certificates]


def _sent(header: dict[str, Any], thumbprint: str) -> x509.Certificate | None:
    chain = header.get("x5c")
    if not chain:
        return None
    found = x509.load_der_x509_certificate(base64.b64decode(chain[0] if isinstance(chain, list) else chain))
    same = thumbprint in (_sha256(found), found.fingerprint(hashes.SHA1()).hex())
    return found if same else None


def _sha256(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _unknown_key(app: App, thumbprint: str) -> Denied:
    return Denied(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        f"[Reason - The key was not found., Thumbprint of key used by client: '{thumbprint.upper()}', "
        f"Please visit the Azure Portal and configure keys for app '{app.client_id}'.]",
        "invalid_client",
    )
