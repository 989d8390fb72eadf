"""How the simulated cloud behaves: its speed, its delays, its limits, and what goes wrong on request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Fault:
    """Something that goes wrong with the calls that `match` finds.

    `match` is a regular expression searched in `METHOD path?query` of a Graph, login or SharePoint call (Graph
    paths without the version: `DELETE /users/…`) or in `Cmdlet identity` of an Exchange one.
    """

    match: str
    status: int = 503
    body: Any = None
    """JSON of the answer; None gives the service's own error envelope."""
    text: str | None = None
    """A plain-text answer in place of JSON."""
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = 1
    """How often it happens; None means always."""
    skip: int = 0
    """How many matching calls go well first."""
    tenant: str = ""
    """Only calls to this tenant id."""
    after_effect: bool = False
    """The call is carried out, and then its answer is lost (or, with `status` and no `drop`, replaced)."""
    drop: bool = False
    """The connection is closed without an answer."""
    delay: float = 0.0
    """Seconds before anything else happens; with `status=0` the call then goes on as if nothing had been."""
    happened: int = 0

    def strikes(self, text: str, tenant: str) -> bool:
        """Whether this call is hit; counts it if so."""
        if (self.tenant and self.tenant != tenant) or self.times == 0 or not re.search(self.match, text):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.happened += 1
        return True


@dataclass
class Behaviour:
    """What can be steered about the cloud. Every fact that the documentation leaves open is a switch here.

    Delays are in seconds, latencies in milliseconds.
    """

    latency: dict[str, float] = field(default_factory=dict)
    """Milliseconds by service: `login`, `graph`, `exchange`, `sharepoint`."""
    faults: list[Fault] = field(default_factory=list)
    clock_skew: float = 0.0
    """How far the cloud's clock is ahead of ours."""
    token_lifetime: int = 3599

    read_after_write: float = 0.0
    """Reads of users and memberships serve the old state so long after a write."""
    conversion_delay: float = 0.0
    """From Set-Mailbox -Type to the read-back."""
    group_license_delay: float = 0.0
    """From leaving or joining a licensing group to the license's going or coming."""
    number_operation_delay: float = 0.0
    restore_mailbox_delay: float = 0.0
    """From the restoring of a user to the return of the mailbox."""

    throttling: bool = True
    """Token buckets with Microsoft's published numbers, times `throttling_scale`."""
    throttling_scale: float = 1.0
    retry_after_date: bool = False
    """Retry-After as an HTTP date in place of seconds."""
    exchange_concurrency: int = 0
    """Calls under way per tenant before the plain-text refusal; 0 means no limit."""
    exchange_busy_status: int = 429

    synced_disable: str = "refuse"
    """A write of accountEnabled to a synced user: `refuse` or `accept`."""
    not_consented_code: int = 7000229
    """What the login says of a known app that was never consented in the tenant: 7000229 or 700016."""
    dynamic_group_status: int = 403
    """How a change of a dynamic group's members is refused: 403 or 400."""
    not_a_member_status: int = 404
    """How the removal of a non-member is refused: 404 or 400."""
    remove_license_atomic: bool = True
    """One license that cannot be removed fails the whole call; otherwise those before it are gone."""
    privileged_methods: str = "accept"
    """Removal of an administrator's authentication methods without a high role: `accept` or `refuse`."""
    no_drive_error: str = "not_found"
    """How a OneDrive that was never made is reported: `not_found` (404) or `bad_request` (400)."""
    customers_status: int = 200
    """403 when the partner tenant refuses app-only reading of delegatedAdminCustomers."""
    already_shared_warning: bool = True
    """Converting a mailbox that is shared already gives a warning, not an error."""
    exchange_anchor: str = "any"
    """`required` refuses a mailbox-store cmdlet whose X-AnchorMailbox names another mailbox."""
    exchange_no_role: str = "bytes"
    """How an app without an Exchange role is refused: 403 with `bytes` that are no text, or with `json`."""
    missing_entry: str = "warning"
    """Removal of a full access or Send As entry that is not there: `warning` or `error`."""
    calendar_user: str = "name"
    """The user of a folder permission comes back as a display `name` or as an `object` with its addresses."""
    synced_send_on_behalf: str = "accept"
    """A change of GrantSendOnBehalfTo on a synced mailbox: `accept` or `refuse`."""
    trustee_by_upn: bool = True
    """Get-RecipientPermission finds a trustee by UPN too; otherwise it shows nothing for one."""
    calendar_preview: str = "text"
    """What Remove-CalendarEvents -PreviewOnly shows: `text` lines, `object` rows, or `nothing`."""
    empty_statistics: str = "row"
    """Get-MailboxStatistics of an empty mailbox: a `row`, or a `warning` and no row."""
    conversion_needs_license: bool = True
    """A mailbox whose user has no Exchange license cannot be converted to shared."""

    sharepoint_needs_license: bool = True
    """A person without a SharePoint plan cannot be found by a site."""
    sharepoint_merge_status: int = 204
    sharepoint_locked_status: int = 403
    """How a locked site refuses: 403 or 423."""
    sharepoint_tenant_access: str = "accept"
    """Tenant administration by an app alone: `accept` or `refuse`."""
    sharepoint_update_delay: float = 0.0
    """From a site's update to its being in force."""

    number_operation_fails: str = ""
    """The detail with which every telephone number operation fails; empty when they succeed."""
    revoke_moves_time: bool = True

    def change(self, **values: Any) -> None:
        """Sets some of the fields; `faults` may be given as JSON."""
        known = {each.name for each in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"There is no behaviour {name!r}")
            if name == "faults":
                self.faults = [fault if isinstance(fault, Fault) else Fault(**fault) for fault in value]
            elif name == "latency":
                self.latency.update(value)
            else:
                setattr(self, name, value)

    def struck_by(self, text: str, tenant: str) -> Fault | None:
        """The first fault that hits this call."""
        return next((fault for fault in self.faults if fault.strikes(text, tenant)), None)


