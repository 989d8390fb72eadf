"""The portal's pages: server-rendered, through the same desk as the API, and working without a script.

One file for each subject. A subject that is added here is served.
"""

from __future__ import annotations

from leaver.web.pages import (
    appearance,
    audit,
    code,
    defaults,
    drafts,
    home,
    notifications,
    people,
    presets,
    protected,
    reschedule,
    rights,
    runs,
    settings,
    setup,
    sign_in,
    tenants,
    together,
    webhooks,
    wizard_review,
    wizard_settings,
    wizard_tenant,
    wizard_users,
)

SUBJECTS = (
    sign_in,
    code,
    home,
    wizard_tenant,
    wizard_users,
    wizard_settings,
    wizard_review,
    drafts,
    together,
    reschedule,
    runs,  # behind the wizard: `new` is no id
    tenants,
    rights,
    defaults,
    audit,
    settings,
    people,
    protected,
    presets,
    notifications,
    webhooks,
    appearance,
    setup,
)
ROUTERS = tuple(subject.router for subject in SUBJECTS)
