"""What can go wrong, named by who must act.

LeaverError
├── TryAgain                 the engine waits and repeats
│   ├── Throttled            Microsoft asked us to slow down
│   ├── Unavailable          the service did not answer, or said that it cannot now
│   └── NotYet               it works, once something else has happened
├── Uncertain                a write was sent and its answer lost: read before repeating
├── Refused                  repeating is useless; Microsoft's words are kept
│   ├── NotFound             the object is not there
│   ├── Forbidden            the application lacks a permission or role
│   ├── SignInRefused        no token: the app registration, its consent or its credential
│   │   └── NotSubscribed    the tenant has not bought the service
│   ├── OnPremises           mastered in Active Directory; the cloud cannot change it
│   └── WrongTarget          our own guard: a write aimed at somebody the plan does not name
├── TooMany                  whoever asks must wait: it was asked too often
└── Unusable                 the request itself is wrong; nothing was changed
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class LeaverError(Exception):
    """Everything Leaver raises on purpose: a sentence for a technician, and what Microsoft said."""

    message: str
    code: str = ""
    """Microsoft's error code (`Authorization_RequestDenied`, `AADSTS7000215`) or ours, in snake case."""
    status: int | None = None
    """The HTTP status, where there was one."""
    request_id: str = ""
    advice: str = ""
    """What to do next, and where."""
    service: str = ""
    """`sign-in`, `graph`, `exchange` or `sharepoint`."""

    def __str__(self) -> str:
        """The sentence, with Microsoft's code where it has one."""
        return f"{self.message} [{self.code}]" if self.code and self.code not in self.message else self.message


@dataclass
class TryAgain(LeaverError):
    """It may work later; `wait` is how many seconds to let pass."""

    wait: float = 2.0


@dataclass
class Throttled(TryAgain):
    """Microsoft asked us to slow down; `wait` is what it asked for."""


@dataclass
class Unavailable(TryAgain):
    """The service did not answer, or said that it cannot answer now."""


@dataclass
class NotYet(TryAgain):
    """Refused only because of something that is still to happen (another method must go first, a site is locked)."""


@dataclass
class Uncertain(LeaverError):
    """A write was sent and its answer was lost: it may have happened. Read back before repeating."""


@dataclass
class Refused(LeaverError):
    """Microsoft said no, and will say no again."""


@dataclass
class NotFound(Refused):
    """The object is not there (any more)."""


@dataclass
class Forbidden(Refused):
    """The application lacks a permission, a consent or a directory role."""


@dataclass
class SignInRefused(Refused):
    """Microsoft Entra gave no token for this tenant and service."""


@dataclass
class NotSubscribed(SignInRefused):
    """The tenant has no subscription for the service."""


@dataclass
class OnPremises(Refused):
    """The object is mastered in an on-premises Active Directory."""


@dataclass
class WrongTarget(Refused):
    """A write was about to reach somebody whom the plan does not name. It was not sent."""


@dataclass
class Unusable(LeaverError):
    """The request cannot be carried out as it stands. Nothing was changed."""


class Denied(LeaverError):
    """Whoever asks may not do this."""


class NotSignedIn(LeaverError):
    """Nobody knows who asks."""


@dataclass
class TooMany(LeaverError):
    """Whoever asks must wait; `wait` is how many seconds. Nothing was changed."""

    wait: int = 1


class LeaseLost(LeaverError):
    """Another process has taken the offboarding over; this one must not go on with it."""


class StoreAway(LeaverError):
    """Our own database does not answer; what was about to be kept is not kept yet."""
