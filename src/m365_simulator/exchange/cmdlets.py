"""What a cmdlet is given, and the list of those that are written here.

A cmdlet is a function from an `Invocation` to rows; the decorator `cmdlet` puts it on the list. The modules beside
this one hold one group of cmdlets each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from m365_simulator.exchange import errors, mailbox_life
from m365_simulator.exchange.directory import Directory, Recipient, directory_of
from m365_simulator.world import Group, Mailbox, World

if TYPE_CHECKING:
    from m365_simulator.faults import Behaviour

Row = dict[str, Any] | str
T = TypeVar("T")
NOTHING_CHANGED = "The command completed successfully but no settings of '{}' have been modified."


@dataclass(frozen=True)
class Rows(Sequence[Any]):
    """The result of a cmdlet: things, of which only those on the asked page are written out as rows."""

    things: Sequence[Any]
    row: Callable[[Any], Row]

    def __len__(self) -> int:
        return len(self.things)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self.row(thing) for thing in self.things[at]]
        return self.row(self.things[at])


Handler = Callable[["Invocation"], Sequence[Any] | None]
HANDLERS: dict[str, Handler] = {}
STORE: set[str] = set()
"""Cmdlets that work in the mailbox's own store, and want the request on the server that holds it."""
UNLIMITED: set[str] = set()
"""Cmdlets that give everything at once, whatever the usual limit of results."""


def cmdlet(*names: str, store: bool = False) -> Callable[[Handler], Handler]:
    """Puts a function on the list of cmdlets; `store` for those that work in the mailbox's own store."""

    def listed(handler: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = handler
            if store:
                STORE.add(name)
        return handler

    return listed


@dataclass
class Invocation:
    """One cmdlet under way."""

    world: World
    behaviour: Behaviour
    now: datetime
    name: str
    given: dict[str, Any]
    """The parameters by their proper names."""
    anchor: str = ""
    warnings: list[str] = field(default_factory=list)
    membership_changed: Callable[[Group, str], None] = lambda _group, _alias: None
    """Told when somebody (alias) has joined or left a group, whose licenses then come or go."""

    @property
    def directory(self) -> Directory:
        """Who is in this tenant."""
        return directory_of(self.world)

    def has(self, name: str) -> bool:
        """Whether the parameter was given, be it as null."""
        return name in self.given

    def text(self, name: str) -> str:
        """A parameter as a text; nothing if it is null, empty or absent."""
        value = self.given.get(name)
        return "" if value is None else str(value).strip()

    def texts(self, name: str) -> list[str]:
        """A parameter that takes one or several texts."""
        value = self.given.get(name)
        if value is None:
            return []
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.given.get(name))

    def only_if_asked(self) -> bool:
        """Whether this is a rehearsal (`WhatIf`) that must change nothing."""
        return self.on("WhatIf")

    def unchanged(self, recipient: Recipient) -> None:
        """Warns that everything was as asked for already."""
        self.warnings.append(NOTHING_CHANGED.format(recipient.display_name))

    def resolve(self, identity: str) -> Recipient | None:
        """The one recipient of this name, None if there is none; an error if there are several."""
        found = self.directory.matches(identity)
        if len(found) > 1:
            raise errors.ambiguous(identity)
        return found[0] if found else None

    def recipient(self, name: str = "Identity") -> Recipient:
        """The user or group that a parameter names."""
        found = self.resolve(self.text(name))
        if found is None:
            raise errors.not_found(self.text(name))
        return found

    def mailbox(self, name: str = "Identity") -> tuple[Recipient, Mailbox]:
        """The cloud mailbox that a parameter names."""
        return self.mailbox_of(self.text(name))

    def mailbox_of(self, identity: str) -> tuple[Recipient, Mailbox]:
        """The cloud mailbox of this name."""
        candidates = self.directory.matches(identity)
        found = [each for each in candidates if each.mailbox is not None]
        if len(found) > 1:
            raise errors.ambiguous(identity)
        if not found or found[0].mailbox is None:
            raise errors.not_found(identity)
        mailbox_life.settle(found[0].mailbox, self.now)
        self._routed(found[0])
        return found[0], found[0].mailbox

    def mailboxes(self, name: str = "Identity") -> list[tuple[Recipient, Mailbox]]:
        """The mailbox that a parameter names, or every one of the tenant when it is null or absent."""
        if self.text(name):
            return [self.mailbox(name)]
        return list(self.every_mailbox())

    def every_mailbox(self) -> Iterable[tuple[Recipient, Mailbox]]:
        """All cloud mailboxes that are not deleted."""
        for alias in list(self.world.mailboxes):
            found = self.directory.recipient(alias)
            if found is not None and found.mailbox is not None:
                mailbox_life.settle(found.mailbox, self.now)
                yield found, found.mailbox

    def principal(self, alias: str) -> Recipient | None:
        """Whom an alias in an access list means, if they still exist."""
        return self.directory.recipient(alias)

    def _routed(self, mailbox: Recipient) -> None:
        """A store cmdlet that arrives elsewhere than where the mailbox is."""
        if self.name not in STORE or self.behaviour.exchange_anchor == "any":
            return
        anchor = self.anchor.rpartition(":")[2].partition("@" + self.world.id)[0].lower()
        if not mailbox.known_as(anchor):
            raise errors.CmdletError(
                "Microsoft.Exchange.Configuration.CmdletProxyNotAvailableException",
                "Cmdlet needs proxy. Required Server FQDN: am0pr01a001.eurpr01a001.prod.outlook.com, required version: "
                "15.20.8769.11",
            )


def changed_list(current: list[str], value: Any, resolve: Callable[[str], str]) -> list[str]:
    """A list after it was overwritten (text, list or null) or changed (an object with `add` and `remove`).

    `resolve` turns what was sent into what is kept; for a removal of something unknown it may raise as well.
    """
    if not isinstance(value, dict):
        sent = [] if value is None else value if isinstance(value, list) else [value]
        return list(dict.fromkeys(resolve(str(each)) for each in sent))
    changes = {key.lower(): part for key, part in value.items() if "@" not in key}
    unknown = changes.keys() - {"add", "remove"}
    if unknown:
        raise errors.transformation(min(unknown), value, "MultiValuedProperty")
    result = list(current)
    for each in _as_list(changes.get("remove")):
        kept = resolve(str(each))
        result = [held for held in result if held != kept]
    for each in _as_list(changes.get("add")):
        kept = resolve(str(each))
        if kept not in result:
            result.append(kept)
    return result


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def when(moment: datetime | None) -> str | None:
    """A time as Exchange writes it."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
