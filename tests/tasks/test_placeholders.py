from __future__ import annotations

import pytest

from leaver.domain.people import Colleague
from leaver.tasks.html_fragment import html_fragment
from leaver.tasks.placeholders import EVERY, filled, unknown, used, values

GRACE = Colleague("g", "grace@contoso.example", "Grace Hopper", mail="grace.hopper@contoso.example")


def test_only_what_a_text_holds_is_filled_in() -> None:
    assert used("{first_name} left. {Manager_Mail}", None) == {"first_name", "manager_mail"}
    assert values(frozenset({"first_name"}), "Ada", "Ada Lovelace", GRACE) == {"first_name": "Ada"}


def test_everything_that_is_offered_has_a_value() -> None:
    found = values(frozenset(EVERY), "Ada", "Ada Lovelace", GRACE)

    assert found == {
        "first_name": "Ada",
        "display_name": "Ada Lovelace",
        "manager_name": "Grace Hopper",
        "manager_mail": "grace.hopper@contoso.example",
    }


@pytest.mark.parametrize(
    ("display_name", "first"), [("Ada Lovelace", "Ada"), ("Lovelace, Ada", "Ada"), ("Ada", "Ada"), ("Ada,", "Ada,")]
)
def test_without_a_first_name_it_is_taken_from_the_name_that_is_shown(display_name: str, first: str) -> None:
    assert values(frozenset({"first_name"}), "", display_name, None) == {"first_name": first}


def test_a_manager_without_mail_is_written_to_by_upn() -> None:
    found = values(frozenset({"manager_mail"}), "", "Ada", Colleague("g", "grace@contoso.example", "Grace"))

    assert found == {"manager_mail": "grace@contoso.example"}


def test_what_is_no_placeholder_stays_as_it_is_and_is_known() -> None:
    text = "{firstname} left, {First_Name} {first name}; body {color:red} {} {2}"

    assert filled(text, {"first_name": "Ada"}) == "{firstname} left, Ada {first name}; body {color:red} {} {2}"
    assert unknown(text, None) == ["{firstname}", "{first name}"]


def test_a_value_that_looks_like_a_placeholder_is_not_filled_in_again() -> None:
    assert filled("{first_name}", {"first_name": "{display_name}", "display_name": "x"}) == "{display_name}"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("{display_name} left", "&lt;script&gt;x&lt;/script&gt; &amp; Co left"),
        ("<p>{display_name} left</p>", "<p>&lt;script&gt;x&lt;/script&gt; &amp; Co left</p>"),
    ],
)
def test_a_name_is_never_taken_for_html(text: str, sent: str) -> None:
    assert html_fragment(text, {"display_name": "<script>x</script> & Co"}) == sent


def test_a_name_in_an_attribute_stays_within_it_and_makes_no_script_of_an_address() -> None:
    text = '<p><a href="mailto:{manager_mail}" title="{display_name}">x</a><a href="{first_name}">y</a></p>'
    names = {"manager_mail": "g@x.example", "display_name": '"><b>', "first_name": "javascript:alert(1)"}

    assert html_fragment(text, names) == (
        '<p><a href="mailto:g@x.example" title="&quot;&gt;&lt;b&gt;">x</a><a>y</a></p>'
    )
