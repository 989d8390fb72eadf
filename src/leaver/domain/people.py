"""Tenant, leaver and colleagues: who an offboarding is about, by id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TenantName:
    """A customer tenant, as it is shown."""

    id: str
    domain: str = ""
    name: str = ""


@dataclass(frozen=True)
class Leaver:
    """The person who leaves. Only `id` is ever acted on; the names are for people and for routing hints."""

    id: str
    upn: str
    display_name: str


@dataclass(frozen=True)
class Colleague:
    """Somebody of the same tenant who is given something. Never the target of a write."""

    id: str
    upn: str
    display_name: str
    mail: str = ""
    enabled: bool = True
    licensed: bool = True
    guest: bool = False
