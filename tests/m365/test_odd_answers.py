"""Answers in shapes that one simulator or one cloud does not give, and another does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from leaver.domain.errors import Forbidden, NotFound, NotYet, OnPremises, Refused, Throttled, Unavailable, Unusable
from leaver.domain.people import Leaver
from leaver.m365.graph.authentication_methods import Method
from leaver.m365.graph.licenses import Plan, Sku
from leaver.m365.graph.phone_numbers import PhoneNumber, PhoneNumbers
from leaver.m365.graph.values import is_a, moment
from leaver.m365.target import Guard
from leaver.m365.tenant import Tenant
from m365.played_microsoft import Asked, Microsoft, cmdlet_error, in_turn, ok, refused
from m365.stub_wires import Stubs

SITE = "https://contoso-my.sharepoint.com/personal/eve"
NO_CAST = Refused("Resource not found for the segment 'microsoft.graph.group'.", code="BadRequest", status=400)
GROUP = {"@odata.type": "#microsoft.graph.group", "id": "g", "displayName": "Sales"}
ROLE = {"@odata.type": "#microsoft.graph.directoryRole", "id": "r", "displayName": "Helpdesk", "roleTemplateId": "t"}


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    played = Microsoft(budget=20.0)
    yield played
    await played.http.aclose()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-24T10:00:00Z", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00:00.1234567Z", datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-24T12:00:00+02:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_however_it_is_written(written: str | None, read: datetime | None) -> None:
    assert moment({"at": written}, "at") == read


def test_an_object_that_does_not_say_what_it_is_counts_as_what_was_asked_for() -> None:
    assert (is_a({}, "group"), is_a(GROUP, "group"), is_a(ROLE, "group")) == (True, True, False)


class TestGraph:
    """Microsoft Graph."""

    @pytest.mark.parametrize("body", [[], "text", 7])
    async def test_an_object_that_is_none_is_an_error_in_words(self, microsoft: Microsoft, body: Any) -> None:
        microsoft.play = lambda asked: ok(body) if body != [] else httpx.Response(200)

        with pytest.raises(Unavailable, match="cannot be read"):
            await microsoft.graph().get("/users/ada")

    @pytest.mark.parametrize("body", [{"value": {"id": "1"}}, {"error": None}, {"value": "none"}])
    async def test_a_list_that_is_none_does_not_pass_for_an_empty_one(self, microsoft: Microsoft, body: Any) -> None:
        microsoft.play = lambda asked: ok(body)

        with pytest.raises(Unavailable, match="cannot be read"):
            await microsoft.graph().pages("/users/ada/memberOf")

    async def test_an_empty_page_is_not_the_last_one(self, microsoft: Microsoft) -> None:
        link = "https://ms.test/graph/v1.0/users?$skiptoken=2"
        microsoft.play = in_turn(
            ok({"value": [], "@odata.nextLink": link}),
            ok({"value": None, "@odata.nextLink": f"{link}3"}),
            ok({"value": [{"id": "1"}]}),
        )

        assert await microsoft.graph().pages("/users") == [{"id": "1"}]

    async def test_every_user_is_read_by_the_links_as_they_are_and_without_haste(self, microsoft: Microsoft) -> None:
        """A link is opaque: not only its query may lead to the next page."""
        link = "https://MS.test/graph/v1.0/users/pages/2"
        microsoft.play = in_turn(
            ok({"value": [{"id": "1"}], "@odata.nextLink": link}), ok({"value": [{"id": "2"}], "@odata.nextLink": ""})
        )

        pages = [page async for page in microsoft.graph().each_page("/users")]

        assert pages == [[{"id": "1"}], [{"id": "2"}]]
        assert [asked.headers.get("x-ms-throttle-priority") for asked in microsoft.asked] == ["low", "low"]
        assert microsoft.asked[1].url == link.lower()

    async def test_a_long_list_that_leads_in_a_circle_ends(self, microsoft: Microsoft) -> None:
        link = "https://ms.test/graph/v1.0/users?$skiptoken=2"
        microsoft.play = lambda asked: ok({"value": [{"id": "1"}], "@odata.nextLink": link})

        with pytest.raises(Unavailable):
            [page async for page in microsoft.graph().each_page("/users")]

    async def test_a_next_link_that_spells_out_the_port_is_the_same_host(self, microsoft: Microsoft) -> None:
        link = "https://MS.test:443/graph/v1.0/users?$skiptoken=2"
        microsoft.play = in_turn(ok({"value": [{"id": "1"}], "@odata.nextLink": link}), ok({"value": [{"id": "2"}]}))

        assert len(await microsoft.graph().pages("/users")) == 2

    async def test_a_token_is_still_not_carried_to_another_port(self, microsoft: Microsoft) -> None:
        microsoft.play = lambda asked: ok({"value": [], "@odata.nextLink": "https://ms.test:444/users"})

        with pytest.raises(Unusable):
            await microsoft.graph().pages("/users")

    async def test_a_property_that_the_cloud_does_not_know_is_left_out(self, microsoft: Microsoft) -> None:
        """National clouds learn properties late: the user is read all the same."""

        def play(asked: Asked) -> httpx.Response:
            selected = parse_qs(urlsplit(asked.url).query)["$select"][0].split(",")
            strange = next((name for name in selected if name in ("isManagementRestricted", "department")), "")
            if strange:
                text = f"Could not find a property named '{strange}' on type 'microsoft.graph.user'."
                return refused(400, "BadRequest", text)
            return ok({"id": "1", "selected": selected})

        microsoft.play = play

        user = await microsoft.graph().get("/users/ada", {"$select": "id,isManagementRestricted,mail,department"})

        assert user["selected"] == ["id", "mail"]

    async def test_a_property_that_was_not_asked_for_is_no_reason_to_ask_again(self, microsoft: Microsoft) -> None:
        microsoft.play = lambda asked: refused(400, "BadRequest", "Could not find a property named 'colour' on type.")

        with pytest.raises(Refused):
            await microsoft.graph().get("/users/ada", {"$select": "id"})

        assert len(microsoft.asked) == 1

    async def test_what_only_a_batch_part_says_decides_about_that_part(self, microsoft: Microsoft) -> None:
        """D13: each part of a batch has its own result."""
        import asyncio

        def play(asked: Asked) -> httpx.Response:
            if "gone" in asked.url:
                return refused(404, "Request_ResourceNotFound", "Resource 'gone' does not exist.")
            return refused(403, "Authorization_RequestDenied", "No.") if "closed" in asked.url else ok({"id": "1"})

        microsoft.play = play
        graph = microsoft.graph()

        found = await asyncio.gather(
            graph.get("/users/gone"), graph.get("/users/ada"), graph.get("/users/closed"), return_exceptions=True
        )

        assert [type(each) for each in found] == [NotFound, dict, Forbidden]
        assert len(microsoft.batches) == 1

    async def test_error_keys_are_read_in_any_case(self, microsoft: Microsoft) -> None:
        error = {"Error": {"Code": "Request_BadRequest", "Message": "No.", "InnerError": {"Request-Id": "r-1"}}}
        microsoft.play = lambda asked: ok(error, status=400)

        with pytest.raises(Refused) as refusal:
            await microsoft.graph().get("/users/ada")

        assert (refusal.value.code, refusal.value.request_id) == ("Request_BadRequest", "r-1")

    async def test_a_wait_until_a_date_is_obeyed(self, microsoft: Microsoft) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=9)
        date = soon.strftime("%a, %d %b %Y %H:%M:%S GMT")
        microsoft.play = in_turn(refused(429, "TooManyRequests", "Slow.", Retry_After=date), ok({"id": "1"}))

        await microsoft.graph().get("/users/ada")

        assert 7 <= microsoft.slept[0] <= 10

    @pytest.mark.parametrize("wait", ["-1", "a while", ""])
    async def test_a_wait_that_is_none_is_followed_by_our_own(self, microsoft: Microsoft, wait: str) -> None:
        microsoft.play = in_turn(refused(429, "TooManyRequests", "Slow.", Retry_After=wait), ok({"id": "1"}))

        await microsoft.graph().get("/users/ada")

        assert 0.5 <= microsoft.slept[0] <= 4


class TestRelated:
    """What hangs together with an object, with and without picking its type on the other side."""

    async def test_groups_are_picked_out_where_the_service_does_not(self, stubbed: Tenant, stubs: Stubs) -> None:
        """D11: roles and administrative units are among what a user is a member of."""
        stubs.graph.answers["/users/eve/memberOf/microsoft.graph.group"] = NO_CAST
        stubs.graph.answers["/users/eve/memberOf"] = [GROUP, ROLE]

        assert [group.id for group in await stubbed.groups.memberships("eve")] == ["g"]

    async def test_roles_are_picked_out_where_the_service_does_not(self, stubbed: Tenant, stubs: Stubs) -> None:
        stubs.graph.answers["/users/eve/transitiveMemberOf/microsoft.graph.directoryRole"] = NO_CAST
        stubs.graph.answers["/users/eve/transitiveMemberOf"] = [GROUP, ROLE]

        assert [role.name for role in await stubbed.roles.of("eve")] == ["Helpdesk"]

    async def test_an_application_does_not_count_as_an_owner_who_is_a_person(
        self, stubbed: Tenant, stubs: Stubs
    ) -> None:
        """D6: only owners who are users count."""
        stubs.graph.answers["/groups/g/owners/microsoft.graph.user"] = [
            {"@odata.type": "#microsoft.graph.user", "id": "1", "userPrincipalName": "bob@contoso.example"},
            {"@odata.type": "#microsoft.graph.servicePrincipal", "id": "2"},
        ]

        assert [owner.id for owner in await stubbed.groups.owners("g")] == ["1"]

    async def test_what_may_not_be_read_is_not_asked_for_twice(self, stubbed: Tenant, stubs: Stubs) -> None:
        stubs.graph.answers["/users/eve/memberOf/microsoft.graph.group"] = Forbidden("No.", status=403)

        with pytest.raises(Forbidden):
            await stubbed.groups.memberships("eve")


class TestUsers:
    """Users and their licenses."""

    async def test_licenses_without_their_states_are_not_overlooked(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        stubs.graph.answers[f"/users/{eve.id}"] = {"id": eve.id, "assignedLicenses": [{"skuId": "E3"}]}

        assert [state.sku_id for state in (await stubbed.users.get(eve.id)).license_states] == ["E3"]

    async def test_a_license_that_only_lags_in_the_other_list_is_gone(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        body = {"id": eve.id, "assignedLicenses": [{"skuId": "E3"}], "licenseAssignmentStates": []}
        stubs.graph.answers[f"/users/{eve.id}"] = body

        assert (await stubbed.users.get(eve.id)).license_states == ()

    @pytest.mark.parametrize(
        ("plans", "gives"),
        [
            (["EXCHANGE_S_ENTERPRISE"], True),
            (["EXCHANGE_B_STANDARD"], True),
            (["EXCHANGE_L_STANDARD"], True),
            (["EXCHANGE_S_FOUNDATION"], False),
            (["EXCHANGE_S_ARCHIVE_ADDON"], False),
            (["EXCHANGE_ANALYTICS"], False),
            ([], True),
        ],
    )
    def test_a_product_gives_a_mailbox_by_its_plans(self, plans: list[str], gives: bool) -> None:
        """A2: a product that shows no plans is taken for one that a mailbox hangs on."""
        assert Sku("1", "P", plans=tuple(Plan(name, name) for name in plans)).gives_mailbox is gives

    @pytest.mark.parametrize(
        "text",
        [
            "Cannot delete default method with other methods configured. Please change default method before deletion.",
            "The phone number is the user's default authentication method and cannot be deleted.",
            "A mobile phone cannot be removed while an alternateMobile phone is registered.",
        ],
    )
    async def test_a_method_that_must_wait_for_others_waits(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver, text: str
    ) -> None:
        """C1 and C2: the default method goes last, the mobile phone after the alternate one."""
        path = f"DELETE /users/{eve.id}/authentication/phoneMethods/m"
        stubs.graph.answers[path] = Refused(text, code="badRequest", status=400)

        with pytest.raises(NotYet, match=r"default|alternate"):
            await stubbed.authentication_methods.remove(eve.id, Method("m", "phone"))

    async def test_another_refusal_of_a_method_stands(self, stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
        path = f"DELETE /users/{eve.id}/authentication/phoneMethods/m"
        stubs.graph.answers[path] = Forbidden("Insufficient privileges by default.", status=403)

        with pytest.raises(Forbidden):
            await stubbed.authentication_methods.remove(eve.id, Method("m", "phone"))

    async def test_an_order_that_is_not_shown_yet_is_asked_for_again(self, stubs: Stubs, eve: Leaver) -> None:
        home = "/admin/teams/telephoneNumberManagement"
        left = iter([NotFound("Not there.", status=404)])
        stubs.graph.answers[f"{home}/operations/op"] = lambda _: next(left, {"status": "succeeded"})
        accepted = httpx.Headers({"location": f"https://graph.test/v1.0{home}/operations('op')"})
        stubs.graph.answers[f"POST {home}/numberAssignments/assignNumber"] = _accepted(dict(accepted))

        async def at_once(seconds: float) -> None:
            return None

        numbers = PhoneNumbers(stubs.graph, Guard(eve), sleep=at_once)  # type: ignore[arg-type]
        await numbers.assign(PhoneNumber("+31", "callingPlan"), eve.id)

        assert [path for path, _ in stubs.graph.asked] == [f"{home}/operations/op"] * 2

    async def test_a_search_is_done_by_fewer_properties_where_one_is_refused(
        self, stubbed: Tenant, stubs: Stubs
    ) -> None:
        refusal = Refused("Unsupported property filter clause 'userPrincipalName'.", status=400)
        searched: list[str] = []

        async def pages(path: str, params: Any, **more: Any) -> list[Any]:
            searched.append(params["$search"])
            if "userPrincipalName" in params["$search"]:
                raise refusal
            return [{"id": "1", "displayName": "Ada"}]

        stubs.graph.pages = pages  # type: ignore[method-assign,assignment]

        found = await stubbed.users.find("ada")

        assert ([user.display_name for user in found], searched[-1]) == (["Ada"], '"displayName:ada" OR "mail:ada"')

    async def test_a_cloud_without_number_management_does_not_pass_for_one_without_numbers(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        refusal = Refused("Resource not found for the segment 'telephoneNumberManagement'.", status=400)
        stubs.graph.answers["/admin/teams/telephoneNumberManagement/numberAssignments"] = refusal

        assert await stubbed.phone_numbers.of(eve.id) is None

    async def test_an_owner_who_is_called_the_last_one_beside_another_is_tried_again(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        """D6: the same error with several owners; the owners are read again and quoted."""
        text = "The group must have at least one owner, hence this owner cannot be removed."
        stubs.graph.answers[f"DELETE /groups/g/owners/{eve.id}/$ref"] = Refused(text, status=400)
        owners = [{"id": eve.id}, {"id": "2", "userPrincipalName": "bob@contoso.example"}]
        stubs.graph.answers["/groups/g/owners/microsoft.graph.user"] = owners

        with pytest.raises(NotYet, match=r"besides: bob@contoso\.example"):
            await stubbed.groups.remove_owner("g", eve.id)

    async def test_the_last_owner_is_not_tried_again(self, stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
        """D5 and D6: with nobody else there the refusal stands."""
        text = "The group must have at least one owner, hence this owner cannot be removed."
        stubs.graph.answers[f"DELETE /groups/g/owners/{eve.id}/$ref"] = Refused(text, status=400)
        stubs.graph.answers["/groups/g/owners/microsoft.graph.user"] = [{"id": eve.id}]

        with pytest.raises(Refused) as refused:
            await stubbed.groups.remove_owner("g", eve.id)

        assert type(refused.value) is Refused

    async def test_what_is_not_there_is_known_by_its_code_whatever_the_status(self, microsoft: Microsoft) -> None:
        """D17: a second run finds the work done."""
        microsoft.play = lambda asked: refused(400, "Request_ResourceNotFound", "Resource 'x' does not exist.")

        with pytest.raises(NotFound):
            await microsoft.graph().delete("/groups/g/members/ada/$ref")


class TestDrives:
    """Where a OneDrive is."""

    async def test_the_second_question_tells_where_the_first_does_not(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        """G4: the site's address, never the library's."""
        stubs.graph.answers[f"/users/{eve.id}/drive/root"] = {"webUrl": f"{SITE}/Documents"}
        stubs.graph.answers[f"/users/{eve.id}/drive"] = {"sharePointIds": {"siteUrl": f"{SITE}/"}}

        drive = await stubbed.drives.of(eve.id)

        assert drive is not None
        assert drive.site_url == SITE

    async def test_the_library_is_the_last_part_of_its_address(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        """G4: libraries have names in the language of the user."""
        stubs.graph.answers[f"/users/{eve.id}/drive/root"] = {"webUrl": f"{SITE}/Dokumente"}
        stubs.graph.answers[f"/users/{eve.id}/drive"] = {"webUrl": f"{SITE}/Dokumente"}

        drive = await stubbed.drives.of(eve.id)

        assert drive is not None
        assert drive.site_url == SITE


class TestExchange:
    """Exchange Online's cmdlets."""

    async def test_a_lone_row_may_stand_without_its_list(self, microsoft: Microsoft) -> None:
        microsoft.play = lambda asked: ok({"value": {"Name": "Ada", "Name@data.type": "String"}})

        assert await microsoft.exchange().read("Get-Mailbox", Identity="ada") == [{"Name": "Ada"}]

    async def test_too_many_at_once_is_understood_inside_details_too(self, microsoft: Microsoft) -> None:
        """H22: throttling is no failure."""
        text = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again."
        microsoft.play = in_turn(cmdlet_error(400, "Microsoft.Exchange.Busy", text), ok({"value": []}))

        await microsoft.exchange().read("Get-Mailbox", Identity="ada")

        assert len(microsoft.asked) == 2

    async def test_throttling_without_end_is_said_to_be_throttling(self, microsoft: Microsoft) -> None:
        microsoft.play = lambda asked: httpx.Response(429)

        with pytest.raises(Throttled, match="Exchange Online is throttling"):
            await microsoft.exchange().read("Get-Mailbox", Identity="ada")

    async def test_a_size_that_is_a_bare_number_is_read(self, stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
        """A11: a large mailbox must not pass for one of unknown size."""
        stubs.exchange.answers["Get-MailboxStatistics"] = [{"TotalItemSize": 53687091201}]

        assert await stubbed.mailboxes.size(eve) == 53687091201

    @pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
    @pytest.mark.parametrize(
        ("status", "text", "kind"),
        [
            (400, "The operation couldn't be performed because object 'ada' couldn't be found on 'DC01'.", NotFound),
            (400, 'The recipient "ada" isn\'t a member of the group "Sales".', NotFound),
            (400, "The appropriate access control entry isn't present: the ACE doesn't exist on the object.", NotFound),
            (400, "The operation failed because it's out of the current user's write scope.", OnPremises),
        ],
    )
    async def test_texts_are_known_with_either_apostrophe(
        self, microsoft: Microsoft, status: int, text: str, kind: type[Refused], apostrophe: str
    ) -> None:
        """F3 and D17."""
        microsoft.play = lambda asked: cmdlet_error(status, "System.Exception", text.replace("'", apostrophe))

        with pytest.raises(kind):
            await microsoft.exchange().run("Set-Mailbox", Identity="ada")

    async def test_who_may_not_look_for_mailboxes_elsewhere_sees_none(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        """A18: no mailbox is not a failure."""
        stubs.exchange.answers["Get-MailUser"] = Forbidden("Get-MailUser is not present in the role definition.")

        assert await stubbed.mailboxes.on_premises(eve) is False

    async def test_a_device_without_a_guid_goes_by_its_identity(
        self, stubbed: Tenant, stubs: Stubs, eve: Leaver
    ) -> None:
        identity = "eve\\ExchangeActiveSyncDevices\\EAS§1"
        stubs.exchange.answers["Get-MobileDevice"] = [{"Identity": identity, "FriendlyName": "Phone"}]

        device = (await stubbed.mobile_devices.list(eve))[0]
        await stubbed.mobile_devices.remove(eve, device.guid)

        assert stubs.exchange.sent[0][1]["Identity"] == identity


class TestSharePoint:
    """SharePoint's sites."""

    @pytest.mark.parametrize("envelope", ["nometadata", "minimal", "verbose"])
    async def test_administrators_are_read_page_after_page(self, microsoft: Microsoft, envelope: str) -> None:
        link = f"{SITE.replace('contoso-my.sharepoint.com', 'ms.test')}/_api/web/siteusers?$skiptoken=2"
        site = "https://ms.test/personal/eve"
        pages = {
            "nometadata": [{"value": [{"LoginName": "a"}], "odata.nextLink": link}, {"value": [{"LoginName": "B"}]}],
            "minimal": [{"value": [{"LoginName": "a"}], "@odata.nextLink": link}, {"value": [{"LoginName": "B"}]}],
            "verbose": [
                {"d": {"results": [{"LoginName": "a"}], "__next": link}},
                {"d": {"results": [{"LoginName": "B"}]}},
            ],
        }[envelope]
        microsoft.play = in_turn(*map(ok, pages))

        rows = await microsoft.sharepoint().pages(site, "/_api/web/siteusers")

        assert [row["LoginName"] for row in rows] == ["a", "B"]

    async def test_an_answer_without_a_list_is_an_error_in_words(self, microsoft: Microsoft) -> None:
        microsoft.play = lambda asked: ok({"odata.null": True})

        with pytest.raises(Unavailable, match="cannot be read"):
            await microsoft.sharepoint().pages("https://ms.test/personal/eve", "/_api/web/siteusers")


def _accepted(headers: dict[str, str]) -> Any:
    from leaver.m365.answers import Answer

    return Answer(202, headers=headers)
