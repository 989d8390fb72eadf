"""All that the simulated Microsoft 365 knows: a cloud of tenants, and in each its people and their things.

Objects are named in tests by a short alias (`ada`, `sales`); the wire only ever sees ids, UPNs and addresses.
Ids are derived from the tenant and alias, so a scenario has the same ids at every start.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

GB = 1024**3
EVERYTHING = frozenset({"*"})
"""Permissions of an app that may do everything."""

E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
E5 = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
EXCHANGE_P1 = "4b9405b0-7788-4568-add1-99614e613b69"
EXCHANGE_P2 = "19ec0d23-8335-4cbd-94ac-6050e30712fa"
POWER_BI = "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235"
TEAMS_PHONE = "e43b5b99-8dfb-405f-9987-dc307f34bcbd"
GLOBAL_ADMIN = "62e90394-69f5-4237-9190-012177145e10"
USER_ADMIN = "fe930be7-5e62-47db-91af-98c3a49a38b1"
EXCHANGE_ADMIN = "29232cdf-9323-42fd-ade2-1d097af3e4de"
PRIVILEGED_AUTH_ADMIN = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"


@dataclass
class LicenseState:
    """One way in which a user holds a product: directly, or by a group."""

    sku_id: str
    by_group: str | None = None
    """Id of the group that assigns it; None for a direct one."""
    disabled_plans: list[str] = field(default_factory=list)
    state: str = "Active"
    error: str = "None"


@dataclass
class AuthMethod:
    """An authentication method, by the last part of its `@odata.type` without the suffix `AuthenticationMethod`."""

    id: str
    kind: str
    """`phone`, `microsoftAuthenticator`, `fido2`, `windowsHelloForBusiness`, `softwareOath`, `email`, …"""
    phone_type: str = ""
    """`mobile`, `alternateMobile` or `office`."""
    display: str = ""
    default: bool = False


@dataclass
class Drive:
    """A OneDrive: a site collection on the `-my` host."""

    site_url: str
    admins: list[str] = field(default_factory=list)
    """Login names (`i:0#.f|membership|upn`), the owner's first."""
    sharing: int = 2
    """SharingCapability 0 to 3."""
    locked: str = "Unlock"
    ensured: dict[str, int] = field(default_factory=dict)
    """Login name to site user id."""
    site_id: str = ""


@dataclass
class PhoneNumber:
    """A Teams telephone number."""

    number: str
    kind: str = "callingPlan"
    assigned_to: str | None = None
    category: str = "primary"
    source: str = "online"
    location_id: str | None = None


@dataclass
class EntraDevice:
    """A device that a user registered in Entra."""

    id: str
    device_id: str
    display_name: str
    owner: str
    """Alias of the user."""
    enabled: bool = True
    os: str = "Windows"


@dataclass
class User:
    """A user object of Entra."""

    alias: str
    id: str
    upn: str
    display_name: str
    mail: str | None = None
    proxy_addresses: list[str] = field(default_factory=list)
    enabled: bool = True
    user_type: str = "Member"
    synced: bool | None = None
    """onPremisesSyncEnabled."""
    immutable_id: str | None = None
    sam_account_name: str | None = None
    on_premises_domain: str | None = None
    licenses: list[LicenseState] = field(default_factory=list)
    usage_location: str | None = "NL"
    sessions_valid_from: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    last_password_change: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    password_sha256: str = ""
    """A digest, to prove that a password was set; the password itself is not kept."""
    force_change: bool | None = None
    department: str | None = None
    manager: str | None = None
    """Alias of the manager."""
    methods: list[AuthMethod] = field(default_factory=list)
    drive: Drive | None = None
    management_restricted: bool = False
    created: datetime = datetime(2023, 1, 1, tzinfo=UTC)
    deleted_at: datetime | None = None
    last_sign_in: datetime | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """Properties by Graph's names that nothing here depends on (`jobTitle`)."""


@dataclass
class Group:
    """A group of Entra or Exchange. `members` and `owners` hold aliases."""

    alias: str
    id: str
    display_name: str
    kind: str = "security"
    """`security`, `microsoft365`, `distribution` or `mail_security`."""
    members: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    """Owners of Graph groups; ManagedBy of distribution lists and mail-enabled security groups."""
    send_on_behalf: list[str] = field(default_factory=list)
    """Aliases of those who may send on behalf of it."""
    service_principal_owners: int = 0
    dynamic_rule: str | None = None
    synced: bool | None = None
    role_assignable: bool = False
    license_skus: list[str] = field(default_factory=list)
    mail: str | None = None
    management_restricted: bool = False


@dataclass
class Role:
    """An activated directory role with its members' aliases."""

    id: str
    template_id: str
    display_name: str
    members: set[str] = field(default_factory=set)


