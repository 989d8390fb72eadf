"""Where a webhook may be aimed: at public addresses over TLS, unless the configuration opens a network.

The name is resolved once, at the moment of connecting; every address that it has is checked, and the connection goes to
one of those that were checked. So a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httpcore

from leaver.domain.errors import Unusable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Where clouds tell their machines who they are; refused even where a network is opened."""
_NAT64 = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
LONGEST_URL = 2048
_PATH = "/%:@!$&'()*+,;=~-._"


class Internal(Unusable):
    """The target is an address that no webhook may reach."""


class Reach:
    """The rule. `networks` are opened although they are internal; `http` allows a connection without TLS."""

    def __init__(self, *, http: bool = False, networks: Iterable[Network] = ()) -> None:
        self._http = http
        self._networks = tuple(networks)

    def url(self, text: str) -> str:
        """The address in its plain ASCII form; one that may not be used is unusable. Nothing is looked up."""
        wanted = text.strip()
        try:
            parts = urlsplit(wanted)
            host, port = parts.hostname or "", parts.port
            ascii_host = host if ":" in host else host.encode("idna").decode()
        except (ValueError, UnicodeError) as error:
            raise _unusable("It is not an address.") from error
        if len(wanted) > LONGEST_URL or not wanted.isprintable() or " " in wanted or not host or "%" in host:
            raise _unusable("It is not an address.")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._http):
            raise _unusable("It does not begin with https://.")
        if parts.username is not None or parts.password is not None:
            raise _unusable("It holds a user name or a password; the signature says who sends.")
        if host == "localhost" or host.endswith(".localhost"):
            self.check([ipaddress.ip_address("127.0.0.1")])
        literal = _literal(host)
        if literal is not None:
            self.check([literal])
        shown = f"[{host}]" if ":" in host else ascii_host.lower()
        where = shown if port is None else f"{shown}:{port}"
        query = f"?{quote(parts.query, safe=_PATH + '?')}" if parts.query else ""
        return f"{parts.scheme}://{where}{quote(parts.path or '/', safe=_PATH)}{query}"

    def check(self, addresses: Iterable[Address]) -> None:
        """Refuse when one of these is internal."""
        for address in addresses:
            if not self.allows(address):
                raise Internal(
                    "The target is an internal address.",
                    "internal_address",
                    advice="Aim the webhook at a public host, or open its network with LEAVER_WEBHOOK_NETWORKS.",
                )

    def allows(self, address: Address) -> bool:
        """Whether a connection may go there. An IPv4 address inside an IPv6 one counts as what it is."""
        if address in _METADATA:
            return False
        inner = _inside(address)
        if inner is not None:
            return self.allows(inner)
        if any(address in network for network in self._networks):
            return True
        return address.is_global and not address.is_multicast and not address.is_reserved


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the system knows it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connections that begin with a look at where they go."""

    def __init__(self, reach: Reach, resolve: Resolve = resolve) -> None:
        self._reach = reach
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own shape
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, and connect to one of them."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("The name cannot be resolved.") from error
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
        self._reach.check(addresses)
        problem: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("The name has no address.")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self._inner.sleep(seconds)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _inside(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    local = address in _COMPATIBLE and int(address) > 1
    if local or any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _unusable(reason: str) -> Unusable:
    return Unusable(
        f"The address of the webhook cannot be used. {reason}",
        "bad_webhook_url",
        advice="Write it like https://hooks.example.com/leaver.",
    )
