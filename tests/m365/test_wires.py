"""How the three services are spoken to: batches, pages, memory, cmdlets, sites."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from leaver.domain.errors import (
    Forbidden,
    LeaverError,
    NotFound,
    OnPremises,
    Refused,
    Throttled,
    Unavailable,
    Uncertain,
    Unusable,
    WrongTarget,
)
from m365.played_microsoft import TENANT, Asked, Microsoft, cmdlet_error, in_turn, ok, refused

ADA = "aaaaaaaa-0000-0000-0000-000000000001"
BASE = "https://ms.test/graph/v1.0"


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    played = Microsoft(play=lambda asked: ok({"url": asked.url, "body": asked.body}))
    yield played
    await played.http.aclose()


async def test_a_lone_read_goes_by_itself(microsoft: Microsoft) -> None:
    await microsoft.graph().get("/me")

    assert [one.url for one in microsoft.sent] == [f"{BASE}/me"]


async def test_reads_under_way_together_travel_together(microsoft: Microsoft) -> None:
    graph = microsoft.graph()

    answers = await asyncio.gather(*(graph.get(f"/users/{n}", {"$select": "id"}) for n in range(45)))

    assert [len(batch.body["requests"]) for batch in microsoft.batches] == [20, 20, 5]
    assert [answer["url"] for answer in answers] == [f"{BASE}/users/{n}?$select=id" for n in range(45)]


async def test_reads_of_different_readers_of_a_tenant_travel_together(microsoft: Microsoft) -> None:
    await asyncio.gather(microsoft.graph().get("/a"), microsoft.graph().fresh().get("/b"))

    assert len(microsoft.sent) == 1


async def test_tenants_are_never_mixed(microsoft: Microsoft) -> None:
    await asyncio.gather(microsoft.graph("t1").get("/a"), microsoft.graph("t2").get("/b"))

    assert not microsoft.batches


async def test_writes_under_way_together_travel_together(microsoft: Microsoft) -> None:
    graph = microsoft.graph()

    await asyncio.gather(graph.patch("/users/ada", {"a": None}), graph.delete("/groups/g/members/ada/$ref"))

    parts = microsoft.batches[0].body["requests"]
    assert [part["method"] for part in parts] == ["PATCH", "DELETE"]
    assert parts[0]["headers"]["Content-Type"] == "application/json"
    assert parts[0]["body"] == {"a": None}


async def test_at_most_four_outlook_parts_share_a_batch(microsoft: Microsoft) -> None:
    graph = microsoft.graph()

    await asyncio.gather(*(graph.get(f"/users/{n}/mailboxSettings") for n in range(6)), graph.get("/me"))

    assert [len(batch.body["requests"]) for batch in microsoft.batches] == [5, 2]


async def test_a_part_that_fails_fails_alone(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: refused(404, "Request_ResourceNotFound") if "gone" in asked.url else ok({})
    graph = microsoft.graph()

    answers = await asyncio.gather(graph.get("/here"), graph.get("/gone"), graph.get("/there"), return_exceptions=True)

    assert [type(answer) for answer in answers] == [dict, NotFound, dict]
    gone = answers[1]
    assert isinstance(gone, NotFound)
    assert gone.request_id == "ms-request"


async def test_a_throttled_part_waits_alone(microsoft: Microsoft) -> None:
    replies = {"/slow": [refused(429, retry_after="9")]}

    def play(asked: Asked) -> httpx.Response:
        left = replies.get(asked.url.removeprefix(BASE), [])
        return left.pop() if left else ok({})

    microsoft.play = play
    graph = microsoft.graph()

    await asyncio.gather(graph.get("/quick"), graph.get("/slow"))

    assert microsoft.slept == [9.0]
    assert [one.url.removeprefix(BASE) for one in microsoft.asked] == ["/quick", "/slow", "/slow"]


async def test_a_part_without_an_answer_is_asked_again(microsoft: Microsoft) -> None:
    replies = {"/lost": [httpx.ReadError("gone")]}

    def play(asked: Asked) -> httpx.Response | Exception:
        left = replies.get(asked.url.removeprefix(BASE), [])
        return left.pop() if left else ok({"n": 1})

    microsoft.play = play
    graph = microsoft.graph()

    fine, lost = await asyncio.gather(graph.get("/fine"), graph.get("/lost"))
    assert fine == lost == {"n": 1}


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_service_without_batches_is_remembered(microsoft: Microsoft, status: int) -> None:
    microsoft.batch = lambda asked: httpx.Response(status)
    graph = microsoft.graph()

    await asyncio.gather(graph.get("/a"), graph.get("/b"))
    await asyncio.gather(graph.get("/c"), graph.get("/d"))

    assert len(microsoft.batches) == 1
    assert len(microsoft.asked) == 4


@pytest.mark.parametrize("reply", [httpx.Response(400), ok({"odd": True}), httpx.Response(200, text="odd")])
async def test_a_batch_that_is_not_understood_is_sent_in_single_requests(
    microsoft: Microsoft, reply: httpx.Response
) -> None:
    microsoft.batch = lambda asked: reply
    graph = microsoft.graph()

    answers = await asyncio.gather(graph.get("/a"), graph.get("/b"))

    assert [answer["url"] for answer in answers] == [f"{BASE}/a", f"{BASE}/b"]


async def test_a_throttled_batch_is_repeated(microsoft: Microsoft) -> None:
    left = [refused(429, retry_after="3")]
    microsoft.batch = lambda asked: left.pop() if left else None
    graph = microsoft.graph()

    await asyncio.gather(graph.get("/a"), graph.get("/b"))

    assert microsoft.slept == [3.0, 3.0]
    assert len(microsoft.batches) == 2


def _paged(*, absolute: bool) -> Any:
    def play(asked: Asked) -> httpx.Response:
        start = int(asked.url.partition("skiptoken=")[2] or 0)
        link = f"{BASE if absolute else ''}/users?$skiptoken={start + 1}"
        more = {"@odata.nextLink": link} if start < 3 else {}
        return ok({"value": [start] if start != 1 else [], **more})

    return play


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("alone", [True, False])
async def test_pages_are_followed_to_the_end(microsoft: Microsoft, absolute: bool, alone: bool) -> None:
    microsoft.play = _paged(absolute=absolute)
    graph = microsoft.graph()
    others = [] if alone else [graph.get(f"/x/{n}") for n in range(2)]

    rows, *_ = await asyncio.gather(graph.pages("/users", advanced=True), *others)

    assert rows == [0, 2, 3]
    assert all(
        "ConsistencyLevel" in one.headers or "consistencylevel" in one.headers
        for one in microsoft.asked
        if "/users" in one.url
    )


async def test_a_limit_stops_early(microsoft: Microsoft) -> None:
    microsoft.play = _paged(absolute=True)

    assert await microsoft.graph().pages("/users", limit=1) == [0]
    assert len(microsoft.asked) == 1


async def test_a_next_link_to_another_host_is_not_followed(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: ok({"value": [], "@odata.nextLink": "https://evil.test/graph/v1.0/users"})

    with pytest.raises(Unusable, match=r"evil\.test"):
        await microsoft.graph().pages("/users")


async def test_the_same_next_link_twice_is_an_error(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: ok({"value": [1], "@odata.nextLink": f"{BASE}/users?$skiptoken=1"})

    with pytest.raises(Unavailable):
        await microsoft.graph().pages("/users")


async def test_the_same_read_is_sent_once_until_fresh(microsoft: Microsoft) -> None:
    graph = microsoft.graph()

    await asyncio.gather(graph.get("/me"), graph.get("/me"))
    await graph.get("/me")
    before = len(microsoft.asked)
    await graph.fresh().get("/me")

    assert (before, len(microsoft.asked)) == (1, 2)


async def test_a_failed_read_is_not_remembered_but_an_absence_is(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(refused(403), refused(404))
    graph = microsoft.graph()

    for kind in (Forbidden, NotFound, NotFound):
        with pytest.raises(kind):
            await graph.get("/me")

    assert len(microsoft.asked) == 2


async def test_parameters_are_encoded(microsoft: Microsoft) -> None:
    await microsoft.graph().get("/users", {"$filter": "mail eq 'a+b&c@x'", "$count": True, "$top": 5, "none": None})

    assert microsoft.asked[0].url == f"{BASE}/users?$filter=mail%20eq%20'a%2Bb%26c%40x'&$count=true&$top=5"


async def test_a_cmdlet_is_sent_as_exchange_wants_it(microsoft: Microsoft) -> None:
    await microsoft.exchange().read("Get-Mailbox", anchor="UPN:ada@x", select=("Guid", "Name"), Identity=ADA)

    sent = microsoft.sent[0]
    assert sent.url == f"https://ms.test/exchange/adminapi/beta/{TENANT}/InvokeCommand?$select=Guid,Name"
    assert sent.body == {"CmdletInput": {"CmdletName": "Get-Mailbox", "Parameters": {"Identity": ADA}}}
    assert sent.headers["x-anchormailbox"] == "UPN:ada@x"
    assert sent.headers["x-cmdletname"] == "Get-Mailbox"
    assert sent.headers["prefer"] == "odata.maxpagesize=1000"


async def test_without_an_anchor_the_system_mailbox_routes(microsoft: Microsoft) -> None:
    await microsoft.exchange().read("Get-Mailbox")

    anchor = f"APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}"
    assert microsoft.sent[0].headers["x-anchormailbox"] == anchor


async def test_reads_of_exchange_travel_by_tens(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: ok({"value": [asked.body["CmdletInput"]["Parameters"]]})
    exchange = microsoft.exchange()

    rows = await asyncio.gather(*(exchange.read("Get-Mailbox", anchor=f"UPN:{n}", Identity=f"m{n}") for n in range(12)))

    parts = microsoft.batches[0].body["requests"]
    assert [len(batch.body["requests"]) for batch in microsoft.batches] == [10, 2]
    assert rows == [[{"Identity": f"m{n}"}] for n in range(12)]
    assert len({part["id"] for part in parts}) == 10
    assert parts[3]["headers"]["X-AnchorMailbox"] == "UPN:3"
    assert parts[3]["url"].startswith("https://ms.test/exchange/adminapi/beta/")


async def test_exchange_pages_are_posted_again_with_the_same_body(microsoft: Microsoft) -> None:
    home = f"https://ms.test/exchange/adminapi/beta/{TENANT}/InvokeCommand"

    def play(asked: Asked) -> httpx.Response:
        if "skip" in asked.url:
            return ok({"value": [{"N": 2}]})
        return ok({"value": [{"N": 1, "N@odata.type": "Int"}], "@odata.nextLink": f"{home}?skip=1"})

    microsoft.play = play
    exchange = microsoft.exchange()

    first, second = await asyncio.gather(exchange.read("Get-Mailbox"), exchange.read("Get-Recipient"))

    assert first == second == [{"N": 1}, {"N": 2}]
    assert sorted(one.cmdlet for one in microsoft.asked) == ["Get-Mailbox"] * 2 + ["Get-Recipient"] * 2


async def test_a_write_goes_by_itself_and_gives_warnings(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: ok({"value": [], "@adminapi.warnings": ["no settings have been modified"]})
    exchange = microsoft.exchange()

    ran, _ = await asyncio.gather(
        exchange.run("Set-Mailbox", Identity=ADA, Type="Shared"), exchange.run("Set-Mailbox", Identity="other")
    )

    assert ran.warnings == ["no settings have been modified"]
    assert not microsoft.batches


async def test_an_empty_answer_of_a_write_is_fine(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: httpx.Response(204)

    assert (await microsoft.exchange().run("Remove-InboxRule", Identity="1")).rows == []


async def test_writes_of_one_lane_follow_each_other(microsoft: Microsoft) -> None:
    microsoft.latency = 0.01
    exchange = microsoft.exchange()

    await asyncio.gather(
        *(exchange.fresh().run("Set-Mailbox", lane="mailbox ada", Identity=ADA, N=n) for n in range(4))
    )

    assert microsoft.most_under_way == 1
    assert [one.body["CmdletInput"]["Parameters"]["N"] for one in microsoft.asked] == [0, 1, 2, 3]
    assert not exchange._line.turns


@pytest.mark.parametrize("name", ["Identity", "Mailbox", "User", "Trustee", "Member", "identity"])
@pytest.mark.parametrize("value", [None, "", "  ", "*"])
async def test_a_blank_identity_is_never_sent(microsoft: Microsoft, name: str, value: Any) -> None:
    exchange = microsoft.exchange()

    with pytest.raises(WrongTarget):
        await exchange.read("Get-Mailbox", **{name: value})
    with pytest.raises(WrongTarget):
        await exchange.run("Remove-Mailbox", **{name: value})

    assert not microsoft.sent


@pytest.mark.parametrize(
    ("status", "kind", "text", "error"),
    [
        (
            404,
            "Microsoft.Exchange.ManagementObjectNotFoundException",
            "object 'x' couldn't be found on 'DC'.",
            NotFound,
        ),
        (400, "Microsoft.Exchange.Tasks.MemberNotFoundException", "isn't a member of the group", NotFound),
        (400, "X.UserNotFoundInPermissionEntryException", "There is no existing permission entry", NotFound),
        (400, "X.SomethingException", "because the ACE doesn't exist on the object", NotFound),
        (
            400,
            "X.InvalidOperationException",
            "out of the current user's write scope because the object is being synchronized from your on-premises",
            OnPremises,
        ),
        (400, "X.UnableToWriteToAadException", "The issue may be transient and please retry", Unavailable),
        (400, "X.UnableToWriteToAadException", "on-premises mastered Directory Sync objects", OnPremises),
        (400, "X.CmdletException", "'Set-X' is not present in the role definition of the current user", Forbidden),
        (400, "X.ParameterTransformationException", "Specify one of the following enumerator names", Refused),
        (500, "X.GenuineException", "A cmdlet failed", Refused),
        (500, "Microsoft.Exchange.Data.Directory.ADTransientException", "Try later", Unavailable),
    ],
)
async def test_exchange_refusals_become_our_errors(
    microsoft: Microsoft, status: int, kind: str, text: str, error: type
) -> None:
    microsoft.play = lambda asked: cmdlet_error(status, kind, text)

    with pytest.raises(LeaverError) as caught:
        await microsoft.exchange().run("Set-Mailbox", Identity=ADA)

    assert type(caught.value) is error
    assert text[:30] in caught.value.message
    assert caught.value.code == kind.rpartition(".")[2]
    assert len(microsoft.asked) == 1


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"error": {"details": [{"message": '|A.BException|{"Message": "inner text"}'}]}}, "BException", "inner text"),
        (
            {
                "error": {
                    "message": "Error executing cmdlet",
                    "innererror": {"internalException": {"message": "deep", "type": "A.C"}},
                }
            },
            "C",
            "deep",
        ),
        ({"error": {"code": "BadRequest", "message": "only this"}}, "BadRequest", "only this"),
    ],
)
async def test_the_best_words_of_exchange_are_found(microsoft: Microsoft, body: Any, code: str, text: str) -> None:
    microsoft.play = lambda asked: httpx.Response(400, json=body)

    with pytest.raises(Refused) as caught:
        await microsoft.exchange().read("Get-Mailbox")

    assert (caught.value.code, text in caught.value.message) == (code, True)


async def test_a_missing_role_may_answer_with_nothing_readable(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: httpx.Response(403, content=b"\0" * 40)

    with pytest.raises(Forbidden) as caught:
        await microsoft.exchange().read("Get-Mailbox")

    assert "Exchange Administrator" in caught.value.advice
    assert "\0" not in caught.value.message


async def test_a_wrong_server_is_asked_again_by_object_id(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(cmdlet_error(400, "X.CmdletProxyNotAvailableException", "Cmdlet needs proxy"))

    await microsoft.exchange().run("Remove-InboxRule", anchor="UPN:ada@x", Mailbox=ADA, Identity="7")

    assert [one.headers["x-anchormailbox"] for one in microsoft.sent] == ["UPN:ada@x", f"OID:{ADA}@{TENANT}"]


async def test_a_wrong_server_twice_is_an_error(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: cmdlet_error(400, "X.CmdletProxyNotAvailableException", "Cmdlet needs proxy")

    with pytest.raises(Unavailable):
        await microsoft.exchange().read("Get-InboxRule", anchor="UPN:ada@x", Mailbox=ADA)

    assert len(microsoft.asked) == 2


@pytest.mark.parametrize(
    ("cmdlet", "more", "repeated"),
    [
        ("Set-Mailbox", {}, True),
        ("Remove-MailboxPermission", {}, True),
        ("Add-MailboxPermission", {}, True),
        ("New-InboxRule", {}, False),
        ("Remove-CalendarEvents", {}, False),
        ("Remove-CalendarEvents", {"PreviewOnly": True}, True),
        ("New-InboxRule", {"repeatable": True}, True),
    ],
)
async def test_lost_answers_of_cmdlets(microsoft: Microsoft, cmdlet: str, more: dict[str, Any], repeated: bool) -> None:
    microsoft.play = in_turn(httpx.ReadTimeout("slow"))
    running = microsoft.exchange().run(cmdlet, Identity=ADA, **more)

    if repeated:
        await running
    else:
        with pytest.raises(Uncertain):
            await running

    assert len(microsoft.asked) == (2 if repeated else 1)


async def test_exchange_throttling_ends_in_words(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: httpx.Response(429)

    with pytest.raises(Throttled, match="Exchange Online is throttling"):
        await microsoft.exchange().run("Set-Mailbox", Identity=ADA)


SITE = "https://contoso-my.sharepoint.com/personal/ada_contoso"


async def test_a_site_is_read_live_with_a_token_for_its_host(microsoft: Microsoft) -> None:
    sharepoint = microsoft.sharepoint()

    await sharepoint.get(SITE, "/_api/web/siteusers", {"$filter": "IsSiteAdmin eq true"})
    await sharepoint.get(SITE, "/_api/web/siteusers", {"$filter": "IsSiteAdmin eq true"})

    assert [one.url for one in microsoft.sent] == [f"{SITE}/_api/web/siteusers?$filter=IsSiteAdmin%20eq%20true"] * 2
    assert [one.form["scope"] for one in microsoft.signed_in] == ["https://contoso-my.sharepoint.com/.default"]


async def test_a_merge_is_repeated_after_a_lost_answer(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(httpx.ReadTimeout("slow"))

    await microsoft.sharepoint().post(SITE, "/_api/web/getuserbyid(12)", {"IsSiteAdmin": True}, merge=True)

    assert microsoft.sent[1].headers["x-http-method"] == "MERGE"
    assert microsoft.sent[1].headers["content-type"] == "application/json;odata=nometadata"
    assert microsoft.sent[1].body == {"IsSiteAdmin": True}


async def test_a_secrets_token_is_refused_with_advice(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: httpx.Response(401, text="Unsupported app only token.")

    with pytest.raises(Forbidden) as caught:
        await microsoft.sharepoint().get(SITE, "/_api/web")

    assert "LEAVER_CLIENT_CERTIFICATE" in caught.value.advice
    assert len(microsoft.signed_in) == 1
    assert not microsoft.sharepoint().certificate


async def test_the_client_services_errors_are_found_in_its_success(microsoft: Microsoft) -> None:
    info = {"ErrorMessage": "Attempted to perform an unauthorized operation.", "ErrorCode": -1, "ErrorTypeName": "X.Y"}
    microsoft.play = lambda asked: ok([{"ErrorInfo": info}])

    with pytest.raises(Forbidden, match="unauthorized operation"):
        await microsoft.sharepoint().process_query("https://contoso-admin.sharepoint.com", "<Request/>")


async def test_the_client_services_answer_is_given_whole(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: ok([{"ErrorInfo": None}, 3, {"SharingCapability": 0}])

    rows = await microsoft.sharepoint().process_query("https://contoso-admin.sharepoint.com/", "<Request/>")

    assert rows[2] == {"SharingCapability": 0}
    assert microsoft.sent[0].headers["content-type"] == "text/xml"
    assert microsoft.sent[0].url == "https://contoso-admin.sharepoint.com/_vti_bin/client.svc/ProcessQuery"


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        (500, "-2146232832, Microsoft.SharePoint.SPException", "The user could not be found.", NotFound),
        (403, "-2147024891, System.UnauthorizedAccessException", "Access denied.", Forbidden),
        (404, "x", "gone", NotFound),
    ],
)
async def test_sharepoint_refusals_become_our_errors(
    microsoft: Microsoft, status: int, code: str, text: str, kind: type
) -> None:
    error = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": text}}}
    microsoft.play = lambda asked: httpx.Response(status, json=error)

    with pytest.raises(kind, match=text):
        await microsoft.sharepoint().post(SITE, "/_api/web/ensureuser", {"logonName": "x"})


async def test_an_address_that_is_none_is_refused(microsoft: Microsoft) -> None:
    with pytest.raises(Unusable):
        await microsoft.sharepoint().get("ftp://x", "/_api/web")
