"""What the routes of webhooks and notifications answer with, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from leaver.api.v1.shapes import MOMENT, Shape

Event = Literal[
    "offboarding.accepted",
    "offboarding.finished",
    "offboarding.failed",
    "offboarding.follow_up_due",
    "offboarding.approval_needed",
]


class TargetShown(Shape):
    """Somebody or something that is told, without its secrets."""

    id: str
    name: str = Field(examples=["HaloPSA tickets"])
    events: list[Event] = Field(description="Empty: only what a request asks for itself.")
    enabled: bool
    note: str = Field(description="Why Leaver switched it off, if it did.")
    last_at: str | None = Field(description=MOMENT)
    last_result: str = Field(description="How the last attempt went.", examples=["200"])
    created_at: str | None
    created_by: str


class WebhookShown(TargetShown):
    """A webhook, without its secret."""

    url: str = Field(description="Without the values of its query.", examples=["https://hooks.example.com/leaver"])
    tenants: list[str] = Field(description="Ids; empty: all tenants.")
    failing_since: str | None = Field(description=MOMENT + " Null: the last attempt arrived.")
    old_secret_until: str | None = Field(description=MOMENT + " Until then the secret before this one signs as well.")


class WebhookMade(WebhookShown):
    """A webhook with its secret, which is shown once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="])


class NotificationShown(TargetShown):
    """A mail address or a channel."""

    kind: Literal["email", "service"]
    address: str = Field(description="That of a service is masked.", examples=["slack://T...2/A...D/T...Q"])


class AttemptShown(Shape):
    """One attempt to deliver."""

    at: str
    milliseconds: int
    status: int | None = Field(description="The HTTP status, if there was an answer.")
    reason: str = Field(description="Why it failed; empty: it arrived.")


class DeliveryShown(Shape):
    """One event on its way to one target."""

    id: int
    event_id: str = Field(description="The `webhook-id`; the same at each attempt and replay.")
    type: str = Field(examples=["offboarding.finished"])
    offboarding_id: str
    state: Literal["waiting", "delivered", "failed"]
    created_at: str
    ended_at: str | None
    next_at: str | None = Field(description="When it is tried next, while it waits.")
    replay_of: int | None
    attempts: list[AttemptShown] = Field(description="The last 20.")


class ReportWish(Shape):
    """To whom a report is mailed."""

    to: list[str] = Field(min_length=1, max_length=20, examples=[["hr@contoso.com"]])


class Sending(Shape):
    """A report on its way to one address."""

    id: int
    to: str
    state: Literal["waiting", "delivered", "failed"]
    sent_by: str
    created_at: str
    ended_at: str | None
    next_at: str | None = Field(description="When it is tried next, while it waits.")
    attempts: list[AttemptShown] = Field(description="The last 20.")


class Sendings(Shape):
    """To whom a report was mailed, the latest first."""

    items: list[Sending]
