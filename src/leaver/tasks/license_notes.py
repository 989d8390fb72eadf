"""What a person should know when licenses go, and what is left for a person or for Microsoft to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from leaver.domain.plan import Awaiting, Note, follow_up, info, warning
from leaver.m365.graph.groups import Group
from leaver.m365.graph.users import LicenseState
from leaver.tasks.licensing import Licensing

_DAYS_UNTIL_ONEDRIVE_ARCHIVED = 93
_NO_ERROR = ("", "None")


def consequences(
    licensing: Licensing, going: Sequence[str], *, since: datetime, chosen: frozenset[str]
) -> Iterable[Note]:
    """What follows when these products go. `since` is when; `chosen` names the tasks of the offboarding."""
    plans = licensing.plans(going)
    if going:
        yield info(
            "seats_still_billed",
            f"Frees {', '.join(licensing.names(dict.fromkeys(going)))}. The seats are billed until the subscription "
            "is reduced.",
        )
    if "delete_user" not in chosen and any(plan.startswith("SHAREPOINT") for plan in plans):
        archived = since + timedelta(days=_DAYS_UNTIL_ONEDRIVE_ARCHIVED)
        yield info(
            "onedrive_unlicensed",
            f"A OneDrive without a license is archived about {archived:%Y-%m-%d}, and reopening it then costs money. "
            "Move the files before.",
        )
    if "MCOEV" in plans and "unassign_phone_numbers" not in chosen:
        yield warning(
            "phone_number_may_stay",
            "The Teams Phone license goes; without it a number that is assigned cannot be unassigned. Choose "
            "“Release Teams phone number” too.",
        )


def left_to_people(licensing: Licensing, group: Group) -> Note:
    """A licensing group whose members are not decided in the cloud, or by a rule."""
    products = ", ".join(licensing.names(group.license_sku_ids))
    if group.synced:
        return follow_up(
            "synced_licensing_group",
            f"Take the user out of the group {group.display_name} in Active Directory; it assigns {products}.",
        )
    return follow_up(
        "dynamic_licensing_group",
        f"Change the attribute that keeps the user in the dynamic group {group.display_name}; it assigns {products}. "
        f"Its rule: {group.membership_rule}",
    )


def left_to_microsoft(licensing: Licensing, state: LicenseState) -> Note | Awaiting:
    """A license of a group that the user has left already."""
    product = ", ".join(licensing.names([state.sku_id]))
    if state.error in _NO_ERROR:
        return Awaiting(
            "group_license_processing",
            f"Microsoft is taking {product} away: it was assigned by a group that the user has left.",
        )
    return follow_up(
        "license_error",
        f"{product} stays although the user has left the group that assigned it: {state.error}. Remove what depends on "
        "it, or reprocess the user's licenses (Entra admin center, Users, Licenses).",
    )
