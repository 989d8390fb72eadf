"""An OpenID provider for tests: a real HTTP server on this machine, written from the specifications."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT = "5b7e0d0a-3c58-4c59-9d0c-2f0f6a6f3c11"
CLIENT_SECRET = "not-a-real-secret-either-Qw7"  # the provider's, checked by it


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Provider:
    """What the provider knows, and how it behaves. Tests change it as they like."""

    issuer: str = ""
    keys: dict[str, Any] = field(default_factory=lambda: {"first": _rsa()})
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "ann-1", "preferred_username": "ann@msp.example"})
    id_token: dict[str, Any] = field(default_factory=dict)
    """Claims of the next ID tokens that are not as they should be."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    named: str = ""
    """The issuer that the discovery document names; empty: its own."""
    refuses: str = ""
    """The error that the next sign-in ends with."""
    methods: tuple[str, ...] = ("client_secret_post", "client_secret_basic")
    down: bool = False
    uses: dict[str, str] = field(default_factory=dict)
    """What a key is for, where it is not for signing."""
    gate: threading.Event = field(default_factory=threading.Event)
    """Answers are held back while it is not set."""
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when a request is held back."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Every request: method, path, parameters."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def token(self, *, kid: str = "", alg: str = "RS256", key: Any = None, **claims: Any) -> str:
        """A token that the provider signs; a claim that is None is left out."""
        now = int(time.time())
        kid = kid or next(reversed(self.keys))
        said = {"iss": self.issuer, "iat": now, "nbf": now, "exp": now + 3600} | claims
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, key if key is not None else self.keys[kid], alg, headers={"kid": kid})

    def program(self, **claims: Any) -> str:
        """A token as client credentials give it (Entra, version 2)."""
        mine = {"aud": CLIENT, "azp": "prog-1", "sub": "object-1", "oid": "object-1", "idtyp": "app"}
        return self.token(**(mine | claims))

    def rotate(self, kid: str, *, alg: str = "RS256") -> None:
        """Sign with another key from here on."""
        self.keys[kid] = _rsa() if alg == "RS256" else ec.generate_private_key(ec.SECP256R1())

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(each == path for _, each, _ in self.asked)

    def discovery(self) -> dict[str, Any]:
        """The discovery document."""
        at = self.issuer
        return {
            "issuer": self.named or at,
            "jwks_uri": f"{at}/keys",
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/userinfo",
            "end_session_endpoint": f"{at}/logout",
            "token_endpoint_auth_methods_supported": list(self.methods),
        }

    def jwks(self) -> dict[str, Any]:
        """The public keys, and others that a provider may list as well."""
        listed: list[dict[str, Any]] = [{"kty": "OKP", "crv": "Unknown", "kid": "odd"}, {"kty": "oct", "k": "c2VjcmV0"}]
        for kid, key in self.keys.items():
            algorithm = (
                jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
            )
            listed.append(
                {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": self.uses.get(kid, "sig")}
            )
        return {"keys": listed}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent once the person has signed in."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        answer = {"state": asked["state"]}
        if self.refuses:
            answer |= {"error": self.refuses, "error_description": "<b>It was refused.</b>"}
        else:
            answer["code"] = secrets.token_urlsafe(8)
            self.codes[answer["code"]] = asked
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The tokens for a code: once, for whoever asked for it, with its verifier and its secret."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if authorization.startswith("Basic "):
            client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        else:
            client, secret = form.get("client_id", ""), form.get("client_secret", "")
        right = (
            asked is not None
            and asked["code_challenge"] == challenge.decode().rstrip("=")
            and asked["redirect_uri"] == form.get("redirect_uri")
            and form["grant_type"] == "authorization_code"
        )
        if (client, secret) != (CLIENT, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if asked is None or not right:
            return 400, {"error": "invalid_grant"}
        claims = {"aud": CLIENT, "nonce": asked["nonce"]} | self.person | self.id_token
        return 200, {"token_type": "Bearer", "access_token": "for-userinfo", "id_token": self.token(**claims)}


@contextmanager
def running() -> Iterator[Provider]:
    """A provider that listens."""
    provider = Provider()
    provider.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(dict(parse_qs(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            self._answer(dict(parse_qs(body)))

        def _answer(self, found: dict[str, list[str]]) -> None:
            path = urlsplit(self.path).path.removeprefix("/idp")
            values = {name: each[0] for name, each in found.items()}
            provider.asked.append((self.command, path, values))
            if not provider.gate.is_set():
                provider.arrived.set()
                provider.gate.wait(20)
            if provider.down:
                self._say(503, {"error": "down"})
            elif path == "/.well-known/openid-configuration":
                self._say(200, provider.discovery())
            elif path == "/keys":
                self._say(200, provider.jwks())
            elif path == "/authorize":
                self._say(302, {}, provider.authorize(values))
            elif path == "/token":
                self._say(*provider.redeem(values, self.headers.get("authorization", "")))
            elif path == "/userinfo" and self.headers.get("authorization") == "Bearer for-userinfo":
                self._say(200, provider.userinfo)
            else:
                self._say(404, {"error": "not_found"})

        def _say(self, status: int, body: dict[str, Any], location: str = "") -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    provider.issuer = f"http://127.0.0.1:{server.server_port}/idp"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
