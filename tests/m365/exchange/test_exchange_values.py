"""Sizes, lists and switches as Exchange writes them."""

from __future__ import annotations

import pytest

from leaver.domain.errors import WrongTarget
from leaver.domain.people import Leaver
from leaver.m365.exchange.auto_replies import AutoReply, plain
from leaver.m365.exchange.values import opath, size_in_bytes, texts, the_one, truth
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("1.234 GB (1,325,000,000 bytes)", 1_325_000_000),
        ("0 B (0 bytes)", 0),
        ("49,5 GB (53.150.220.288 bytes)", 53_150_220_288),
        ("Unlimited", None),
        ("", None),
    ],
)
def test_a_size_is_the_number_in_the_brackets(words: str, size: int | None) -> None:
    assert size_in_bytes(words) == size


def test_a_list_may_come_as_one_string_or_not_at_all() -> None:
    row = {"many": ["a", "b"], "one": "a", "none": None}

    assert [texts(row, key) for key in ("many", "one", "none", "absent")] == [("a", "b"), ("a",), (), ()]


def test_a_switch_may_come_as_a_word() -> None:
    assert [truth({"x": value}, "x") for value in (True, "True", "false", None)] == [True, True, False, False]


def test_a_quote_in_a_filter_is_doubled() -> None:
    assert opath("CN=Seán O'Neil") == "'CN=Seán O''Neil'"


def test_an_answer_about_somebody_else_goes_no_further() -> None:
    with pytest.raises(WrongTarget):
        the_one([{"ExternalDirectoryObjectId": "another"}], Leaver("mine", "me@x", "Me"))


async def test_a_mailbox_question_that_is_answered_with_every_mailbox_finds_the_right_one(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    stubs.exchange.answers["Get-Mailbox"] = [
        {"ExternalDirectoryObjectId": "another", "UserPrincipalName": "bob@contoso.example"},
        {
            "ExternalDirectoryObjectId": eve.id,
            "UserPrincipalName": eve.upn,
            "ForwardingSmtpAddress": "smtp:x@y.example",
        },
    ]

    mailbox = await stubbed.mailboxes.get(eve)

    assert mailbox is not None
    assert (mailbox.upn, mailbox.forwarding_smtp) == (eve.upn, "x@y.example")


async def test_setting_one_forward_clears_the_other(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    await stubbed.mailboxes.set_forwarding(eve, smtp="x@y.example", keep_copy=True)

    assert stubs.exchange.sent == [
        (
            "Set-Mailbox",
            {
                "Identity": eve.id,
                "ForwardingAddress": None,
                "ForwardingSmtpAddress": "x@y.example",
                "DeliverToMailboxAndForward": True,
            },
        )
    ]


async def test_send_on_behalf_is_added_and_removed_without_touching_the_others(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    bob = Leaver("bob", "bob@contoso.example", "Bob")

    await stubbed.mailboxes.add_send_on_behalf(eve, bob)
    await stubbed.mailboxes.remove_send_on_behalf(bob, eve)

    assert [sent["GrantSendOnBehalfTo"] for _, sent in stubs.exchange.sent] == [
        {"@odata.type": "#Exchange.GenericHashTable", "add": ["bob"]},
        {"@odata.type": "#Exchange.GenericHashTable", "remove": [eve.id]},
    ]
    assert stubs.exchange.lanes == [f"mailbox:{eve.id}", "mailbox:bob"]


def test_texts_are_compared_without_the_wrapper_that_exchange_adds() -> None:
    sent = AutoReply("Enabled", "<p>Ada has left.</p><p>Ask &amp; you get.</p>", "Gone", "All")
    shown = AutoReply(
        "Enabled",
        "<html>\r\n<head><style>p { color: red }</style></head><body>\r\n<p>Ada has\r\nleft.</p>"
        "<p>Ask &amp; you get.</p></body></html>",
        "<html><body>\nGone\n</body></html>",
        "All",
    )

    assert sent.tells_the_same(shown)


def test_lines_do_not_run_together() -> None:
    assert plain("one<br>two<div>three</div>four") == "one twothree four"
