"""`leaver demo`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

_SETTINGS = {
    "disable_sign_in": True,
    "reset_password": True,
    "revoke_sessions": True,
    "remove_mfa_methods": True,
    "remove_mobile_devices": True,
    "set_out_of_office": {"internal": "Adele has left Contoso. Write to Megan Bowen.", "audience": "all"},
    "forward_mail": {"to": "manager", "keep_copy": True},
    "grant_mailbox_access": [{"user": "manager", "automapping": False}],
    "grant_onedrive_access": ["manager"],
    "convert_to_shared": True,
    "hide_from_gal": True,
    "remove_rules": True,
    "cancel_meetings": True,
    "remove_groups": True,
    "remove_mailbox_permissions": True,
    "remove_calendar_permissions": True,
    "disable_onedrive_sharing": True,
    "unassign_phone_numbers": True,
    "remove_licenses": True,
}


@click.command(short_help="Watch an offboarding of a simulated user.")
@click.option("--out", default="demo-output", show_default=True, help="Folder for the evidence.")
@click.option("--serve", "portal", is_flag=True, help="Open the portal on the simulated tenants instead.")
def demo(out: str, portal: bool) -> int:
    """Watch a difficult person being offboarded from a simulated tenant: the plan, the work, the proof."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped with it
    with tempfile.TemporaryDirectory(prefix="leaver-demo-") as folder:
        simulator = _simulator(Path(folder))
        try:
            line = simulator.stdout.readline() if simulator.stdout else ""
            if not line:
                click.echo("The simulated Microsoft 365 did not start.", err=True)
                return 1
            ready = json.loads(line)
            return _serve(ready, Path(folder)) if portal else _show(ready, Path(folder), Path(out))
        finally:
            simulator.terminate()
            simulator.wait(10)


def _simulator(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "m365_simulator", "--port", "0", "--tls-dir", str(folder / "tls")]
    command += ["--latency", "graph=40,exchange=120,sharepoint=80"]
    command += ["--behaviour", '{"conversion_delay": 3, "group_license_delay": 2, "read_after_write": 0.5}']
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program


def _serve(ready: Mapping[str, object], folder: Path) -> int:
    """The portal, until it is stopped, with every simulated tenant known to it."""
    environment, tenants = ready["environment"], ready["tenants"]
    assert isinstance(environment, dict)  # noqa: S101 - our own program's answer
    assert isinstance(tenants, list)  # noqa: S101
    surroundings = {**os.environ, **environment, "LEAVER_DATA_DIR": str(folder / "data")}
    surroundings.setdefault("LEAVER_ORGANIZATION", "Northwind IT")
    click.echo("A simulated Microsoft 365 is running on this machine. Nothing leaves it.\n")
    for tenant in tenants:
        status = _run(["tenant", "add", tenant["id"], "--domain", tenant["domain"]], surroundings)
        if status:
            return status
    try:
        return _run(["serve"], surroundings)
    except KeyboardInterrupt:
        return 0


def _show(ready: Mapping[str, object], folder: Path, out: Path) -> int:
    environment = ready["environment"]
    tenants = ready["tenants"]
    assert isinstance(environment, dict)  # noqa: S101 - our own program's answer
    assert isinstance(tenants, list)  # noqa: S101
    tenant = tenants[0]
    settings = folder / "settings.json"
    settings.write_text(json.dumps(_SETTINGS), encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    page = out / "report.html"
    surroundings = {**os.environ, **environment, "LEAVER_DATA_DIR": str(folder / "data")}
    click.echo("A simulated Microsoft 365 is running on this machine. Nothing leaves it.\n")
    add = ["tenant", "add", tenant["id"], "--domain", tenant["domain"]]
    offboard = ["offboard", tenant["domain"], tenant["leaver"], "--settings", str(settings), "--yes"]
    status = _run(add, surroundings) or _run(offboard, surroundings)
    if status:
        return status
    made = list((folder / "data" / "reports").glob("*.json"))
    return _run(["report", made[-1].stem, "--format", "html", "--out", str(page)], surroundings)


def _run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    click.secho(f"$ leaver {' '.join(words)}", bold=True)
    status = subprocess.run([sys.executable, "-m", "leaver", *words], env=dict(environment), check=False)  # noqa: S603
    click.echo()
    return status.returncode
