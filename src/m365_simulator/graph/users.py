"""Users: list, search, read, and whom they report to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from m365_simulator.directory import Directory, words
from m365_simulator.graph import odata, people
from m365_simulator.graph.errors import GraphError, denied, not_found
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.graph.user_shape import DEFAULT, NOT_ON_COLLECTION, PROPERTIES, reference
from m365_simulator.state import Answer
from m365_simulator.world import User

READ_BASIC = ("User.ReadBasic.All",)
READ = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_BASIC_PROPERTIES = {"id", "displayName", "givenName", "surname", "mail", "userPrincipalName"}
_SEARCHABLE = ("displayname", "mail", "userprincipalname", "givenname", "surname", "mailnickname")
_CLAUSE = re.compile(r'\s*(OR\s+|AND\s+)?"(\w+):((?:[^"\\]|\\.)*)"\s*')
_EXACT = re.compile(r"^\s*(id|userPrincipalName|mail)\s+eq\s+'((?:[^']|'')*)'\s*$", re.IGNORECASE)


@route("GET", "/users", *READ_BASIC, *READ, units=2)
def listed(call: GraphCall) -> Answer:
    """All users, or those that are searched for."""
    names = [name.strip().lower() for name in call.query.get("$select", "").split(",")]
    if any(name in NOT_ON_COLLECTION for name in names):
        raise GraphError(501, "NotImplemented", "Property is not supported on the collection.")
    most = 999
    if "signinactivity" in names or "signInActivity" in call.query.get("$filter", ""):
        _demand_sign_in_activity(call)
        most = 120
    if "$search" in call.query or "$filter" in call.query or "$orderby" in call.query:
        if "$expand" in call.query and call.advanced:
            raise GraphError(400, "Request_UnsupportedQuery", "Advanced queries cannot be combined with $expand.")
    users = odata.ordered(call, _chosen(call), PROPERTIES)
    shown = _readable(call, odata.selected(call, PROPERTIES, DEFAULT, "user"))
    expand = odata.expansions(call, "user", "manager")

    def row(user: User) -> dict[str, Any]:
        return {name: PROPERTIES[name](call, user) for name in shown} | _expanded(call, user, expand)

    return odata.rows(call, users, row, most=most)


@route("GET", "/users/$count", *READ_BASIC, *READ)
def counted(call: GraphCall) -> Answer:
    """How many users there are."""
    return odata.count_only(call, len(_chosen(call)))


@route("GET", "/users/{}", *READ_BASIC, *READ)
def read(call: GraphCall) -> Answer:
    """One user."""
    user = people.read(call)
    names = odata.selected(call, PROPERTIES, DEFAULT, "user")
    if "signInActivity" in names:
        if call.keys[0].lower() != user.id:
            message = "Get By Key only supports UserId and the key has to be a valid Guid"
            raise GraphError(400, "BadRequest", message)
        _demand_sign_in_activity(call)
    body = {"@odata.context": f"{call.base}/$metadata#users/$entity"}
    body |= {name: PROPERTIES[name](call, user) for name in _readable(call, names)}
    return Answer(body=body | _expanded(call, user, odata.expansions(call, "user", "manager")))


@route("GET", "/users/{}/manager", *READ)
def manager(call: GraphCall) -> Answer:
    """The manager; none is a 404."""
    found = call.world.users.get(people.read(call).manager or "")
    if found is None:
        raise not_found("manager")
    names = odata.selected(call, PROPERTIES, DEFAULT, "user")
    shown = {name: PROPERTIES[name](call, found) for name in names}
    return Answer(body={"@odata.type": "#microsoft.graph.user"} | shown)


@route("GET", "/users/{}/directReports", *READ)
def direct_reports(call: GraphCall) -> Answer:
    """The users of whom this one is the manager."""
    alias = people.read(call).alias
    return odata.rows(call, [user for user in call.world.users.values() if user.manager == alias], reference)


def _expanded(call: GraphCall, user: User, expand: dict[str, list[str]]) -> dict[str, Any]:
    """The manager, where one is set and asked for."""
    boss = call.world.users.get(user.manager or "") if "manager" in expand else None
    if boss is None:
        return {}
    by_lower = {name.lower(): name for name in PROPERTIES}
    names = [by_lower[name.lower()] for name in expand["manager"] if name.lower() in by_lower] or DEFAULT
    return {"manager": {"@odata.type": "#microsoft.graph.user"} | {n: PROPERTIES[n](call, boss) for n in names}}


def _readable(call: GraphCall, names: list[str]) -> list[str]:
    """Those properties that the caller's permissions show."""
    return names if call.caller.may(*READ) else [name for name in names if name in _BASIC_PROPERTIES]


