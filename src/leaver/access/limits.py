"""How often somebody may ask: tries to sign in from one address, and writes of one caller.

Each process counts for itself and in memory. What must hold across processes, the lock-out of an account, is in the
database (`accounts`). The count is a leaky bucket that keeps one number a key (GCRA); the libraries for it bring a
thread or a task for each key, and more dependencies than lines here.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from leaver.access.roles import Person
from leaver.config import Config
from leaver.domain.errors import TooMany

SIGN_IN_WINDOW = 300.0
WRITE_WINDOW = 60.0
KEPT = 20_000
"""Keys that are remembered at most; the oldest is forgotten first."""


class Limiter:
    """At most so many of one key within some seconds, at once or spread. `clock` counts seconds."""

    def __init__(
        self, most: int, within: float, *, kept: int = KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each = within / most
        self._within = within
        self._kept = kept
        self._clock = clock
        self._full_until: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> float:
        """Count one; zero if it may go on, otherwise how many seconds to wait, and nothing is counted."""
        now = self._clock()
        until = max(self._full_until.get(key, now), now) + self._each
        wait = until - now - self._within
        if wait > 1e-9:
            return wait
        self._full_until[key] = until
        self._full_until.move_to_end(key)
        if len(self._full_until) > self._kept:
            self._full_until.popitem(last=False)
        return 0.0


@dataclass(frozen=True)
class Limits:
    """The limits of one process."""

    sign_ins: Limiter
    writes: Limiter

    @classmethod
    def of(cls, config: Config) -> Limits:
        """As configured."""
        return cls(Limiter(config.sign_in_tries, SIGN_IN_WINDOW), Limiter(config.writes_per_minute, WRITE_WINDOW))

    def sign_in(self, address: str) -> None:
        """Count a try to sign in; refused when there were too many from this address."""
        self._refuse(self.sign_ins.take(_network(address)), "There were too many tries to sign in from your address.")

    def write(self, person: Person) -> None:
        """Count a write; refused when this caller wrote too often."""
        self._refuse(self.writes.take(f"{person.via} {person.name}"), f"{person.name} asks for too much at once.")

    def _refuse(self, wait: float, what: str) -> None:
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooMany(
                what,
                "too_many_requests",
                advice=f"Try again in {seconds} second{'' if seconds == 1 else 's'}.",
                wait=seconds,
            )


def _network(address: str) -> str:
    """An address, or the network of an IPv6 one: whoever has one of those has all of its 2^64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(parsed), 64), strict=False))
