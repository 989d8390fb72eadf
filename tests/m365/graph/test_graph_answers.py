"""What is sent to Graph, and how its answers are read, where the simulator gives no such answer."""

from __future__ import annotations

from typing import Any

import pytest

from leaver.domain.errors import NotYet, Refused
from leaver.domain.people import Leaver
from leaver.m365.answers import Answer
from leaver.m365.graph.phone_numbers import PhoneNumber, PhoneNumbers
from leaver.m365.graph.users import User
from leaver.m365.target import Guard
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs

OPERATION = "/admin/teams/telephoneNumberManagement/operations/op-1"


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (User("1", "Ada", "ada@x.example", sam_account_name="ada", on_premises_domain="contoso.local"), "CONTOSO\\ada"),
        (User("1", "Ada", "ada@x.example"), "ada@x.example"),
    ],
)
def test_an_on_premises_administrator_is_told_the_name_that_he_knows(user: User, name: str) -> None:
    assert user.ad_name == name


async def test_a_password_is_long_and_has_every_class(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    await stubbed.users.set_password(eve.id)

    profile = stubs.graph.sent[0][2]["passwordProfile"]
    password = profile["password"]
    kinds = {
        "lower" if c.islower() else "upper" if c.isupper() else "digit" if c.isdigit() else "else" for c in password
    }
    assert (len(password) >= 32, len(kinds), profile["forceChangePasswordNextSignIn"]) == (True, 4, False)


async def test_a_password_that_the_policy_refuses_is_drawn_again(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    refusal = Refused("The specified password does not comply with password complexity requirements.")
    answers = iter([refusal, refusal, Answer(204)])
    stubs.graph.answers[f"PATCH /users/{eve.id}"] = lambda _: next(answers)

    await stubbed.users.set_password(eve.id)

    assert len({body["passwordProfile"]["password"] for _, _, body in stubs.graph.sent}) == 3


async def test_no_error_of_a_refused_password_holds_it(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    stubs.graph.answers[f"PATCH /users/{eve.id}"] = Refused(
        "Insufficient privileges.", code="Authorization_RequestDenied"
    )

    with pytest.raises(Refused) as refused:
        await stubbed.users.set_password(eve.id)

    assert stubs.graph.sent[0][2]["passwordProfile"]["password"] not in repr(refused.value)
    assert len(stubs.graph.sent) == 1


async def test_a_cursor_from_outside_cannot_lead_elsewhere(stubbed: Tenant, stubs: Stubs) -> None:
    stubs.graph.answers["/users"] = {
        "value": [],
        "@odata.nextLink": "https://graph.test/v1.0/users?$top=100&$skiptoken=abc%2Bd",
    }

    _, cursor = await stubbed.users.page()
    await stubbed.users.page(after=cursor)
    await stubbed.users.page(after="https://evil.example/users?$skiptoken=x")

    assert [path for path, _ in stubs.graph.asked[1:]] == [
        "/users?$top=100&$skiptoken=abc%2Bd",
        "/users?https://evil.example/users?$skiptoken=x",
    ]


async def test_a_product_that_is_not_held_does_not_keep_the_others(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    refused = Refused("User does not have a corresponding license.", code="Request_BadRequest")
    answers = iter([refused, Answer(200, {})])
    stubs.graph.answers[f"POST /users/{eve.id}/assignLicense"] = lambda _: next(answers)
    stubs.graph.answers[f"/users/{eve.id}"] = {
        "licenseAssignmentStates": [
            {"skuId": "e3", "assignedByGroup": None},
            {"skuId": "e5", "assignedByGroup": "sales"},
        ]
    }

    await stubbed.licenses.remove(eve.id, ["e3", "e5"])

    assert [body["removeLicenses"] for _, _, body in stubs.graph.sent] == [["e3", "e5"], ["e3"]]


async def test_an_unknown_kind_of_method_is_shown_and_not_guessed_at(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    stubs.graph.answers[f"/users/{eve.id}/authentication/methods"] = [
        {"@odata.type": "#microsoft.graph.passwordAuthenticationMethod", "id": "28c10230"},
        {"@odata.type": "#microsoft.graph.telepathyAuthenticationMethod", "id": "t"},
        {"@odata.type": "#microsoft.graph.externalAuthenticationMethod", "id": "x", "displayName": "Duo"},
    ]

    methods = await stubbed.authentication_methods.list(eve.id)

    assert [(method.kind, method.removable) for method in methods] == [("telepathy", False), ("external", True)]


class Clock:
    """Sleeps at once, and remembers for how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    """Time that does not pass."""
    return Clock()


@pytest.fixture
def numbers(stubs: Stubs, eve: Leaver, clock: Clock) -> PhoneNumbers:
    """Numbers in front of a stub that accepts every assignment and works on it for a while."""
    location = "https://graph.test/v1.0/admin/teams/telephoneNumberManagement/operations('op-1')"
    stubs.graph.answers["POST /admin/teams/telephoneNumberManagement/numberAssignments/assignNumber"] = Answer(
        202, headers={"location": location}
    )
    return PhoneNumbers(stubs.graph, Guard(eve), sleep=clock.sleep)  # type: ignore[arg-type]


def _operation(*statuses: str, numbers: list[dict[str, Any]] | None = None) -> Any:
    left = iter(statuses)
    return lambda _: {"status": next(left, statuses[-1]), "numbers": numbers or []}


async def test_an_operation_is_asked_about_soon_and_then_seldom(
    numbers: PhoneNumbers, stubs: Stubs, eve: Leaver, clock: Clock
) -> None:
    stubs.graph.answers[OPERATION] = _operation(*["running"] * 7, "succeeded")

    await numbers.assign(PhoneNumber("+31", "callingPlan"), eve.id)

    assert (clock.slept[0], max(clock.slept), clock.slept[-1]) == (0.2, 5.0, 5.0)


async def test_a_failed_operation_says_why(numbers: PhoneNumbers, stubs: Stubs, eve: Leaver) -> None:
    stubs.graph.answers[OPERATION] = _operation("failed", numbers=[{"statusDetail": "No license for calls."}])

    with pytest.raises(Refused, match="No license for calls"):
        await numbers.assign(PhoneNumber("+31", "callingPlan"), eve.id)


async def test_an_operation_that_takes_too_long_is_left_for_later(
    numbers: PhoneNumbers, stubs: Stubs, eve: Leaver, clock: Clock
) -> None:
    stubs.graph.answers[OPERATION] = _operation("running")

    with pytest.raises(NotYet):
        await numbers.assign(PhoneNumber("+31", "callingPlan"), eve.id)

    assert 120 <= sum(clock.slept) < 126
