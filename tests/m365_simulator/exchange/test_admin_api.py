"""The envelope, paging, batches, and who is let in."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import Any

from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import USER_ADMIN, Grant, World


async def test_pages_follow_by_sending_the_same_body_again(exo: Any, world: World) -> None:
    for number in range(7):
        world.add_user(f"u{number}")
    exo.headers["Prefer"] = "odata.maxpagesize=4"

    pages, link = [], exo.address + "?$select=Alias"
    while link:
        body = (await exo.send("Get-Mailbox", link, ResultSize="Unlimited")).json()
        pages.append([row["Alias"] for row in body["value"]])
        link = body.get("@odata.nextLink", "")

    assert [len(page) for page in pages] == [4, 4, 2]
    assert len({alias for page in pages for alias in page}) == 10


async def test_a_next_link_does_not_go_with_another_body(exo: Any) -> None:
    exo.headers["Prefer"] = "odata.maxpagesize=1"
    link = (await exo.run("Get-Mailbox"))["@odata.nextLink"]

    answer = await exo.send("Get-Mailbox", link, ResultSize="Unlimited")

    assert answer.status_code == 400


async def test_select_limits_the_properties(exo: Any) -> None:
    answer = await exo.send("Get-Mailbox", exo.address + "?$select=Alias,EmailAddresses", Identity="ada")

    shown = {key for key in answer.json()["value"][0] if "@" not in key}
    assert shown == {"Alias", "EmailAddresses"}


async def test_more_than_a_thousand_are_cut_with_a_warning(exo: Any, world: World) -> None:
    for number in range(1000):
        world.add_user(f"u{number}")

    body = await exo.run("Get-Mailbox")

    assert len(body["value"]) == 1000
    assert "more results" in body["@adminapi.warnings"][0]


async def test_cmdlet_and_parameter_names_have_no_case(exo: Any) -> None:
    row = await exo.row("get-MAILBOX", identity="ada", erroraction="Stop")

    assert row["Alias"] == "ada"


async def test_an_unknown_parameter_is_refused(exo: Any) -> None:
    refusal = await exo.refusal("Get-Mailbox", Identity="ada", Nonsense=1)

    assert (refusal.status, refusal.type) == (400, "AmbiguousParameterSetException")
    assert "Parameter set cannot be resolved" in refusal.text


async def test_parameters_of_different_sets_are_refused(exo: Any) -> None:
    refusal = await exo.refusal("Get-MobileDevice", Identity="x", Mailbox="ada")

    assert refusal.type == "AmbiguousParameterSetException"


async def test_a_parameter_of_the_servers_only_is_refused(exo: Any) -> None:
    refusal = await exo.refusal("Get-Mailbox", Identity="ada", DomainController="dc1")

    assert refusal.type == "AmbiguousParameterSetException"


async def test_a_wrong_enumeration_lists_the_right_ones(exo: Any) -> None:
    refusal = await exo.refusal("Set-Mailbox", Identity="ada", Type="Shard")

    assert refusal.type == "ParameterTransformationException"
    assert "Specify one of the following enumerator names" in refusal.text
    assert "Shared" in refusal.text


async def test_an_unknown_cmdlet_is_as_one_outside_the_roles(exo: Any) -> None:
    refusal = await exo.refusal("Get-Nonsense")

    assert refusal.status == 403
    assert "is not present in the role definition of the current user" in refusal.text


async def test_unified_group_links_cannot_be_changed_by_an_app(exo: Any) -> None:
    refusal = await exo.refusal("Remove-UnifiedGroupLinks", Identity="team", LinkType="Members", Links=["ada"])

    assert "is not present in the role definition" in refusal.text


async def test_a_null_identity_returns_everything(exo: Any) -> None:
    assert len(await exo.rows("Get-Mailbox", Identity=None)) == 3
    assert len(await exo.rows("Get-Mailbox", Identity="")) == 3


async def test_removing_without_an_identity_is_an_error(exo: Any) -> None:
    missing = await exo.refusal("Remove-MailboxPermission", User="bob", AccessRights=["FullAccess"])
    null = await exo.refusal("Remove-InboxRule", Mailbox="ada", Identity=None)

    assert missing.type.startswith("ParameterBinding")
    assert null.type.startswith("ParameterBinding")


async def test_nobody_is_found_as_documented(exo: Any) -> None:
    answer = await exo.send("Get-Mailbox", Identity="nobody@contoso.example")

    error = answer.json()["error"]
    assert answer.status_code == 404
    assert (error["code"], error["message"]) == ("NotFound", "Error executing cmdlet")
    assert "ManagementObjectNotFoundException|" in error["details"][0]["message"]
    assert "couldn't be found on" in error["innererror"]["internalexception"]["message"]


async def test_a_batch_answers_each_part_by_itself(exo: Any) -> None:
    parts = [
        {
            "id": name,
            "method": "POST",
            "url": exo.address,
            "headers": {"Content-Type": "application/json"},
            "body": exo.body("Get-Mailbox", Identity=name),
        }
        for name in ("ada", "nobody", "bob")
    ]
    address = exo.address.replace("InvokeCommand", "$batch")

    answer = await exo.http.post(address, json={"requests": parts}, headers={"Authorization": f"Bearer {exo.token}"})

    assert {part["id"]: part["status"] for part in answer.json()["responses"]} == {
        "ada": 200,
        "nobody": 404,
        "bob": 200,
    }


async def test_a_batch_has_ten_parts_at_most(exo: Any) -> None:
    address = exo.address.replace("InvokeCommand", "$batch")
    parts = [{"id": str(n), "method": "POST", "url": exo.address, "body": {}} for n in range(11)]

    answer = await exo.http.post(address, json={"requests": parts}, headers={"Authorization": f"Bearer {exo.token}"})

    assert answer.status_code == 400


async def test_an_app_without_an_exchange_role_gets_no_json(exo: Any, world: World) -> None:
    world.grants["app"] = Grant(roles=frozenset({USER_ADMIN}))
    exo.sign_in()

    answer = await exo.send("Get-Mailbox")

    assert answer.status_code == 403
    assert set(answer.content) == {0}


async def test_an_app_without_the_permission_is_shut_out(exo: Any, world: World) -> None:
    world.grants["app"] = Grant(permissions=frozenset({"User.Read.All"}))
    exo.sign_in()

    assert (await exo.send("Get-Mailbox")).status_code == 403


async def test_a_token_for_graph_is_not_taken(exo: Any, world: World) -> None:
    app = exo.state.cloud.apps["app"]
    exo.token = exo.state.tokens.issue(world, app, "https://graph.microsoft.com/.default", certificate=False)[0]

    assert (await exo.send("Get-Mailbox")).status_code == 401


async def test_too_many_at_once_are_refused_in_plain_text(exo: Any, behaviour: Behaviour) -> None:
    import asyncio

    behaviour.exchange_concurrency = 2
    behaviour.latency["exchange"] = 20

    answers = await asyncio.gather(*(exo.send("Get-Mailbox", Identity="ada") for _ in range(5)))

    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert refused[0].text.startswith("You have reached the maximum number of concurrent requests per tenant")


async def test_a_fault_hits_the_cmdlet_it_names(exo: Any, behaviour: Behaviour) -> None:
    behaviour.faults.append(Fault("^Get-Mailbox ada", status=429, headers={"Retry-After": "7"}))

    first = await exo.send("Get-Mailbox", Identity="ada")
    again = await exo.send("Get-Mailbox", Identity="ada")

    assert (first.status_code, first.headers["retry-after"], again.status_code) == (429, "7", 200)


async def test_store_cmdlets_want_the_right_anchor_when_asked_for(exo: Any, behaviour: Behaviour) -> None:
    behaviour.exchange_anchor = "required"

    wrong = await exo.refusal("Get-InboxRule", Mailbox="ada")
    exo.headers["X-AnchorMailbox"] = "UPN:ada@contoso.example"
    right = await exo.send("Get-InboxRule", Mailbox="ada")

    assert wrong.type == "CmdletProxyNotAvailableException"
    assert right.status_code == 200


async def lines_run(work: Awaitable[Any]) -> int:
    """How many lines of Python it takes; unlike time the same on every machine."""
    count = 0

    def seen(*_: object) -> Any:
        nonlocal count
        count += 1
        return seen

    sys.settrace(seen)
    try:
        await work
    finally:
        sys.settrace(None)
    return count


async def test_a_large_tenant_is_as_cheap_as_a_small_one(exo: Any, world: World) -> None:
    async def asked() -> None:
        await exo.rows("Get-MailboxPermission", Identity=world.users["bob"].id)
        await exo.rows("Get-MailboxFolderPermission", Identity=f"{world.users['bob'].id}:\\Calendar")

    await asked()
    small = await lines_run(asked())
    for number in range(5000):
        world.add_user(f"u{number}")
    await asked()
    large = await lines_run(asked())

    assert large < small * 1.5
