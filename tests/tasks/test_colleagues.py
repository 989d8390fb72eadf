"""Whom the lists of Exchange mean, however it writes them."""

from __future__ import annotations

from typing import Any

import pytest

from leaver.domain.errors import Refused
from leaver.domain.people import Colleague
from leaver.tasks.colleagues import Recognised, among, recognised
from m365.stub_wires import Stubs

GRACE = Colleague("grace-id", "grace@contoso.example", "Grace Hopper")
OTHER = {"ExternalDirectoryObjectId": "other-id", "DisplayName": "Grace Hopper"}
KNOWN = {"ExternalDirectoryObjectId": "GRACE-id", "DisplayName": "Grace Hopper"}


def directory(rows: dict[str, Any]) -> Any:
    return lambda asked: rows.get(asked.get("Identity", ""), rows.get("filter", []) if "Filter" in asked else [])


async def listed(stubs: Stubs, *entries: str) -> Recognised:
    return await recognised(stubs.tenant(), entries, [GRACE])


@pytest.mark.parametrize(
    "entry", ["grace4711", "contoso.example/Users/grace4711", "CN=grace4711,OU=contoso", "PROD\\grace4711"]
)
async def test_a_name_in_the_directory_is_looked_up_with_and_without_its_path(entry: str) -> None:
    stubs = Stubs()
    stubs.exchange.answers["Get-Recipient"] = directory({"grace4711": [KNOWN]})

    assert among(GRACE, await listed(stubs, entry))


async def test_a_name_that_several_have_counts_only_once_exchange_has_accepted_the_colleague() -> None:
    """F18, E9: before, it may be the other one's; afterwards it would never be read back."""
    stubs = Stubs()
    stubs.exchange.answers["Get-Recipient"] = directory({"Grace Hopper": [OTHER, KNOWN]})

    found = await listed(stubs, "Grace Hopper")

    assert (among(GRACE, found), among(GRACE, found, accepted=True)) == (False, True)


async def test_a_name_that_exchange_refuses_as_ambiguous_is_looked_up_by_what_people_see() -> None:
    """D12."""
    stubs = Stubs()
    ambiguous = Refused("'Grace Hopper' matches multiple entries.")
    stubs.exchange.answers["Get-Recipient"] = directory({"Grace Hopper": ambiguous, "filter": [OTHER, KNOWN]})

    assert among(GRACE, await listed(stubs, "Grace Hopper"), accepted=True)


@pytest.mark.parametrize(("sid", "known"), [("S-1-5-21-1-2-3-4711", True), ("S-1-5-21-1-2-3-4712", False)])
async def test_a_bare_security_id_is_the_colleagues_where_exchange_says_so(sid: str, known: bool) -> None:
    stubs = Stubs()
    stubs.exchange.answers["Get-User"] = [{"Sid": sid}]

    assert among(GRACE, await listed(stubs, "S-1-5-21-1-2-3-4711"), accepted=True) is known
