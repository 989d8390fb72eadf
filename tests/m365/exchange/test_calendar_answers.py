"""The shapes in which Exchange shows calendar rights and the preview of cancelled meetings."""

from __future__ import annotations

from typing import Any

import pytest

from leaver.domain.errors import NotFound, Refused
from leaver.domain.people import Leaver
from leaver.m365.exchange.calendars import FolderRight
from leaver.m365.tenant import Tenant
from m365.stub_wires import Ran, Stubs

BOB = Leaver("bob", "bob@contoso.example", "Bob Example")


def _only_german(rows: list[dict[str, Any]]) -> Any:
    def answer(parameters: dict[str, Any]) -> Any:
        if str(parameters["Identity"]).endswith(":\\Kalender"):
            return rows
        raise NotFound("no such folder")

    return answer


def _statistics() -> list[dict[str, Any]]:
    return [
        {"Name": "Feiertage", "FolderType": "User Created", "FolderPath": "/Kalender/Feiertage"},
        {"Name": "Kalender", "FolderType": "Calendar", "FolderPath": "/Kalender"},
    ]


async def test_the_usual_name_is_tried_first(stubbed: Tenant, stubs: Stubs) -> None:
    stubs.exchange.answers["Get-MailboxFolderPermission"] = [{"User": "Default", "AccessRights": ["None"]}]

    await stubbed.calendars.permissions(BOB)

    assert stubs.exchange.asked == [("Get-MailboxFolderPermission", {"Identity": "bob:\\Calendar"})]


async def test_a_calendar_in_another_language_is_found_by_its_type(stubbed: Tenant, stubs: Stubs) -> None:
    stubs.exchange.answers["Get-MailboxFolderPermission"] = _only_german(
        [{"User": "Eve Example", "AccessRights": "Editor"}]
    )
    stubs.exchange.answers["Get-MailboxFolderStatistics"] = _statistics()

    assert await stubbed.calendars.permissions(BOB) == (FolderRight("Eve Example", rights=("Editor",)),)


async def test_a_right_is_removed_by_address_in_the_folder_that_exists(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    stubs.exchange.answers["Get-MailboxFolderPermission"] = _only_german([])
    stubs.exchange.answers["Get-MailboxFolderStatistics"] = _statistics()

    await stubbed.calendars.remove(BOB, eve)

    cmdlet, sent = stubs.exchange.sent[0]
    assert (cmdlet, sent["Identity"], sent["User"]) == ("Remove-MailboxFolderPermission", "bob:\\Kalender", eve.upn)


async def test_an_orphaned_entry_is_removed_by_its_name(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    def refuse_address(parameters: dict[str, Any]) -> Any:
        if parameters["User"] == eve.upn:
            raise Refused("not known", code="InvalidExternalUserIdException")
        return Ran()

    stubs.exchange.answers["Remove-MailboxFolderPermission"] = refuse_address

    await stubbed.calendars.remove(BOB, eve, FolderRight("Eve Example"))

    assert [sent["User"] for _, sent in stubs.exchange.sent] == [eve.upn, "Eve Example"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("Eve Example", FolderRight("Eve Example", rights=("Editor",))),
        ("eve@contoso.example", FolderRight("eve@contoso.example", "eve@contoso.example", rights=("Editor",))),
        (
            {"DisplayName": "Eve Example", "RecipientPrincipal": {"PrimarySmtpAddress": "eve@contoso.example"}},
            FolderRight("Eve Example", "eve@contoso.example", rights=("Editor",)),
        ),
        (
            {"DisplayName": "Eve", "ADRecipient": {"ExternalDirectoryObjectId": "e", "PrimarySmtpAddress": "e@x"}},
            FolderRight("Eve", "e@x", ("e",), ("Editor",)),
        ),
    ],
)
async def test_the_person_of_a_right_may_be_a_name_or_an_object(
    stubbed: Tenant, stubs: Stubs, user: Any, expected: FolderRight
) -> None:
    stubs.exchange.answers["Get-MailboxFolderPermission"] = [
        {"User": "Default", "AccessRights": ["AvailabilityOnly"]},
        {"User": {"DisplayName": "Anonymous"}, "AccessRights": ["None"]},
        {"User": user, "AccessRights": ["Editor"]},
    ]

    assert await stubbed.calendars.permissions(BOB) == (expected,)


@pytest.mark.parametrize(
    "answer",
    [
        Ran(rows=[{"Subject": "Budget"}, {"Subject": "Planning"}]),
        Ran(rows=["Meeting with Subject: 'Budget', start 1 June", "Meeting with Subject: 'Planning', start 2 June"]),
        Ran(
            warnings=[
                "The following meetings will be cancelled:\nSubject: Budget; Start: 1\nSubject: Planning; Start: 2"
            ]
        ),
        Ran(rows=[{"Message": "Budget"}, {"value": "Planning"}], warnings=["The request was queued."]),
        Ran(rows=["Budget", "Planning", "Budget"]),
    ],
)
async def test_a_preview_is_understood_in_every_shape_it_may_have(
    stubbed: Tenant, stubs: Stubs, eve: Leaver, answer: Ran
) -> None:
    stubs.exchange.answers["Remove-CalendarEvents"] = answer

    assert await stubbed.calendars.meetings(eve, 365) == ("Budget", "Planning")


async def test_a_preview_that_shows_nothing_names_no_meetings(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    stubs.exchange.answers["Remove-CalendarEvents"] = Ran(warnings=["The request has been queued."])

    assert await stubbed.calendars.meetings(eve, 365) == ()
    assert stubs.writes == []


async def test_a_preview_may_be_one_sentence(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    """F24: a sentence that names a meeting is no boilerplate."""
    stubs.exchange.answers["Remove-CalendarEvents"] = Ran(
        [{"Value": "The following meeting will be queued for cancellation: Subject: Weekly"}]
    )

    assert await stubbed.calendars.meetings(eve, 30) == ("Weekly",)
