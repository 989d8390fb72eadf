"""Mail and services: what people read, through a real mail server of the tests."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from leaver.config import Config
from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.m365.http import Http
from leaver.notify.services import MailServer, Services
from leaver.notify.wording import message
from leaver.store.audit import Wanted
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, build
from m365_simulator.world import World
from support import Desk, Wire

ADMIN = Actor("Tess", "portal")
ADA = "ada@contoso.example"
WISH = {"disable_sign_in": True}


class Inbox:
    """Every mail that was handed in."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Keep it, and answer."""
        if self.answer.startswith("250"):
            found = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(found, EmailMessage)
            self.mails.append((envelope.rcpt_tos, found))
        return self.answer


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    """A mail server that listens on this machine."""
    inbox = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(inbox, "127.0.0.1", port)
    server.start()
    yield inbox, port
    server.stop()


@pytest.fixture
def config(config: Config, inbox: tuple[Inbox, int]) -> Config:
    """A mail server is configured."""
    return replace(
        config,
        smtp_url=f"smtp+plain://127.0.0.1:{inbox[1]}",
        mail_from="leaver@msp.example",
        public_url="https://leaver.msp.example",
    )


@pytest.fixture
async def house(config: Config, wire: Wire, world: World) -> AsyncIterator[House]:
    """The real objects."""
    http = Http(transport=httpx.ASGITransport(wire.app))
    house = build(config, http)
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
    yield house
    await http.aclose()
    await house.database.close()


async def offboarded(
    house: House, desk: Desk, *, by: str = "", via: str = "cli", notify: list[str] | None = None
) -> None:
    """Ada is offboarded, and everything that is due is sent."""
    planned = await desk.preview(ADA, settings=WISH)
    record = planned.offboardings[0]
    record.asked_by, record.asked_via, record.notify = by, via, notify or []
    from leaver.offboarding.see_through import carry_out

    await carry_out(house, planned, on_event=lambda _: None, look_again=desk.look_again)
    await house.courier.deliver_due()


async def test_who_started_it_gets_a_mail_with_outcome_and_link(
    house: House, desk: Desk, world: World, inbox: tuple[Inbox, int]
) -> None:
    await offboarded(house, desk, by="tess@msp.example")

    ((to, mail),) = inbox[0].mails
    body = mail.get_content()
    assert to == ["tess@msp.example"]
    assert mail["subject"] == "Offboarding of Ada Example: finished"
    assert "leaver@msp.example" in mail["from"]
    assert "Everything was done and read back." in body
    assert "https://leaver.msp.example/offboardings/" in body


@pytest.mark.parametrize(("by", "via"), [("", "cli"), ("root", "cli"), ("HaloPSA", "api"), ("admin", "portal")])
async def test_who_has_no_address_gets_none(
    house: House, desk: Desk, world: World, inbox: tuple[Inbox, int], by: str, via: str
) -> None:
    await offboarded(house, desk, by=by, via=via)

    assert inbox[0].mails == []


async def test_a_person_of_the_portal_says_where_and_whether(
    house: House, desk: Desk, world: World, inbox: tuple[Inbox, int]
) -> None:
    await house.book.set_mail("Admin", "somebody@msp.example", wanted=True)
    await offboarded(house, desk, by="admin", via="portal")
    await house.book.set_mail("tess@msp.example", "", wanted=False)
    world.users["ada"].enabled = True
    await offboarded(house, desk, by="tess@msp.example", via="portal")

    assert [to for to, _ in inbox[0].mails] == [["somebody@msp.example"]]


async def test_the_organization_is_told_by_mail(
    house: House, desk: Desk, world: World, inbox: tuple[Inbox, int]
) -> None:
    await house.book.add_email("Desk", "desk@msp.example", [news.ACCEPTED], [], ADMIN)

    await offboarded(house, desk)

    assert [mail["subject"] for _, mail in inbox[0].mails] == ["Offboarding of Ada Example: accepted"]


async def test_a_request_asks_for_a_mail_of_its_end(
    house: House, desk: Desk, world: World, inbox: tuple[Inbox, int]
) -> None:
    await house.book.add_email("Desk", "desk@msp.example", [], [], ADMIN)

    await offboarded(house, desk, notify=["email"])
    world.users["ada"].enabled = True
    await offboarded(house, desk)

    assert [mail["subject"] for _, mail in inbox[0].mails] == ["Offboarding of Ada Example: finished"]
    assert await house.book.unheard(["email", "webhook", "psa"], world.id) == ["webhook", "psa"]


async def test_a_mail_that_is_not_taken_is_tried_again(
    house: House, desk: Desk, world: World, inbox: tuple[Inbox, int]
) -> None:
    inbox[0].answer = "451 Come back later"
    target = await house.book.add_email("Desk", "desk@msp.example", [news.ACCEPTED], [], ADMIN)
    await offboarded(house, desk)
    inbox[0].answer = "250 OK"
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE deliveries SET next_at = created_at"))

    await house.courier.deliver_due()

    (delivery,), _ = await house.book.deliveries(target)
    assert (delivery.state, delivery.attempts, len(inbox[0].mails)) == ("delivered", 2, 1)
    assert delivery.log[0]["reason"]


async def test_a_test_says_how_it_went(house: House, inbox: tuple[Inbox, int]) -> None:
    target = await house.book.add_email("Desk", "desk@msp.example", [], [], ADMIN)
    good = await house.book.test(target)
    inbox[0].answer = "550 Never heard of you"

    bad = await house.book.test(target)

    assert (good.state, bad.state) == ("delivered", "failed")
    assert bad.log[0]["reason"] == "The message was not taken: no connection, or it was refused."


