"""The query options of OData, as far as Microsoft Graph's directory honours them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from m365_simulator.graph.errors import GraphError, unsupported
from m365_simulator.graph.filters import Filter
from m365_simulator.graph.router import GraphCall
from m365_simulator.state import Answer

T = TypeVar("T")
Properties = Mapping[str, Callable[[GraphCall, T], Any]]
"""Name of a property to the function that reads it."""

_EXPANSION = re.compile(r"([\w.]+)(?:\(([^)]*)\))?")
NO_HEADER = (
    "Request with $search query parameter only works through MSGraph with a special request header: "
    "'ConsistencyLevel: eventual'"
)


def selected(call: GraphCall, properties: Properties[T], default: Sequence[str], of_type: str) -> list[str]:
    """The names of the properties that are asked for, spelled as the type spells them."""
    asked = call.query.get("$select", "")
    if not asked:
        return list(default)
    names: list[str] = []
    known = {name.lower(): name for name in properties}
    for part in asked.split(","):
        name = part.strip().split("/")[0]
        if name == "*":
            names += default
        elif name.lower() in known:
            names.append(known[name.lower()])
        elif name:
            message = f"Could not find a property named '{name}' on type 'microsoft.graph.{of_type}'."
            raise GraphError(400, "BadRequest", message)
    return names


def one(call: GraphCall, item: T, properties: Properties[T], default: Sequence[str], of_type: str) -> Answer:
    """One object, with the properties that are asked for."""
    names = selected(call, properties, default, of_type)
    body = {"@odata.context": f"{call.base}/$metadata#{of_type}s/$entity"}
    return Answer(body=body | {name: properties[name](call, item) for name in names})


def rows(
    call: GraphCall,
    items: Sequence[T],
    shape: Callable[[T], dict[str, Any]],
    *,
    page: int = 100,
    most: int = 999,
    skip_allowed: bool = False,
) -> Answer:
    """A page of a collection, in the order given, with the address of the next one."""
    asked = call.query.get("$top", "")
    if asked and not asked.isdigit():
        raise GraphError(400, "BadRequest", f"Invalid value '{asked}' for $top query option found.")
    size = min(int(asked) if asked else page, most)
    if asked and not 1 <= int(asked) <= most:
        raise unsupported(f"Invalid page size specified: '{asked}'. Must be between 1 and {most} inclusive.")
    if "$skip" in call.query and not skip_allowed:
        raise GraphError(400, "Request_UnsupportedQuery", "'$skip' is not supported by the service.")
    start = _token(call) if "$skiptoken" in call.query else int(call.query.get("$skip") or 0)
    body: dict[str, Any] = {"@odata.context": f"{call.base}/$metadata#{call.path.strip('/')}"}
    if call.query.get("$count") == "true" and start == 0:
        body["@odata.count"] = len(items)
    if start + size < len(items):
        query = {name: value for name, value in call.query.items() if name not in ("$skiptoken", "$skip")}
        token = base64.urlsafe_b64encode(json.dumps({"at": start + size}).encode()).decode().rstrip("=")
        query["$skiptoken"] = token
        body["@odata.nextLink"] = f"{call.base}/{call.path.strip('/')}?{urlencode(query)}"
    body["value"] = [shape(item) for item in items[start : start + size]]
    return Answer(body=body)


def _token(call: GraphCall) -> int:
    text = call.query["$skiptoken"]
    try:
        return int(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))["at"])
    except (ValueError, KeyError, TypeError):
        raise GraphError(400, "Directory_ExpiredPageToken", "The specified page token value has expired.") from None


def filtered(
    call: GraphCall, items: Sequence[T], properties: Properties[T], *, always_advanced: bool = False
) -> Sequence[T]:
    """Those items that `$filter` lets through."""
    text = call.query.get("$filter", "")
    if not text:
        return items
    parsed = Filter(text)
    needs = always_advanced or parsed.advanced or "$orderby" in call.query
    if needs and not (call.advanced and call.query.get("$count") == "true"):
        raise unsupported("The specified filter to the reference property query is currently not supported.")
    known = {name.lower(): read for name, read in properties.items()}
    for name in parsed.names:
        if name.lower() not in known:
            raise GraphError(400, "BadRequest", f"Invalid filter clause: there is no property named '{name}'.")

    def reader(item: T) -> Callable[[str], Any]:
        return lambda name: known[name.lower()](call, item)

    return [item for item in items if parsed.matches(reader(item))]


def ordered(call: GraphCall, items: Sequence[T], properties: Properties[T]) -> Sequence[T]:
    """The items in the order that `$orderby` asks for."""
    text = call.query.get("$orderby", "")
    if not text:
        return items
    known = {name.lower(): read for name, read in properties.items()}
    found = list(items)
    for part in reversed(text.split(",")):
        name, _, direction = part.strip().partition(" ")
        read = known.get(name.lower())
        if read is None:
            raise GraphError(400, "BadRequest", f"Could not find a property named '{name}'.")
        keys = {id(item): str(read(call, item) or "").lower() for item in found}
        found.sort(key=lambda item: keys[id(item)], reverse=direction == "desc")
    return found


def expansions(call: GraphCall, of_type: str, *known: str) -> dict[str, list[str]]:
    """What `$expand` asks for, each with the properties that it selects there; nothing is left out in silence."""
    found: dict[str, list[str]] = {}
    for name, within in _EXPANSION.findall(call.query.get("$expand", "")):
        spelled = next((each for each in known if each.lower() == name.lower()), None)
        if spelled is None:
            raise GraphError(400, "BadRequest", f"Parsing OData Select and Expand failed: '{name}' of '{of_type}'.")
        chosen = within.partition("$select=")[2].partition(";")[0]
        found[spelled] = [each.strip() for each in chosen.split(",") if each.strip()]
    return found


def need_header_for_search(call: GraphCall) -> str:
    """The text of `$search`, which asks for the special header."""
    if not call.advanced:
        raise unsupported(NO_HEADER)
    return call.query["$search"]


def count_only(call: GraphCall, number: int) -> Answer:
    """The bare number that `…/$count` answers with."""
    if not call.advanced:
        raise unsupported("$count is not currently supported.")
    return Answer(text=str(number))
