"""Remove licenses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from leaver.domain.errors import NotYet, Refused
from leaver.domain.plan import Change, NotApplicable, NoteKind, PlanItem, Reversibility, info, warning
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.m365.graph.groups import Group
from leaver.m365.graph.users import LicenseState
from leaver.tasks.license_notes import consequences, left_to_microsoft, left_to_people
from leaver.tasks.licensing import Licensing, licensing_of
from leaver.tasks.mailbox import in_exchange
from leaver.tasks.task import Option, Section, Task
from leaver.tasks.unlicensed_mailbox import LOSE, MailboxAtRisk, needs_license


@dataclass(frozen=True)
class Licenses:
    """The licenses, and the mailbox that may hang on them."""

    licensing: Licensing
    mailbox: Mailbox | None = None
    size: int | None = None
    """Bytes in the mailbox, where Exchange has a figure."""


class RemoveLicenses(Task[Licenses]):
    """Take all licenses away: the direct ones, and by leaving the groups that assign them the others.

    A user mailbox without a license is deleted after 30 days. So licenses that give one go only when the mailbox has
    been read back as shared, or when somebody has decided otherwise; `plan` and `apply` each see to that.
    """

    option = Option(
        "RemoveLicenses",
        label="Remove licenses",
        short="Licenses",
        section=Section.GROUPS,
        place=2,
        text="Frees the seats, direct and through groups. Runs when the mailbox conversion is verified.",
    )
    drift_matters = True
    scopes = ("LicenseAssignment.ReadWrite.All", "User.Read.All", "GroupMember.ReadWrite.All", "Exchange.ManageAsApp")
    roles = ("Exchange Administrator",)
    needs = ("convert_to_shared",)
    after = (
        "remove_mobile_devices",
        "set_out_of_office",
        "forward_mail",
        "disable_forwarding",
        "grant_mailbox_access",
        "grant_send_as",
        "grant_send_on_behalf",
        "grant_onedrive_access",
        "hide_from_gal",
        "remove_rules",
        "cancel_meetings",
        "remove_groups",
        "remove_mailbox_permissions",
        "remove_calendar_permissions",
        "disable_onedrive_sharing",
        "unassign_phone_numbers",
    )
    reversibility = Reversibility.UNDO_30_DAYS
    patience = 900.0
    """Microsoft names no bound for the time that group licensing takes."""
    usual_seconds = 3.0

    async def inspect(self) -> Licenses:
        """The licenses, the licensing groups, the mailbox and its size; on no license no mailbox hangs."""
        mailboxes = self.tenant.mailboxes
        hanging = asyncio.gather(
            in_exchange(self.tenant, mailboxes.get(self.leaver), None),
            in_exchange(self.tenant, mailboxes.size(self.leaver), None),
        )
        try:
            licensing = await licensing_of(self.tenant, self.leaver.id)
            if not licensing.direct and not licensing.groups:
                return Licenses(licensing)
            return Licenses(licensing, *await hanging)
        finally:
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)

    def plan(self, facts: Licenses) -> Iterable[PlanItem]:
        """One change for all direct licenses, since products depend on each other, and one for each group."""
        licensing = facts.licensing
        direct = list(licensing.direct)
        groups = list(licensing.groups)
        risk = self._risk(facts, [*direct, *groups])
        if risk is not None:
            notes = risk.notes()
            yield from notes
            if any(note.kind is NoteKind.BLOCKER for note in notes):
                return
            if risk.stays_user_mailbox:
                yield NotApplicable("user_mailbox_kept", "All licenses stay: the mailbox remains a user mailbox.")
                return
            if risk.size is None and not risk.keeps_license:
                yield warning("mailbox_size_unknown", "Exchange gives no size; a mailbox above 50 GB needs a license.")
        inactive = self._becomes_inactive(facts)
        if inactive:
            yield info(
                "exchange_license_left_to_deletion",
                "The mailbox is on hold. Its license stays until the user is deleted, so that the mailbox becomes an "
                "inactive one; the deletion frees the seat.",
            )
        if inactive or (risk is not None and risk.keeps_license):
            direct = [state for state in direct if not licensing.gives_mailbox([state.sku_id])]
            groups = [group for group in groups if not licensing.gives_mailbox(group.license_sku_ids)]
        to_leave = [group for group in groups if not _settled_elsewhere(group)]
        going = [*(state.sku_id for state in direct), *(sku for group in to_leave for sku in group.license_sku_ids)]
        yield from consequences(licensing, going, since=self.context.asked_at, chosen=self.context.chosen)
        if direct:
            yield self._remove(licensing, direct)
        for group in groups:
            yield left_to_people(licensing, group) if _settled_elsewhere(group) else self._leave(licensing, group)
        for state in licensing.left_behind:
            yield left_to_microsoft(licensing, state)

    async def apply(self, change: Change) -> None:
        """Remove the direct licenses in one call, or leave one group; never the license of an unconverted mailbox."""
        if change.ref["gives_mailbox"]:
            await self._refuse_to_lose_the_mailbox()
        if "group" not in change.ref:
            await self._remove_direct([sku for sku, _ in _licenses_of(change)])
        elif change.ref["exchange"]:
            await self.tenant.distribution_groups.remove_member(str(change.ref["group"]), self.leaver)
        else:
            await self.tenant.groups.remove_member(str(change.ref["group"]), self.leaver.id)

    async def undo(self, change: Change) -> None:
        """Assign again, with the plans that were off, or join the group again; a seat must be free."""
        if "group" not in change.ref:
            await self.tenant.licenses.assign(self.leaver.id, _licenses_of(change))
        elif change.ref["exchange"]:
            await self.tenant.distribution_groups.add_member(str(change.ref["group"]), self.leaver)
        else:
            await self.tenant.groups.add_member(str(change.ref["group"]), self.leaver.id)

    def _risk(self, facts: Licenses, held: list[LicenseState | Group]) -> MailboxAtRisk | None:
        """The mailbox, if this task can take its license and the deletion of the user does not settle its fate."""
        skus = [sku for each in held if not _settled_elsewhere(each) for sku in _skus_of(each)]
        if facts.mailbox is None or "delete_user" in self.context.chosen or not facts.licensing.gives_mailbox(skus):
            return None
        converting = "convert_to_shared" in self.context.chosen
        return MailboxAtRisk(facts.mailbox, facts.size, self.context.decisions, converting)

    def _becomes_inactive(self, facts: Licenses) -> bool:
        return "delete_user" in self.context.chosen and facts.mailbox is not None and bool(facts.mailbox.holds)

    def _remove(self, licensing: Licensing, states: list[LicenseState]) -> Change:
        skus = [state.sku_id for state in states]
        names = licensing.names(skus)
        return Change(
            f"licenses {', '.join(names)}",
            before=list(names),
            after=[],
            ref={
                "licenses": [{"sku": state.sku_id, "disabled_plans": list(state.disabled_plans)} for state in states],
                "gives_mailbox": licensing.gives_mailbox(skus),
            },
            reversibility=self.reversibility,
        )

    def _leave(self, licensing: Licensing, group: Group) -> Change:
        return Change(
            f"group {group.display_name}, which assigns {', '.join(licensing.names(group.license_sku_ids))}",
            before="member",
            ref={
                "group": group.id,
                "exchange": group.through_exchange,
                "gives_mailbox": licensing.gives_mailbox(group.license_sku_ids),
            },
            reversibility=self.reversibility,
        )

    async def _refuse_to_lose_the_mailbox(self) -> None:
        """Make sure, just before the license goes, that the mailbox can do without it."""
        if self.seen is not None and self.seen.mailbox is not None and not needs_license(self.seen.mailbox):
            return
        converting = "convert_to_shared" in self.context.chosen
        accepted = self.decision("mailbox_would_be_lost") == LOSE and not converting
        if accepted or "delete_user" in self.context.chosen:
            return
        mailbox = await in_exchange(self.tenant, self.tenant.fresh().mailboxes.get(self.leaver), None)
        if mailbox is not None and needs_license(mailbox):
            raise NotYet(
                "The mailbox is not a shared one yet; without its license it would be deleted.",
                code="conversion_pending",
                service="exchange",
                wait=15.0,
            )

    async def _remove_direct(self, skus: list[str]) -> None:
        try:
            await self.tenant.licenses.remove(self.leaver.id, skus)
        except Refused as error:
            user = await self.tenant.fresh().users.get(self.leaver.id)
            if "depends on" not in error.message or not any(state.by_group for state in user.license_states):
                raise
            raise NotYet(
                f"A license that a group assigns depends on these, so it must go first. {error.message}",
                code=error.code,
                status=error.status,
                request_id=error.request_id,
                service=error.service,
                wait=15.0,
            ) from error


def _settled_elsewhere(held: LicenseState | Group) -> bool:
    """Whether it comes from a group whose members a rule or Active Directory decides."""
    return isinstance(held, Group) and (held.dynamic or held.synced)


def _skus_of(held: LicenseState | Group) -> Iterable[str]:
    return held.license_sku_ids if isinstance(held, Group) else (held.sku_id,)


def _licenses_of(change: Change) -> list[tuple[str, list[str]]]:
    """Each direct license of a change, with the plans that were off."""
    recorded: Any = change.ref["licenses"]
    return [(str(each["sku"]), list(each["disabled_plans"])) for each in recorded]