async def test_a_password_of_the_mail_server_is_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = MailServer.of("smtp://me%40x:not-for-eyes@127.0.0.1:9", "leaver@msp.example")
    assert server is not None

    with pytest.raises(Exception, match="was not taken") as caught:
        await Services(server).mail("desk@msp.example", message(news.TEST, {}))

    assert (server.mode, server.user) == ("starttls", "me@x")
    assert "not-for-eyes" not in caplog.text + repr(caught.value)


@pytest.mark.parametrize("address", ["", "x", "a@b", "a@b.c,d@e.f", "a@b.example\nBcc: x@y.example", "<a@b.example>"])
async def test_only_one_plain_address_is_a_mail_address(house: House, address: str) -> None:
    with pytest.raises(Unusable):
        await house.book.add_email("Desk", address, [], [], ADMIN)


def data(**more: Any) -> dict[str, Any]:
    """What an event carries."""
    return {
        "id": "1",
        "kind": "offboarding",
        "state": "failed",
        "tenant": {"id": "t", "domain": "contoso.example", "name": "Contoso"},
        "user": {"id": "u", "upn": ADA, "display_name": "Ada Example"},
        "reference": "",
        "asked_by": "",
        "at": None,
        "follow_ups": [],
        "approval_needed": [],
        "problems": [],
        "url": "/offboardings/1",
    } | more


def test_text_of_a_tenant_makes_no_link_mention_or_line() -> None:
    name = "[click](https://evil.example) <!channel> @everyone\r\nBcc: x\u202e"

    said = message(news.FAILED, data(user={"id": "u", "upn": ADA, "display_name": name}))

    assert "\n" not in said.title
    assert not set("[]<>\r\u202e") & set(said.title + said.body)
    assert "@everyone" not in said.title + said.body
    assert "://" not in said.title + said.body
    assert ADA in said.body


def test_many_follow_ups_are_cut() -> None:
    items = [{"task": "x", "label": f"Task {number}", "text": "Do it."} for number in range(50)]

    said = message(news.FOLLOW_UP_DUE, data(follow_ups=items))

    assert "- Task 0: Do it." in said.body
    assert "and 30 more" in said.body


async def test_a_report_goes_to_each_address_by_itself_with_its_pdf(
    house: House, desk: Desk, inbox: tuple[Inbox, int]
) -> None:
    (record,) = await desk.offboard(ADA, settings=WISH)
    await house.courier.deliver_due()
    inbox[0].mails.clear()

    await house.book.mail_report(record, ["hr@example.com, Boss@example.com", "HR@example.com"], ADMIN)
    await house.courier.deliver_due()

    assert sorted(to for to, _ in inbox[0].mails) == [["Boss@example.com"], ["hr@example.com"]]
    for _, mail in inbox[0].mails:
        assert mail["Subject"].startswith("Offboarding report: Ada Example, ")
        assert "Tess had it sent to you." in mail.get_body().get_content()  # type: ignore[union-attr]
        (attached,) = mail.iter_attachments()
        assert attached.get_filename() == f"offboarding-{record.id}.pdf"
        assert attached.get_content().startswith(b"%PDF-")
    assert {each.state for each in await house.book.reports(record)} == {"delivered"}
    (entry,) = [entry async for entry in house.audit.entries(Wanted(offboarding_id=record.id))][-1:]
    assert (entry["actor"], entry["after"]) == ("Tess", {"to": ["hr@example.com", "Boss@example.com"]})


async def test_a_report_that_is_not_taken_is_tried_again(house: House, desk: Desk, inbox: tuple[Inbox, int]) -> None:
    (record,) = await desk.offboard(ADA, settings=WISH)
    inbox[0].answer = "451 Later"

    (sent,) = await house.book.mail_report(record, ["hr@example.com"], ADMIN)
    await house.courier.deliver_due()

    (delivery,) = await house.book.reports(record)
    assert (delivery.id, delivery.state, delivery.attempts) == (sent.id, "waiting", 1)
    assert delivery.log[0]["reason"]


async def test_whoever_is_named_beforehand_gets_the_report_at_the_end(
    house: House, desk: Desk, inbox: tuple[Inbox, int]
) -> None:
    planned = await desk.preview(ADA, settings=WISH)
    planned.offboardings[0].report_to = house.book.report_to(["hr@example.com"])
    from leaver.offboarding.see_through import carry_out

    await carry_out(house, planned, on_event=lambda _: None, look_again=desk.look_again)
    await house.courier.deliver_due()

    ((to, mail),) = inbox[0].mails
    assert to == ["hr@example.com"]
    assert next(mail.iter_attachments()).get_content_type() == "application/pdf"


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["hr@example.com\r\nBcc: all@example.com x"], "bad_mail_address"),
        (["hr@example.com, nonsense"], "bad_mail_address"),
        (["<hr@example.com>"], "bad_mail_address"),
        ([" , "], "no_recipient"),
        ([f"p{n}@example.com" for n in range(21)], "too_many"),
    ],
)
async def test_what_is_no_list_of_addresses_sends_nothing(
    house: House, desk: Desk, texts: list[str], code: str
) -> None:
    (record,) = await desk.offboard(ADA, settings=WISH)

    with pytest.raises(Unusable) as caught:
        await house.book.mail_report(record, texts, ADMIN)

    assert caught.value.code == code
    assert await house.book.reports(record) == []


async def test_there_is_no_report_before_the_end(house: House, desk: Desk) -> None:
    planned = await desk.preview(ADA, settings=WISH)

    with pytest.raises(Unusable, match="has not ended"):
        await house.book.mail_report(planned.offboardings[0], ["hr@example.com"], ADMIN)
