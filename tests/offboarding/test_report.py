"""The evidence: complete, true to its digest, and a page that needs nothing from elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from leaver.domain.errors import Unusable
from leaver.domain.offboarding import ChangeRecord, ErrorRecord, Offboarding, Pruned, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.people import Leaver, TenantName
from leaver.domain.plan import Change, Reversibility, follow_up, info, warning
from leaver.offboarding import words
from leaver.offboarding.report import evidence, fingerprint, page

START = datetime(2026, 6, 11, 14, 2, 9, tzinfo=UTC)


def done(what: str, before: object, after: object, second: int, **more: object) -> ChangeRecord:
    """A change that was made and read back."""
    at = START + timedelta(seconds=second)
    request = f"5d0c1f7e-88a2-4b0e-9c55-0f2e6a1b7d{second:02d}"
    return ChangeRecord(Change(what, before, after, **more), at, at + timedelta(seconds=5), [request])  # type: ignore[arg-type]


def task(name: str, label: str, stage: str, outcome: Outcome, *changes: ChangeRecord, **more: object) -> TaskRecord:
    """A task that ended."""
    ended = START + timedelta(seconds=60)
    return TaskRecord(
        name,
        stage,
        label,
        outcome,
        list(changes),
        started_at=START + timedelta(seconds=2),
        ended_at=ended,
        **more,  # type: ignore[arg-type]
    )


def offboarding() -> Offboarding:
    """One of everything that evidence can hold."""
    one_way, permanent = Reversibility.ONE_WAY, Reversibility.PERMANENT
    refused = ErrorRecord(
        "Forbidden",
        "Microsoft Teams refused the change.",
        "5d0c1f7e-88a2-4b0e-9c55-0f2e6a1b7d34",
        "Assign the role Teams Administrator to the application in Contoso: Entra admin center > Roles & admins.",
        "graph",
        403,
    )
    groups = [done(f"group {name}", "member", None, 20 + i) for i, name in enumerate(("Sales Team", "SG-VPN-Users"))]
    return Offboarding(
        id="9f2c6a51d07be384",
        tenant=TenantName("8a8bf9e1-05c4-4f6e-9d2b-1f4a8f0c7d11", "contoso.example", "Contoso Ltd."),
        user=Leaver("0b6c9f4e-7a43-4c53-a4ad-3f1f6bb6c1d2", "adele.vance@contoso.example", "Adele <b>Vance</b>"),
        settings={"disable_sign_in": True},
        requested_at=START,
        asked_at=START,
        decisions={"over_50_gb": "convert_anyway"},
        reference="INC-20417",
        asked_by="sam",
        started=True,
        ended_at=START + timedelta(minutes=6),
        digest="sha256:9b1f0c44e7d2a86b53f1c7a90e2d64b8f7305a1ce98d42b6610f3e7d5ac8b921",
        tasks=[
            task(
                "disable_sign_in",
                "Disable sign-in",
                "lock_out",
                Outcome.VERIFIED,
                done("accountEnabled", True, False, 5),
                facts_before={"account_enabled": True},
                facts_after={"account_enabled": False},
            ),
            task(
                "reset_password",
                "Reset password",
                "lock_out",
                Outcome.VERIFIED,
                done("password", "set 2026-02-04T09:00:00Z", "random, not stored", 7, reversibility=one_way),
            ),
            task(
                "remove_mobile_devices",
                "Remove mobile devices",
                "lock_out",
                Outcome.NOT_APPLICABLE,
                notes=[info("no_mailbox_devices", "The mailbox has no mobile devices.")],
            ),
            task(
                "convert_to_shared",
                "Convert to shared mailbox",
                "hand_over",
                Outcome.VERIFIED,
                done("mailbox type", "UserMailbox", "SharedMailbox", 10),
                notes=[
                    warning(
                        "over_50_gb",
                        "The mailbox is 62.4 GB. Without a license it stops receiving mail above 50 GB.",
                        "convert_anyway",
                    )
                ],
            ),
            task("hide_from_gal", "Hide from address list", "clear_out", Outcome.ALREADY_IN_PLACE),
            task(
                "cancel_meetings",
                "Cancel future meetings",
                "clear_out",
                Outcome.VERIFIED,
                done("meeting Weekly sales, 11 people", "organized", None, 12, reversibility=permanent),
            ),
            task(
                "remove_groups",
                "Remove from groups",
                "clear_out",
                Outcome.FOLLOW_UP,
                *groups,
                notes=[follow_up("synced_group", "Remove Adele from SG-OnPrem-Print in Active Directory.")],
            ),
            task(
                "unassign_phone_numbers",
                "Release Teams phone number",
                "clear_out",
                Outcome.FAILED,
                ChangeRecord(Change("phone number +31 20 555 0147", "assigned", None), error="Refused (403)."),
                error=refused,
            ),
            task("remove_licenses", "Remove licenses", "close_account", Outcome.CANCELLED),
        ],
    )


def test_the_digest_is_that_of_the_rest_of_the_document() -> None:
    shown = evidence(offboarding())

    rest = {key: item for key, item in shown.items() if key != "evidence"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert shown["evidence"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_survives_a_file() -> None:
    shown = evidence(offboarding())

    assert fingerprint(json.loads(json.dumps(shown))) == shown["evidence"]["sha256"]


def test_a_changed_value_shows_in_the_digest() -> None:
    other = offboarding()
    other.tasks[0].facts_after = {"account_enabled": True}

    assert evidence(other)["evidence"]["sha256"] != evidence(offboarding())["evidence"]["sha256"]


def test_json_evidence_has_the_shape_of_a_plan_with_facts_before_and_after() -> None:
    shown = evidence(offboarding())

    first = shown["offboardings"][0]["tasks"][0]
    assert (shown["tenant"]["domain"], first["task"]) == ("contoso.example", "disable_sign_in")
    assert first["facts_before"] == {"account_enabled": True}
    assert first["facts_after"] == {"account_enabled": False}


def test_the_page_names_every_change_with_its_times_and_request_id() -> None:
    html = page(offboarding())

    for text in ("Sales Team", "14:02:29", "14:02:34", "5d0c1f7e-88a2-4b0e-9c55-0f2e6a1b7d20", "Shared"):
        assert text in html


def test_the_page_says_what_failed_and_what_is_left_for_a_person() -> None:
    html = page(offboarding())

    assert "1 of 9 tasks failed." in html
    assert "request 5d0c1f7e-88a2-4b0e-9c55-0f2e6a1b7d34" in html
    assert "Remove Adele from SG-OnPrem-Print in Active Directory." in html


def test_the_page_holds_the_digest_of_the_json() -> None:
    assert evidence(offboarding())["evidence"]["sha256"] in page(offboarding())


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = page(offboarding())

    assert not re.search(r"<script|https?://|src=|@import|url\(", html)


def test_names_cannot_become_markup() -> None:
    html = page(offboarding())

    assert "Adele <b>" not in html
    assert "Adele &lt;b&gt;Vance&lt;/b&gt;" in html


def test_a_completed_offboarding_says_so_in_one_sentence() -> None:
    it = offboarding()
    it.tasks = it.tasks[:2]

    assert str(words.verdict(it)) == "Completed. 2 changes made and verified."


def test_follow_ups_are_counted_in_the_verdict() -> None:
    it = offboarding()
    it.tasks = it.tasks[:7]

    assert words.verdict(it).headline == "Completed, with 1 follow-up for a person."


def test_a_planned_offboarding_is_not_taken_for_a_done_one() -> None:
    it = offboarding()
    it.started = False
    for record in it.tasks:
        record.outcome = Outcome.PLANNED

    assert words.verdict(it).headline == "Planned. Nothing was changed."


def test_what_was_pruned_is_never_said_to_be_complete() -> None:
    record = offboarding()
    record.pruned, record.tasks = Pruned("failed", "5ea1"), []

    assert str(words.verdict(record)) == (
        "Pruned: its content is forgotten. It had ended as failed. The SHA-256 of its evidence was 5ea1."
    )
    for made in (evidence, page):
        with pytest.raises(Unusable, match="was pruned") as refused:
            made(record)
        assert "5ea1" in refused.value.advice
