"""`python -m m365_simulator`: serves the simulated Microsoft 365 on this machine until it is stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from m365_simulator.faults import Behaviour
from m365_simulator.scenarios import CLIENT_ID, SCENARIOS, build
from m365_simulator.server import create_app
from m365_simulator.world import App, Cloud


def main() -> None:
    """Start; print one line of JSON with everything that a client needs, as soon as calls are answered."""
    options = _options()
    folder = Path(options.tls_dir or tempfile.mkdtemp(prefix="m365-simulator-"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    app, client_file = _app_registration(folder)
    cloud = build(options.scenario, {app.client_id: app})
    behaviour = Behaviour()
    behaviour.latency.update(_latency(options.latency))
    behaviour.change(**json.loads(options.behaviour))
    listening = socket.create_server((options.host, options.port))
    # Inherited by every connection: without it each answer waits some 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    origin = f"{'http' if options.http else 'https'}://{options.host}:{listening.getsockname()[1]}"
    tls = {} if options.http else _tls(folder, options.host)
    config = uvicorn.Config(
        create_app(cloud, behaviour),
        log_level="warning",
        access_log=False,
        date_header=False,  # the application dates its answers itself; the server's own date is up to a second old
        server_header=False,
        **tls,
    )
    _Server(config, _ready(cloud, app, origin, folder, client_file, tls=bool(tls))).run([listening])


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: dict[str, Any]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps(self._ready), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="leaver simulate", description="A Microsoft 365 on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=9443, help="0 takes a free one (9443)")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="contoso")
    parser.add_argument("--tls-dir", help="where ca.pem and the client certificate are written (a new folder)")
    parser.add_argument("--http", action="store_true", help="plain HTTP")
    parser.add_argument("--latency", default="", help="milliseconds, e.g. graph=120,exchange=350,sharepoint=250")
    parser.add_argument("--behaviour", default="{}", help='JSON, e.g. {"conversion_delay": 3}')
    return parser.parse_args()


def _latency(text: str) -> dict[str, float]:
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {service.strip(): float(milliseconds) for service, _, milliseconds in pairs}


def _app_registration(folder: Path) -> tuple[App, Path]:
    """An app with a secret and a certificate of its own."""
    issued = trustme.CA().issue_cert("leaver.example", key_type=trustme.KeyType.RSA)
    path = folder / "client.pem"
    path.touch(mode=0o600)
    certificate = issued.cert_chain_pems[0].bytes()
    path.write_bytes(issued.private_key_pem.bytes() + certificate)
    der = x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER)
    thumbprint = hashlib.sha256(der).hexdigest()
    # The certificate itself, so that signatures are checked and those are known who still name it by SHA-1.
    app = App(
        CLIENT_ID,
        secret=secrets.token_urlsafe(24),
        certificate_thumbprints={thumbprint},
        certificates=[certificate.decode()],
    )
    return app, path


def _tls(folder: Path, host: str) -> dict[str, Any]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = folder / "server.pem"
    server.touch(mode=0o600)
    authority.issue_cert(host, "localhost").private_key_and_cert_chain_pem.write_to_path(server)
    return {"ssl_certfile": str(server)}


def _ready(cloud: Cloud, app: App, origin: str, folder: Path, client_file: Path, *, tls: bool) -> dict[str, Any]:
    environment = {
        "LEAVER_CLOUD": "custom",
        "LEAVER_LOGIN_URL": f"{origin}/login",
        "LEAVER_GRAPH_URL": f"{origin}/graph",
        "LEAVER_EXCHANGE_URL": f"{origin}/exchange",
        "LEAVER_CLIENT_ID": app.client_id,
        "LEAVER_CLIENT_CERTIFICATE": str(client_file),
        "LEAVER_PARTNER_TENANT": cloud.partner_tenant,
    }
    if tls:
        environment["LEAVER_CA_FILE"] = str(folder / "ca.pem")
    tenants = [{"id": world.id, "domain": world.domain, "name": world.name} for world in cloud.worlds.values()]
    tenants[0]["leaver"] = cloud.suggested_leaver
    return {
        "origin": origin,
        "control": f"{origin}/control",
        "ca_file": str(folder / "ca.pem") if tls else None,
        "client_id": app.client_id,
        "client_secret": app.secret,
        "client_certificate": str(client_file),
        "environment": environment,
        "tenants": tenants,
    }


if __name__ == "__main__":
    main()
