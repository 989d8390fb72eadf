"""`make bench`: measures a typical offboarding, the search for rights and the search for users, the engine and the API.

`--full` makes the bulk run of the engine 990 offboardings in 198 tenants.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import load, many
from bench.chain import longest_chain
from bench.simulator import LATENCY, Running, data_folder, root, running

RUNS = 3
SETTINGS = {
    "disable_sign_in": True,
    "reset_password": True,
    "revoke_sessions": True,
    "remove_mfa_methods": True,
    "remove_mobile_devices": True,
    "set_out_of_office": {"internal": "Gone.", "external": "Gone."},
    "forward_mail": {"to": "manager", "keep_copy": True},
    "grant_mailbox_access": [{"user": "manager", "automapping": False}],
    "grant_send_as": ["manager"],
    "grant_send_on_behalf": ["manager"],
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
    "clear_immutable_id": True,
}
"""Everything but the deletion, and of the two about forwarding the one that has more to do."""


def main() -> None:
    """Measure, print the figures beside the goals, and keep them as JSON."""
    results: dict[str, Any] = {}
    with running("typical", **LATENCY) as simulator, data_folder() as folder:
        for mode in ("plan", "together", "unbounded", "one_by_one"):
            runs = [_offboard(simulator, folder, mode) for _ in range(1 if mode == "one_by_one" else RUNS)]
            results[mode] = {key: _middle([run[key] for run in runs]) for key in runs[0]}
    _print_offboarding(results)
    with running("large", **LATENCY) as simulator, data_folder() as folder:
        tenant = simulator.ready["tenants"][0]
        results["large"] = _measured(simulator, folder, "bench.scale", tenant["id"], tenant["leaver"])
        results["large"]["service_seconds"] = _search_in_the_service(simulator.control("calls")["value"])
    large = results["large"]
    print("\nA tenant of 50,000 users with 5,001 mailboxes")
    own = large["search_seconds"] - large["service_seconds"]
    print(f"first page of a search, on top of the service's own time: {own:.2f} s (goal 0.3 s)")
    print(f"all rights on mailboxes and calendars: {large['rights_seconds']:.1f} s (goal 60 s)")
    print(f"rights found: {large['rights_found']:.0f}; peak memory {large['peak_mib']:.0f} MiB")
    faster = large["rights_seconds"] / large["by_index_seconds"]
    print(f"the same by an index: {large['by_index_seconds']:.1f} s, {faster:.1f} times faster, ", end="")
    print(f"rights found: {large['by_index_found']:.0f}")
    print(f"while another index is being built: {large['beside_build_seconds']:.1f} s")
    print(f"building the index in spare time: {large['index_seconds']:.0f} s")
    results["engine"] = many.measure(full="--full" in sys.argv)
    many.show(results["engine"])
    results["load"] = load.measure(60.0 if "--full" in sys.argv else 20.0)
    load.show(results["load"])
    Path(root() / "bench" / "results").mkdir(exist_ok=True)
    (root() / "bench" / "results" / "latest.json").write_text(json.dumps(results, indent=1))


def _search_in_the_service(calls: list[dict[str, Any]]) -> float:
    """How long the service itself was busy with the first page of the search."""
    searches = [call for call in calls if call["service"] == "graph" and call["path"].endswith("/users")]
    return float(searches[0]["end"]) - float(searches[0]["start"])


def _offboard(simulator: Running, folder: str, mode: str) -> dict[str, Any]:
    simulator.control("scenario", {"name": "typical"})
    tenant = simulator.ready["tenants"][0]
    settings = Path(folder) / "settings.json"
    settings.write_text(json.dumps(SETTINGS))
    result = _measured(simulator, folder, "bench.offboarding", mode, tenant["id"], tenant["leaver"], str(settings))
    calls = [call for call in simulator.control("calls")["value"] if call["service"] != "login"]
    result["requests"] = len([call for call in calls if not call["in_batch"]])
    result["parts"] = len([call for call in calls if not call["path"].endswith("$batch")])
    if mode != "plan":
        running_calls = [call for call in calls if call["start"] >= result["confirmed_at"]]
        result["chain_requests"], result["chain_seconds"] = longest_chain(running_calls, LATENCY)
    return result


def _measured(simulator: Running, folder: str, module: str, *words: str) -> dict[str, Any]:
    """The JSON line of a measurement in a process of its own, with a data folder of its own."""
    data = Path(folder) / f"data-{os.urandom(4).hex()}"
    answer = subprocess.run(
        [sys.executable, "-m", module, *words],
        env={**os.environ, **simulator.environment, "LEAVER_DATA_DIR": str(data)},
        cwd=root(),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(answer.stderr)
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def _middle(values: list[Any]) -> Any:
    return statistics.median(values) if isinstance(values[0], (int, float)) else values[-1]


def _print_offboarding(results: dict[str, Any]) -> None:
    together, alone, free = results["together"], results["one_by_one"], results["unbounded"]
    rows = [
        ("plan", f"{results['plan']['plan_seconds']:.2f} s", "2 s"),
        ("sign-in blocked after", f"{together['sign_in_blocked_seconds']:.2f} s", ""),
        ("locked out, read back, after", f"{together['locked_out_seconds']:.2f} s", "1.5 s"),
        ("everything verified after", f"{together['run_seconds']:.2f} s", "3 s"),
        ("the same, one request after the other", f"{alone['run_seconds']:.2f} s", ""),
        ("times faster", f"{alone['run_seconds'] / together['run_seconds']:.1f}", "5"),
        ("longest chain of dependent requests", f"{free['chain_requests']}, {free['chain_seconds']:.2f} s", ""),
        ("times the longest chain", f"{together['run_seconds'] / free['chain_seconds']:.2f}", "1.5"),
        ("requests sent (questions in them)", f"{together['requests']} ({together['parts']})", ""),
        ("CPU", f"{together['cpu_seconds']:.2f} s", "2 s"),
        ("peak memory", f"{together['peak_mib']:.0f} MiB", "150 MiB"),
        ("not verified", json.dumps(together["not_verified"]), "{}"),
    ]
    width = max(len(name) for name, _, _ in rows)
    print(f"{'A typical offboarding':<{width}}  {'measured':>14}  goal")
    for name, value, goal in rows:
        print(f"{name:<{width}}  {value:>14}  {goal}")


if __name__ == "__main__":
    main()
