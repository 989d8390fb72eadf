"""The compact tables of parameters against the published cmdlet reference, where its extract is at hand."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from m365_simulator.exchange import GROUPS
from m365_simulator.exchange.cmdlets import HANDLERS
from m365_simulator.exchange.parameters import CMDLETS, EXCLUSIVE

REFERENCE = Path(__file__).parents[4] / "shared/contracts/exchange-cmdlets.json"
OURS = {"New-InboxRule"}
"""From its own reference page; the extract does not have it."""


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    if not REFERENCE.exists():
        pytest.skip("The extract of the cmdlet reference (exchange-cmdlets.json) is not beside the repository.")
    everything = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return {name: entry for name, entry in everything.items() if not name.startswith("$")}


def online(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in entry["parameters"].items() if each["online"]}


def test_every_cmdlet_of_the_tables_is_written() -> None:
    unwritten = {cmdlet.name for cmdlet in CMDLETS.values()} - set(HANDLERS)

    assert GROUPS
    assert unwritten == {"Add-UnifiedGroupLinks", "Remove-UnifiedGroupLinks"}


def test_the_cmdlets_are_those_of_the_reference(reference: dict[str, Any]) -> None:
    assert {cmdlet.name for cmdlet in CMDLETS.values()} - OURS == set(reference)


def test_parameters_are_those_of_exchange_online(reference: dict[str, Any]) -> None:
    for name, entry in reference.items():
        ours = {each.name for each in CMDLETS[name.lower()].parameters.values()}
        assert ours == set(online(entry)), name


def test_switches_and_booleans_are_told_apart(reference: dict[str, Any]) -> None:
    kinds = {"SwitchParameter": "switch", "Boolean": "bool", "System.Boolean": "bool"}
    for name, entry in reference.items():
        for parameter, each in online(entry).items():
            ours = CMDLETS[name.lower()].parameters[parameter.lower()].kind
            assert (ours if ours in ("switch", "bool") else "") == kinds.get(each["type"], ""), (name, parameter)


def test_what_every_set_demands_is_mandatory(reference: dict[str, Any]) -> None:
    for name, entry in reference.items():
        known = online(entry)
        sets = [set(each["mandatory"]) for each in entry["parameter_sets"].values()]
        usable = [each for each in sets if each <= set(known)]
        demanded = set.intersection(*usable) if usable else set()
        ours = {each.name for each in CMDLETS[name.lower()].parameters.values() if each.mandatory}
        assert ours == demanded, name


def test_exclusive_parameters_share_no_set(reference: dict[str, Any]) -> None:
    for name, pairs in EXCLUSIVE.items():
        sets = reference[name]["parameter_sets"].values()
        together = [
            pair
            for group in pairs
            for pair in combinations(sorted(group), 2)
            if any(set(pair) <= {*each["mandatory"], *each["optional"]} for each in sets)
        ]
        assert not together, name