@dataclass
class Bucket:
    """A token bucket: `limit` per `period` seconds."""

    limit: float
    period: float
    left: float = -1.0
    at: float = 0.0

    def take(self, cost: float, now: float) -> float:
        """Takes so many tokens; if there are too few, the seconds until there will be enough."""
        if self.left < 0:
            self.left, self.at = self.limit, now
        self.left = min(self.limit, self.left + (now - self.at) * self.limit / self.period)
        self.at = now
        if self.left >= cost:
            self.left -= cost
            return 0.0
        return (cost - self.left) * self.period / self.limit

    @property
    def used(self) -> float:
        """The part of the limit that is used up, 0 to 1."""
        return 1.0 - max(self.left, 0.0) / self.limit


@dataclass
class Buckets:
    """Microsoft's limits (Microsoft Graph service-specific throttling limits; SharePoint: avoid getting throttled)."""

    scale: float = 1.0
    held: dict[tuple[str, ...], Bucket] = field(default_factory=dict)

    def bucket(self, limit: float, period: float, *key: str) -> Bucket:
        """The bucket of this name, full when it is first asked for."""
        found = self.held.get(key)
        if found is None:
            found = self.held[key] = Bucket(max(limit * self.scale, 1.0), period)
        return found

    def units(self, app: str, tenant: str, users: int) -> Bucket:
        """Resource units of an app in a tenant, by the tenant's size."""
        limit = 3500 if users < 50 else 5000 if users <= 500 else 8000
        return self.bucket(limit, 10, "units", app, tenant)

    def writes(self, app: str, tenant: str) -> Bucket:
        """Directory writes of an app in a tenant."""
        return self.bucket(3000, 150, "writes", app, tenant)

    def all_units(self, app: str) -> Bucket:
        """Resource units of an app over all tenants."""
        return self.bucket(150_000, 20, "all units", app)

    def all_writes(self, app: str) -> Bucket:
        """Directory writes of an app over all tenants."""
        return self.bucket(70_000, 300, "all writes", app)

    def sharepoint(self, app: str, tenant: str) -> Bucket:
        """Resource units of an app in a small tenant's SharePoint."""
        return self.bucket(1250, 60, "sharepoint", app, tenant)