@dataclass
class Sku:
    """A subscribed product."""

    sku_id: str
    part_number: str
    enabled: int = 25
    plans: list[tuple[str, str]] = field(default_factory=list)
    """(servicePlanId, servicePlanName); a plan whose name begins with EXCHANGE_S gives a mailbox."""
    depends_on: dict[str, list[str]] = field(default_factory=dict)
    """Plan id to plan ids (of any product) that it depends on."""


@dataclass
class InboxRule:
    """A rule of a mailbox."""

    id: str
    name: str
    enabled: bool = True
    hidden: bool = False
    forward_to: list[str] = field(default_factory=list)
    redirect_to: list[str] = field(default_factory=list)
    move_to_folder: str | None = None
    delete_message: bool = False
    subject_contains: list[str] = field(default_factory=list)
    priority: int = 1


@dataclass
class MobileDevice:
    """A mobile device partnership of a mailbox."""

    id: str
    """The Guid."""
    name: str
    model: str = "iPhone 15"
    type: str = "iPhone"
    os: str = "iOS 18"
    wipe: str = ""
    """`full` or `account` while a wipe waits for the device."""


@dataclass
class AutoReply:
    """The automatic replies of a mailbox."""

    state: str = "Disabled"
    internal: str = ""
    external: str = ""
    audience: str = "All"


@dataclass
class FullAccess:
    """An entry in the access list of a mailbox."""

    user: str
    """Alias of the user who may open it, or a raw text such as `NT AUTHORITY\\SELF` or an orphaned SID."""
    rights: list[str] = field(default_factory=lambda: ["FullAccess"])
    inherited: bool = False
    deny: bool = False
    automapping: bool = True


@dataclass
class FolderPermission:
    """A right on the calendar folder; `user` is an alias, `Default`, `Anonymous`, or a raw display name."""

    user: str
    rights: list[str] = field(default_factory=lambda: ["Reviewer"])


@dataclass
class Meeting:
    """A meeting in a calendar, organized by its owner."""

    subject: str
    start: datetime
    attendees: list[str] = field(default_factory=list)


