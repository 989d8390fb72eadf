"""The doorway to one customer tenant: every client, sharing one connection and one guard."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from leaver.domain.people import Leaver
from leaver.m365.exchange.auto_replies import AutoReplies
from leaver.m365.exchange.calendars import Calendars
from leaver.m365.exchange.distribution_groups import DistributionGroups
from leaver.m365.exchange.inbox_rules import InboxRules
from leaver.m365.exchange.mail_flow import MailFlow
from leaver.m365.exchange.mailboxes import Mailboxes
from leaver.m365.exchange.mobile_devices import MobileDevices
from leaver.m365.exchange.permissions import Permissions
from leaver.m365.exchange.rights import Index, Rights, Seen
from leaver.m365.exchange.survey import Survey
from leaver.m365.graph.access_packages import AccessPackages
from leaver.m365.graph.authentication_methods import AuthenticationMethods
from leaver.m365.graph.deleted_users import DeletedUsers
from leaver.m365.graph.drives import Drives
from leaver.m365.graph.groups import Groups
from leaver.m365.graph.licenses import Licenses
from leaver.m365.graph.organization import Organizations
from leaver.m365.graph.phone_numbers import PhoneNumbers
from leaver.m365.graph.roles import Roles
from leaver.m365.graph.users import Users
from leaver.m365.http import ExchangeWire, GraphWire, SharePointWire
from leaver.m365.sharepoint.sites import Sites
from leaver.m365.target import Guard


class Tenant:
    """One customer tenant, as one reader sees it.

    Reads are remembered: the same question gets the same answer until `fresh()` starts a new memory. Writes are
    refused unless they concern the leaver whom `acting_on` names.
    """

    def __init__(
        self,
        id: str,
        *,
        graph: GraphWire,
        exchange: ExchangeWire,
        sharepoint: SharePointWire,
        now: Callable[[], datetime],
        leaver: Leaver | None = None,
        seen: Seen | None = None,
    ) -> None:
        self.id = id
        self.leaver = leaver
        self._wires = (graph, exchange, sharepoint)
        self._now = now
        self._seen = seen or Seen()
        guard = Guard(leaver)

        self.users = Users(graph, guard)
        self.deleted_users = DeletedUsers(graph, guard)
        self.groups = Groups(graph, guard)
        self.licenses = Licenses(graph, guard)
        self.authentication_methods = AuthenticationMethods(graph, guard)
        self.roles = Roles(graph)
        self.organization = Organizations(graph)
        self.drives = Drives(graph)
        self.phone_numbers = PhoneNumbers(graph, guard)
        self.access_packages = AccessPackages(graph)

        self.mailboxes = Mailboxes(exchange, guard)
        self.inbox_rules = InboxRules(exchange, guard)
        self.mobile_devices = MobileDevices(exchange, guard)
        self.auto_replies = AutoReplies(exchange, guard)
        self.permissions = Permissions(exchange, guard)
        self.calendars = Calendars(exchange, guard)
        self.distribution_groups = DistributionGroups(exchange, guard)
        self.mail_flow = MailFlow(exchange)
        self.rights = Rights(exchange, self.users, self._seen)
        self.survey = Survey(exchange)

        self.sites = Sites(sharepoint, self.drives, guard)

    def fresh(self) -> Tenant:
        """The same tenant and guard with an empty memory of what was read."""
        graph, exchange, sharepoint = self._wires
        return Tenant(
            self.id,
            graph=graph.fresh(),
            exchange=exchange.fresh(),
            sharepoint=sharepoint,
            now=self._now,
            leaver=self.leaver,
            seen=self._seen,
        )

    def acting_on(self, leaver: Leaver, index: Index | None = None, always: Collection[str] = ()) -> Tenant:
        """The same tenant, in which writes may concern this leaver and nobody else; a run of its own.

        The look for the leaver's rights goes by the `index`, if there is one, and to the mailboxes of the ids `always`.
        """
        graph, exchange, sharepoint = self._wires
        return Tenant(
            self.id,
            graph=graph,
            exchange=exchange,
            sharepoint=sharepoint,
            now=self._now,
            leaver=leaver,
            seen=Seen(index, always),
        )

    def now(self) -> datetime:
        """The service's clock: what Microsoft's own dates are compared with."""
        return self._now()
