"""Waiting, repeating, and what is kept of a call."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from leaver.domain.errors import (
    Forbidden,
    LeaverError,
    NotFound,
    NotYet,
    OnPremises,
    Refused,
    Throttled,
    Unavailable,
    Uncertain,
    Unusable,
)
from leaver.m365.http import Http, Wait, listening, quote_id, recording
from m365.played_microsoft import SECRET, TENANT, Microsoft, in_turn, ok, refused


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    played = Microsoft()
    yield played
    await played.http.aclose()


async def test_a_throttled_read_waits_as_many_seconds_as_asked(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(refused(429, "TooManyRequests", retry_after="7"))

    await microsoft.graph().get("/me")

    assert microsoft.slept == [7.0]


async def test_a_throttled_read_waits_until_the_date_asked(microsoft: Microsoft) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    microsoft.play = in_turn(refused(429, retry_after=until))

    await microsoft.graph().get("/me")

    assert 17 < microsoft.slept[0] <= 20


async def test_without_retry_after_the_pauses_grow(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(*(refused(503) for _ in range(4)))

    await microsoft.graph().get("/me")

    assert [1 <= pause <= 2 for pause in microsoft.slept[:1]] == [True]
    assert microsoft.slept == sorted(microsoft.slept)
    assert len(microsoft.slept) == 4


async def test_a_plain_text_refusal_of_too_many_connections_is_throttling(microsoft: Microsoft) -> None:
    text = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again"
    microsoft.play = in_turn(httpx.Response(400, text=text), httpx.Response(403, text=text))

    await microsoft.exchange().run("New-InboxRule", Mailbox="ada", Name="x")

    assert len(microsoft.asked) == 3


async def test_throttling_beyond_the_waiting_budget_is_said_with_what_microsoft_asked(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: refused(429, "TooManyRequests", retry_after="300")

    with pytest.raises(Throttled) as caught:
        await microsoft.graph().get("/users/ada")

    assert caught.value.wait == 300
    assert TENANT in caught.value.message
    assert microsoft.slept == []


async def test_everybody_who_shares_a_read_hears_of_its_waits(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(refused(429, "TooManyRequests", retry_after="7"))
    graph = microsoft.graph()
    heard: list[tuple[str, Wait]] = []

    async def read(name: str) -> None:
        @contextmanager
        def hear(wait: Wait) -> Iterator[None]:
            heard.append((name, wait))
            yield

        with listening(hear):
            await graph.get("/users/ada")

    await asyncio.gather(read("first"), read("second"))

    assert {name for name, _ in heard} == {"first", "second"}
    assert {(wait.number, wait.of, wait.seconds) for _, wait in heard} == {(2, 0, 7.0)}


async def test_throttling_halves_the_requests_under_way() -> None:
    microsoft = Microsoft(play=in_turn(*(refused(429, retry_after="1") for _ in range(8))))
    microsoft.batch = lambda asked: httpx.Response(501)
    graph = microsoft.graph()

    await asyncio.gather(*(graph.get(f"/users/{n}") for n in range(40)))

    assert graph._line.budget.limit < 16
    assert len(microsoft.asked) == 48
    await microsoft.http.aclose()


@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.ConnectError("no")]
)
async def test_a_read_is_repeated_after_a_lost_answer(microsoft: Microsoft, failure: Exception) -> None:
    microsoft.play = in_turn(failure)

    assert (await microsoft.graph().get("/me"))["done"]


async def test_a_lost_answer_of_a_post_is_uncertain_and_not_repeated(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(httpx.ReadTimeout("slow"))

    with pytest.raises(Uncertain):
        await microsoft.graph().post("/users/ada/revokeSignInSessions")

    assert len(microsoft.asked) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_server_error_of_a_post_is_uncertain(microsoft: Microsoft, status: int) -> None:
    microsoft.play = in_turn(refused(status))

    with pytest.raises(Uncertain):
        await microsoft.graph().post("/users/ada/assignLicense", {})

    assert len(microsoft.asked) == 1


async def test_a_post_that_never_left_is_repeated(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(httpx.ConnectError("refused"))

    assert (await microsoft.graph().post("/x")).ok


async def test_a_repeatable_post_is_repeated(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(httpx.ReadTimeout("slow"))

    assert (await microsoft.graph().post("/x", repeatable=True)).ok


async def test_a_throttled_post_is_repeated_for_nothing_was_done(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(refused(429, retry_after="1"), refused(503, retry_after="1"))

    assert (await microsoft.graph().post("/x")).ok


async def test_patch_and_delete_are_repeated_after_a_lost_answer(microsoft: Microsoft) -> None:
    microsoft.play = in_turn(httpx.ReadTimeout("slow"), httpx.ReadTimeout("slow"))

    assert (await microsoft.graph().patch("/users/ada", {"accountEnabled": False})).ok
    assert microsoft.asked[-1].body == {"accountEnabled": False}


async def test_500_is_tried_three_times(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: refused(500, "generalException", "Oops")

    with pytest.raises(Unavailable):
        await microsoft.graph().get("/me")

    assert len(microsoft.asked) == 3


async def test_nobody_there_is_unavailable_after_the_budget() -> None:
    microsoft = Microsoft(play=lambda asked: httpx.ConnectError("Connection refused"), budget=10)

    with pytest.raises(Unavailable) as caught:
        await microsoft.graph().get("/me")

    assert "Connection refused" in caught.value.message
    assert sum(microsoft.slept) <= 10
    await microsoft.http.aclose()


async def test_a_portals_page_is_not_taken_for_an_answer(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: httpx.Response(200, text="<html>Please log in</html>")

    with pytest.raises(Unavailable, match="Please log in"):
        await microsoft.graph().get("/me")


async def test_a_refused_token_is_renewed_once(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: (
        ok({"fine": True})
        if asked.headers["authorization"] == "Bearer token-2"
        else refused(401, "InvalidAuthenticationToken")
    )

    assert await microsoft.graph().get("/me") == {"fine": True}


async def test_many_refused_at_once_share_one_renewal(microsoft: Microsoft) -> None:
    microsoft.batch = lambda asked: None if asked.headers["authorization"] == "Bearer token-2" else httpx.Response(401)
    graph = microsoft.graph()

    await asyncio.gather(*(graph.get(f"/users/{n}") for n in range(30)))

    assert len(microsoft.signed_in) == 2


async def test_a_token_refused_twice_is_forbidden(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: refused(401, "InvalidAuthenticationToken", "Access token is empty.")

    with pytest.raises(Forbidden) as caught:
        await microsoft.graph().get("/me")

    assert caught.value.code == "InvalidAuthenticationToken"
    assert len(microsoft.asked) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."), Forbidden),
        (refused(404, "Request_ResourceNotFound", "Resource 'x' does not exist"), NotFound),
        (
            refused(
                400,
                "Request_BadRequest",
                "Unable to update the specified properties for on-premises mastered Directory Sync objects",
            ),
            OnPremises,
        ),
        (refused(400, "badRequest", "Cannot delete default method with other methods configured."), NotYet),
        (refused(400, "Request_BadRequest", "Something else"), Refused),
        (refused(423, "resourceLocked", "Locked"), NotYet),
        (httpx.Response(403, content=b"\0\0\0\0"), Forbidden),
        (httpx.Response(400, json={"error": {"code": "x", "innererror": None, "details": "odd"}}), Refused),
        (httpx.Response(400, json=["odd"]), Refused),
    ],
)
async def test_graph_refusals_become_our_errors(microsoft: Microsoft, reply: httpx.Response, kind: type) -> None:
    microsoft.play = lambda asked: reply

    with pytest.raises(LeaverError) as caught:
        await microsoft.graph().patch("/users/ada", {})

    assert type(caught.value) is kind
    assert caught.value.status == reply.status_code
    assert caught.value.service == "graph"


async def test_a_refusal_is_a_sentence_with_code_request_id_and_advice(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: refused(403, "Authorization_RequestDenied", "Insufficient privileges.")

    with pytest.raises(Forbidden) as caught:
        await microsoft.graph().get("/users/ada")

    error = caught.value
    assert str(error) == (
        f"Microsoft Graph refused GET /users/ada in tenant {TENANT}: Insufficient privileges. "
        "[Authorization_RequestDenied]"
    )
    assert error.request_id == "ms-request"
    assert "Grant admin consent" in error.advice


async def test_calls_are_recorded_by_whoever_made_them(microsoft: Microsoft) -> None:
    graph = microsoft.graph()
    await graph.get("/warm")

    async def one(path: str) -> list[str]:
        with recording() as calls:
            await graph.get(path, {"$filter": "secret eq 1"})
        return [call.what for call in calls]

    assert list(await asyncio.gather(one("/a"), one("/b"), one("/a"))) == [["/a"], ["/b"], ["/a"]]
    assert len(microsoft.batches) == 1


async def test_a_lost_attempt_is_recorded_too(microsoft: Microsoft) -> None:
    graph = microsoft.graph()
    await graph.get("/warm")
    microsoft.play = in_turn(httpx.ReadTimeout("slow"))

    with recording() as calls:
        await graph.patch("/users/ada", {})

    assert [call.status for call in calls] == [0, 200]
    assert all(call.request_id for call in calls)


async def test_every_request_says_who_we_are(microsoft: Microsoft) -> None:
    await microsoft.graph().get("/me")

    headers = microsoft.asked[0].headers
    assert headers["user-agent"].startswith("NONISV|Leaver|Leaver/")
    assert headers["client-request-id"]


async def test_the_services_clock_is_known_when_it_differs(microsoft: Microsoft) -> None:
    ahead = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    microsoft.play = lambda asked: ok({}, date=ahead)

    await microsoft.graph().get("/me")

    assert abs(microsoft.http.skew - timedelta(minutes=5)) < timedelta(seconds=2)
    assert abs(microsoft.http.now() - datetime.now(UTC) - microsoft.http.skew) < timedelta(seconds=1)


async def test_a_clock_that_agrees_has_no_skew(microsoft: Microsoft) -> None:
    microsoft.play = lambda asked: ok({}, date=format_datetime(datetime.now(UTC), usegmt=True))

    await microsoft.graph().get("/me")

    assert microsoft.http.skew == timedelta()


async def test_no_secret_in_errors_reprs_or_logs(microsoft: Microsoft, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    microsoft.play = in_turn(refused(401), refused(403))
    written = []

    try:
        await microsoft.graph().get("/me")
    except LeaverError as error:
        written = [repr(error), str(error), "".join(traceback.format_exception(error))]
    written += [repr(microsoft.tokens.__dict__), repr(microsoft.http.__dict__), caplog.text]

    assert not [text for text in written if SECRET in text or "token-1" in text or "token-2" in text]


async def test_a_missing_authority_file_is_said() -> None:
    with pytest.raises(Unusable, match="cannot be used"):
        Http(ca_file=__import__("pathlib").Path("/nowhere/ca.pem"))


async def test_cancelling_a_reader_leaves_the_others_undisturbed(microsoft: Microsoft) -> None:
    microsoft.latency = 0.05
    graph = microsoft.graph()
    first, second = asyncio.create_task(graph.get("/me")), asyncio.create_task(graph.get("/me"))
    await asyncio.sleep(0.02)

    first.cancel()

    assert await second == {"value": []}
    assert first.cancelled()


async def test_a_read_that_nobody_wants_any_more_is_dropped(microsoft: Microsoft) -> None:
    microsoft.latency = 5
    graph = microsoft.graph()
    readers = [asyncio.create_task(graph.get(f"/users/{n}")) for n in range(3)]
    while not microsoft.under_way:  # noqa: ASYNC110 - the first sign-in of a process takes its time, and tells nobody
        await asyncio.sleep(0.01)

    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await asyncio.sleep(0.01)

    assert microsoft.under_way == 0
    assert not microsoft.http._tasks


async def test_closing_ends_what_is_under_way() -> None:
    microsoft = Microsoft()
    microsoft.latency = 5
    graph = microsoft.graph()
    readers = [asyncio.create_task(graph.get(f"/users/{n}")) for n in range(3)]
    while not microsoft.under_way:  # noqa: ASYNC110 - the first sign-in of a process takes its time, and tells nobody
        await asyncio.sleep(0.01)

    await microsoft.http.aclose()
    ended = await asyncio.gather(*readers, return_exceptions=True)
    gc.collect()

    assert [isinstance(one, BaseException) for one in ended] == [True] * 3


async def test_closing_ends_who_waits_for_the_first_token() -> None:
    microsoft = Microsoft()
    graph = microsoft.graph()
    readers = [asyncio.create_task(graph.get(f"/users/{n}")) for n in range(3)]
    while not microsoft.http._tasks:  # noqa: ASYNC110 - until they are about to be sent
        await asyncio.sleep(0)

    await microsoft.http.aclose()
    _, left = await asyncio.wait(readers, timeout=30)
    gc.collect()

    assert left == set()


def test_ids_are_quoted_as_one_segment() -> None:
    assert quote_id("ada_fabrikam.com#EXT#@contoso.example") == "ada_fabrikam.com%23EXT%23@contoso.example"
    assert quote_id("../users?x=1") == "..%2Fusers%3Fx%3D1"
