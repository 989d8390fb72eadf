"""CIPP's endpoints, for callers that were written for it (contracts/cipp-api.md).

One file for each subject. A subject that is added here is served.
"""

from __future__ import annotations

from fastapi.routing import APIRoute

from leaver.api.cipp import items, logs, offboard, tenants, users

SUBJECTS = (offboard, users, tenants, items, logs)
ROUTERS = tuple(subject.router for subject in SUBJECTS)
ADDRESSES = {
    route.path.lower(): route.path for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)
}


def address(path: str) -> str:
    """An address as the routes name it, also for one in another letter case or with a slash at its end.

    CIPP's host takes those, and its callers rely on it.
    """
    return ADDRESSES.get(path.rstrip("/").lower(), path)