def _demand_sign_in_activity(call: GraphCall) -> None:
    if not call.world.premium:
        message = "Neither tenant is B2C or tenant doesn't have premium license"
        raise GraphError(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", message)
    if not call.caller.may("AuditLog.Read.All"):
        message = "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All"
        raise GraphError(403, "Authentication_MSGraphPermissionMissing", message)
    if not call.caller.may(*READ):
        raise denied()


def _chosen(call: GraphCall) -> Sequence[User]:
    """The users that `$search` and `$filter` leave, by name."""
    directory = call.directory
    exact = _EXACT.match(call.query.get("$filter", ""))
    if exact and "$search" not in call.query:
        user = directory.user(exact[2].replace("''", "'"))
        found = [user] if user is not None else []
        return odata.filtered(call, _seen(call, found), PROPERTIES)
    if "$search" in call.query:
        chosen = _searched(directory, odata.need_header_for_search(call))
        rank = directory.rank()
        aliases: Sequence[str] = sorted(chosen, key=rank.__getitem__)
    else:
        aliases = directory.in_order()
    if "$filter" not in call.query and not call.state.lag.active and "$orderby" not in call.query:
        return _Lazy(call, aliases)
    users = call.world.users
    return odata.filtered(call, _seen(call, [users[alias] for alias in aliases]), PROPERTIES)


def _seen(call: GraphCall, users: list[User]) -> list[User]:
    """The same users as a replica shows them; one who has only just come to be is missing."""
    lag = call.state.lag
    if not lag.active:
        return users
    return [seen for user in users if (seen := lag.seen("user", call.world.id, user.id, user)) is not None]


class _Lazy(Sequence[User]):
    """Users of whom only a page is ever looked at."""

    def __init__(self, call: GraphCall, aliases: Sequence[str]) -> None:
        self._users = call.world.users
        self._aliases = aliases

    def __len__(self) -> int:
        return len(self._aliases)

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        if isinstance(at, slice):
            return [self._users[alias] for alias in self._aliases[at]]
        return self._users[self._aliases[at]]


def _searched(directory: Directory, text: str) -> set[str]:
    """The aliases that a `$search` finds: clauses in quotes, joined by OR or AND (AND binds tighter)."""
    at, alternatives = 0, list[set[str]]()
    while at < len(text):
        clause = _CLAUSE.match(text, at)
        if clause is None:
            raise GraphError(400, "Request_BadRequest", "Syntax error in the $search query parameter.")
        found = _clause(directory, clause[2].lower(), re.sub(r"\\(.)", r"\1", clause[3]))
        if (clause[1] or "").strip() == "OR" or not alternatives:
            alternatives.append(found)
        else:
            alternatives[-1] &= found
        at = clause.end()
    return set[str]().union(*alternatives)


def _clause(directory: Directory, name: str, value: str) -> set[str]:
    if name not in _SEARCHABLE:
        message = f"Property '{name}' is not searchable."
        raise GraphError(400, "Request_UnsupportedQuery", message)
    wanted = words(value)
    found: set[str] | None = None
    for word in wanted:
        begun = directory.beginning_with(word, name)
        found = begun if found is None else found & begun
    return found or set()
