"""The one place that knows which choices defeat each other, for every door."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from leaver.domain.people import Colleague, Leaver
from leaver.domain.plan import Note, info, warning
from leaver.offboarding.settings import people_in
from leaver.tasks.task import Setting

DELETION = "delete_user"
NEVER_A_DEFAULT = DELETION
"""A preset that nobody looked at must not delete anybody."""
NEEDS_THE_MAILBOX = (
    "convert_to_shared",
    "forward_mail",
    "set_out_of_office",
    "grant_mailbox_access",
    "grant_send_as",
    "grant_send_on_behalf",
)
"""What is lost with the account: deleting the user deletes the mailbox that anchors it (Microsoft 365 admin: remove a
former employee)."""


def refusals(chosen: Mapping[str, Setting | None]) -> list[str]:
    """Why these choices cannot be carried out together; empty if they can."""
    reasons = []
    if DELETION in chosen:
        lost = [name for name in NEEDS_THE_MAILBOX if name in chosen]
        if lost:
            reasons.append(
                f"delete_user cannot be combined with {', '.join(lost)}: deleting the user deletes the mailbox too. "
                "Convert the mailbox and keep the account, or delete without handing the mailbox over."
            )
    if "forward_mail" in chosen and "disable_forwarding" in chosen:
        reasons.append("forward_mail and disable_forwarding undo each other: choose one.")
    grants = getattr(chosen.get("grant_mailbox_access"), "grants", ())
    for one, other in combinations(grants, 2):
        if one.user == other.user and one.automapping != other.automapping:
            reasons.append(f"grant_mailbox_access names {one.user} both with and without automapping: choose one.")
    return reasons


def in_vain(settings: Mapping[str, object]) -> tuple[str, ...]:
    """The chosen tasks whose result another choice takes away again: what goes with the account, once it is deleted."""
    if NEVER_A_DEFAULT not in settings:
        return ()
    return tuple(name for name in NEEDS_THE_MAILBOX if name in settings)


def default_refusals(chosen: Mapping[str, Setting | None]) -> list[str]:
    """Why these choices cannot be preset for everybody; empty if they can."""
    reasons = refusals({name: setting for name, setting in chosen.items() if name != NEVER_A_DEFAULT})
    if NEVER_A_DEFAULT in chosen:
        reasons.append(f"{NEVER_A_DEFAULT} cannot be a default: whoever deletes an account chooses it each time.")
    return reasons


def people_refusals(
    leaver: Leaver, chosen: Mapping[str, Setting], people: Mapping[str, Colleague], batch: Mapping[str, str]
) -> list[str]:
    """Why these colleagues cannot take over from this leaver. `batch` maps the ids of all leavers to their names."""
    reasons = []
    for task, person in people_in(chosen):
        colleague = people.get(person)
        if colleague is None:
            continue
        if colleague.id == leaver.id:
            reasons.append(f"{task}: {leaver.display_name} ({leaver.upn}) cannot be their own successor.")
        elif colleague.id in batch:
            reasons.append(f"{task}: {batch[colleague.id]} is being offboarded in the same request.")
    return list(dict.fromkeys(reasons))


def warnings(chosen: Mapping[str, Setting], people: Mapping[str, Colleague], *, blocked: bool) -> list[Note]:
    """What the technician should know of these choices. `blocked`: the account's sign-in is blocked already."""
    notes = []
    for task, person in people_in(chosen):
        if person in people:
            notes += _about(people[person], task)
    if "convert_to_shared" in chosen and "disable_sign_in" not in chosen and not blocked:
        notes.append(
            warning(
                "sign_in_stays_open",
                "The mailbox becomes shared, but the account can still sign in with its old password. "
                "Choose “Disable sign-in” and “Reset password” too.",
            )
        )
    if "revoke_sessions" in chosen and "disable_sign_in" not in chosen and not blocked:
        notes.append(
            warning(
                "sessions_can_be_renewed",
                "Sessions are revoked while the account can still sign in, so new ones can be opened. "
                "Choose “Disable sign-in” and “Reset password” too.",
            )
        )
    forward = chosen.get("forward_mail")
    if forward is not None and "set_out_of_office" in chosen and not getattr(forward, "keep_copy", True):
        notes.append(
            warning(
                "reply_without_copy",
                "Mail is forwarded without keeping a copy; the out-of-office reply may then not be sent. "
                "Keep a copy if the reply matters.",
            )
        )
    if DELETION in chosen and "grant_onedrive_access" in chosen:
        notes.append(
            info(
                "onedrive_clock",
                "The OneDrive stays reachable for the colleague only for the tenant's retention time after the "
                "deletion (30 days unless changed).",
            )
        )
    return list(dict.fromkeys(notes))


def _about(colleague: Colleague, task: str) -> list[Note]:
    who = f"{task}: {colleague.display_name} ({colleague.upn})"
    notes = []
    if not colleague.enabled:
        notes.append(warning("colleague_disabled", f"{who} is blocked from signing in."))
    if colleague.guest:
        notes.append(warning("colleague_is_guest", f"{who} is a guest and cannot open a mailbox of this tenant."))
    elif not colleague.licensed:
        notes.append(warning("colleague_unlicensed", f"{who} has no license, so what is granted may not be usable."))
    return notes