@dataclass
class Mailbox:
    """A mailbox of Exchange Online; `alias` is the user's."""

    alias: str
    guid: str
    kind: str = "UserMailbox"
    hidden: bool = False
    size: int = 2 * GB
    forwarding_address: str | None = None
    """Alias of a recipient."""
    forwarding_smtp: str | None = None
    deliver_and_forward: bool = False
    send_on_behalf: list[str] = field(default_factory=list)
    """Aliases."""
    send_as: list[str] = field(default_factory=list)
    """Aliases of those who may send as this mailbox."""
    full_access: list[FullAccess] = field(default_factory=list)
    rules: list[InboxRule] = field(default_factory=list)
    devices: list[MobileDevice] = field(default_factory=list)
    auto_reply: AutoReply = field(default_factory=AutoReply)
    calendar_name: str = "Calendar"
    calendar_permissions: list[FolderPermission] = field(
        default_factory=lambda: [FolderPermission("Default", ["AvailabilityOnly"])]
    )
    meetings: list[Meeting] = field(default_factory=list)
    archive: bool = False
    auto_expanding_archive: bool = False
    litigation_hold: bool = False
    in_place_holds: list[str] = field(default_factory=list)
    compliance_hold: bool = False
    delay_hold: bool = False
    converting_to: str | None = None
    """The type that a conversion under way will lead to, and when (`converted_at`)."""
    converted_at: datetime | None = None
    soft_deleted_at: datetime | None = None
    on_premises: bool = False
    """The mailbox is in the on-premises Exchange: Get-Mailbox does not find it, Get-MailUser does."""
    resource_delegates: list[str] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What else was set on it, by the noun of the cmdlet: `Mailbox`, `CASMailbox`, `CalendarProcessing`."""
    sweep_rules: list[InboxRule] = field(default_factory=list)


@dataclass
class App:
    """An app registration: its credential, and per tenant what it was consented to."""

    client_id: str
    secret: str | None = None
    certificate_thumbprints: set[str] = field(default_factory=set)
    """SHA-256, hex, lower case."""
    certificates: list[str] = field(default_factory=list)
    """PEM of registered certificates; the signatures of assertions made with them are checked."""
    secret_expired: bool = False


@dataclass
class Grant:
    """What an app holds in one tenant: application permissions and directory roles."""

    permissions: frozenset[str] = EVERYTHING
    roles: frozenset[str] = frozenset({USER_ADMIN, EXCHANGE_ADMIN, PRIVILEGED_AUTH_ADMIN})
    enabled: bool = True


@dataclass
class World:
    """One tenant and all that is in it."""

    id: str
    domain: str
    name: str
    initial_domain: str = ""
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    deleted_users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    skus: dict[str, Sku] = field(default_factory=dict)
    numbers: list[PhoneNumber] = field(default_factory=list)
    entra_devices: list[EntraDevice] = field(default_factory=list)
    access_packages: list[tuple[str, str]] = field(default_factory=list)
    """Alias of a user, and the name of a package that was delivered to them."""
    grants: dict[str, Grant] = field(default_factory=dict)
    """By client id; an app without one was never consented here."""
    premium: bool = True
    """Entra ID P1 or better: sign-in activity can be read."""
    teams: bool = True
    exchange: bool = True
    """Subscribed to; without it Entra gives no token for Exchange Online."""
    sharepoint: bool = True
    outbound_auto_forward: str = "Automatic"
    """AutoForwardingMode of the outbound spam policy: Automatic, Off or On."""
    synced: bool | None = None
    synced_at: str = "2026-01-01T00:00:00Z"
    """When the directory last came through, in a tenant that is synced."""
    sent_cancellations: list[tuple[str, str]] = field(default_factory=list)
    """(organizer's alias, subject) of every meeting that was cancelled and mailed about."""

    def new_id(self, *parts: str) -> str:
        """The id that belongs to these words in this tenant; the same at every start."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, "/".join([self.id, *parts])))

    # People and their things: what tests and scenarios say

    def add_user(
        self,
        alias: str,
        display_name: str = "",
        *,
        licenses: Iterable[str] = (E3,),
        mailbox: bool = True,
        drive: bool = True,
        **more: Any,
    ) -> User:
        """A user with a license, a mailbox and a OneDrive, unless told otherwise; `more` sets fields of `User`."""
        upn = more.pop("upn", f"{alias}@{self.domain}")
        mail = more.pop("mail", upn if mailbox else None)
        user = User(
            alias=alias,
            id=more.pop("id", self.new_id("user", alias)),
            upn=upn,
            display_name=display_name or alias.replace(".", " ").replace("-", " ").title(),
            mail=mail,
            proxy_addresses=more.pop("proxy_addresses", [f"SMTP:{mail}"] if mail else []),
            licenses=[LicenseState(self.add_sku(sku).sku_id) for sku in licenses],
            **more,
        )
        self.users[alias] = user
        if mailbox:
            self.mailboxes[alias] = Mailbox(alias=alias, guid=self.new_id("mailbox", alias))
        if drive and self.sharepoint:
            host = self.initial_domain.removesuffix(".onmicrosoft.com") or self.domain.split(".")[0]
            site = f"https://{host}-my.sharepoint.com/personal/{upn.replace('@', '_').replace('.', '_')}"
            owner = f"i:0#.f|membership|{upn}"
            user.drive = Drive(site, [owner], ensured={owner: 3}, site_id=self.new_id("site", alias))
        return user

    def add_group(
        self,
        alias: str,
        *members: str,
        owners: Iterable[str] = (),
        display_name: str = "",
        kind: str = "security",
        **more: Any,
    ) -> Group:
        """A group with these members (aliases); `more` sets fields of `Group`. A licensing group licenses them."""
        mail_enabled = kind in ("microsoft365", "distribution", "mail_security")
        group = Group(
            alias=alias,
            id=self.new_id("group", alias),
            display_name=display_name or alias.replace("-", " ").replace("_", " ").title(),
            kind=kind,
            members=set(members),
            owners=set(owners),
            mail=more.pop("mail", f"{alias}@{self.domain}" if mail_enabled else None),
            **more,
        )
        self.groups[alias] = group
        for sku in group.license_skus:
            self.add_sku(sku)
            for member in group.members:
                self.users[member].licenses.append(LicenseState(sku, by_group=group.id))
        return group

    def add_sku(self, sku_id: str, part_number: str = "", **more: Any) -> Sku:
        """A subscribed product; a known one gets its part number and plans by itself."""
        if sku_id not in self.skus:
            known_part, plans = KNOWN_SKUS.get(sku_id, (part_number or "CUSTOM", []))
            self.skus[sku_id] = Sku(sku_id, part_number or known_part, plans=list(plans), **more)
        return self.skus[sku_id]

    def add_role(self, template_id: str, display_name: str, *members: str) -> Role:
        """An activated directory role with these members."""
        role = Role(self.new_id("role", template_id), template_id, display_name, set(members))
        self.roles[template_id] = role
        return role

    def add_method(
        self, alias: str, kind: str, *, phone_type: str = "", display: str = "", default: bool = False
    ) -> AuthMethod:
        """An authentication method of a user; phones get Microsoft's fixed ids."""
        user = self.users[alias]
        method_id = PHONE_IDS.get(phone_type) or self.new_id("method", alias, kind, str(len(user.methods)))
        method = AuthMethod(method_id, kind, phone_type, display, default)
        user.methods.append(method)
        return method

    def add_rule(self, alias: str, name: str, **more: Any) -> InboxRule:
        """An inbox rule of a user's mailbox; `more` sets fields of `InboxRule`."""
        rules = self.mailboxes[alias].rules
        number = uuid.UUID(self.new_id("rule", alias, name, str(len(rules)))).int >> 65
        rule = InboxRule(id=str(number), name=name, priority=len(rules) + 1, **more)
        rules.append(rule)
        return rule

    def add_device(self, alias: str, name: str, **more: Any) -> MobileDevice:
        """A mobile device partnership of a user's mailbox."""
        device = MobileDevice(id=self.new_id("device", alias, name), name=name, **more)
        self.mailboxes[alias].devices.append(device)
        return device

    def add_entra_device(self, alias: str, name: str, **more: Any) -> EntraDevice:
        """A device that a user registered in Entra."""
        ids = self.new_id("entra device", alias, name), self.new_id("device id", alias, name)
        device = EntraDevice(*ids, name, alias, **more)
        self.entra_devices.append(device)
        return device

    def add_number(self, number: str, assigned_to: str | None = None, **more: Any) -> PhoneNumber:
        """A Teams telephone number, assigned to a user (alias) or free."""
        found = PhoneNumber(number, assigned_to=assigned_to, **more)
        self.numbers.append(found)
        return found

    def add_meeting(self, alias: str, subject: str, *attendees: str, days: int = 7) -> Meeting:
        """A meeting that this user organizes, so many days from now."""
        meeting = Meeting(subject, datetime.now(UTC) + timedelta(days=days), list(attendees))
        self.mailboxes[alias].meetings.append(meeting)
        return meeting

    def give_full_access(self, mailbox: str, user: str, *, automapping: bool = True) -> None:
        """Lets a user open somebody's mailbox."""
        self.mailboxes[mailbox].full_access.append(FullAccess(user, automapping=automapping))

    def give_calendar(self, mailbox: str, user: str, *rights: str) -> None:
        """Gives a user a right on somebody's calendar."""
        self.mailboxes[mailbox].calendar_permissions.append(FolderPermission(user, list(rights) or ["Editor"]))

    # What tests ask

    @property
    def members(self) -> dict[str, set[str]]:
        """Group alias to the aliases of its members."""
        return {alias: group.members for alias, group in self.groups.items()}

    def user_by_id(self, user_id: str) -> User | None:
        """The user with this object id, if there is one that is not deleted."""
        return next((user for user in self.users.values() if user.id == user_id), None)


@dataclass
class Cloud:
    """Microsoft's cloud: tenants, app registrations, and how it behaves."""

    worlds: dict[str, World] = field(default_factory=dict)
    """By tenant id."""
    apps: dict[str, App] = field(default_factory=dict)
    partner_tenant: str = ""
    """The tenant whose delegated customers are all the others."""
    suggested_leaver: str = ""
    """The UPN of somebody worth offboarding in the first tenant."""

    def add_world(self, domain: str, name: str = "", *, tenant_id: str = "") -> World:
        """A tenant, with every app of the cloud consented to everything."""
        initial = f"{domain.split('.', maxsplit=1)[0]}.onmicrosoft.com"
        found = tenant_id or str(uuid.uuid5(uuid.NAMESPACE_DNS, domain))
        world = World(found, domain, name or domain.split(".", maxsplit=1)[0].title(), initial)
        world.grants = {client_id: Grant() for client_id in self.apps}
        self.worlds[found] = world
        return world


PHONE_IDS = {
    "mobile": "3179e48a-750b-4051-897c-87b9720928f7",
    "alternateMobile": "b6332ec1-7057-4abe-9331-3d72feddfe41",
    "office": "e37fc753-ff3b-4958-9484-eaa9425c82bc",
}

KNOWN_SKUS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    E3: (
        "ENTERPRISEPACK",
        [
            ("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE"),
            ("5dbe027f-2339-4123-9542-606e4d348a72", "SHAREPOINTENTERPRISE"),
            ("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1"),
        ],
    ),
    E5: (
        "SPE_E5",
        [
            ("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE"),
            ("5dbe027f-2339-4123-9542-606e4d348a72", "SHAREPOINTENTERPRISE"),
            ("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1"),
        ],
    ),
    EXCHANGE_P1: ("EXCHANGESTANDARD", [("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "EXCHANGE_S_STANDARD")]),
    EXCHANGE_P2: ("EXCHANGEENTERPRISE", [("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE")]),
    POWER_BI: ("POWER_BI_STANDARD", [("2049e525-b859-401b-b2a0-e0a31c4b1fe4", "BI_AZURE_P0")]),
    TEAMS_PHONE: ("MCOEV", [("4828c8ec-dc2e-4779-b502-87ac9ce28ab7", "MCOEV")]),
}
