"""The native API, `/api/v1`: one list convention (`items`, `next`), problem details for every error.

One file for each subject. A subject that is added here is served.
"""

from __future__ import annotations

from leaver.api.v1 import (
    approvals,
    audit,
    defaults,
    events,
    evidence,
    notifications,
    offboardings,
    presets,
    protected,
    rights,
    tasks,
    tenants,
    tokens,
    undo,
    webhooks,
)

SUBJECTS = (
    tasks,
    tenants,
    defaults,
    offboardings,
    events,
    undo,
    evidence,
    audit,
    tokens,
    approvals,
    protected,
    rights,
    presets,
    webhooks,
    notifications,
)
ROUTERS = tuple(subject.router for subject in SUBJECTS)
