"""Who asks for something, and through which door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person or a program."""

    name: str
    via: str = "cli"
    """`cli`, `api`, `portal` or `engine`."""
    address: str = ""
    """Where the request came from, if over a network."""
    behind: str = ""
    """Who made the token that was used: the same person, where two are needed."""

    @property
    def names(self) -> list[str]:
        """Everybody that this is."""
        return [name for name in dict.fromkeys((self.name, self.behind)) if name]


ENGINE = Actor("leaver", "engine")
"""Leaver itself, when it goes on with what was asked before."""
