"""What Microsoft Entra says when it gives no token, and what a technician does about it."""

from __future__ import annotations

import re
from typing import Any

from leaver.domain.errors import LeaverError, NotSubscribed, SignInRefused, Throttled
from leaver.m365.answers import Answer

_CONSENT = (
    "Have an administrator of that tenant consent to the application (the admin consent link on the tenant's page, or "
    "Entra admin center > Enterprise applications > Permissions), and check LEAVER_CLIENT_ID."
)
_NEW_SECRET = "Entra admin center > App registrations > the Leaver application > Certificates & secrets"  # noqa: S105
_ADVICE: dict[int, tuple[str, str]] = {
    7000215: (
        "the client secret is wrong",
        f"Put the secret's value, not its id, into LEAVER_CLIENT_SECRET; make a new one at {_NEW_SECRET}.",
    ),
    7000222: (
        "the client secret has expired",
        f"Make a new secret at {_NEW_SECRET} and put its value into LEAVER_CLIENT_SECRET.",
    ),
    700027: (
        "the certificate is not registered on the application",
        f"Upload the certificate of LEAVER_CLIENT_CERTIFICATE at {_NEW_SECRET}.",
    ),
    700024: (
        "the assertion is outside its time range",
        "Set this machine's clock (NTP); it is off by several minutes.",
    ),
    700016: ("the application is not known in the tenant: it was never consented there", _CONSENT),
    7000229: ("the application has no service principal in the tenant: it was never consented there", _CONSENT),
    7000112: (
        "the application is disabled in the tenant",
        "Enable it: Entra admin center > Enterprise applications > the Leaver application > Properties > Enabled for "
        "users to sign in.",
    ),
    650052: (
        "the tenant has no subscription for this service",
        "Assign a license that includes the service, or leave out the tasks that need it; then consent again.",
    ),
    500011: (
        "the service is not present in the tenant",
        "Assign a license that includes the service, or leave out the tasks that need it; then consent again.",
    ),
    65001: ("consent is missing", _CONSENT),
    90002: (
        "the tenant does not exist",
        "Check the tenant id (`leaver tenant add`), and that LEAVER_CLOUD names the cloud the tenant lives in.",
    ),
    900023: ("the tenant id is malformed", "Check the tenant id (`leaver tenant add`): a GUID or a domain."),
    90038: ("the tenant lives in another national cloud", "Set LEAVER_CLOUD to the tenant's cloud."),
    900382: ("the tenant lives in another national cloud", "Set LEAVER_CLOUD to the tenant's cloud."),
    900432: ("the tenant lives in another national cloud", "Set LEAVER_CLOUD to the tenant's cloud."),
    90099: (
        "the application is not authorized in the customer's tenant",
        "Consent for the customer: Partner Center application consent, or the admin consent link.",
    ),
    53003: (
        "a Conditional Access policy blocked the sign-in",
        "Let the tenant's administrator exclude the application from the policy for workload identities, or allow "
        "this machine's address (Entra admin center > Protection > Conditional Access; Sign-in logs > Service "
        "principal sign-ins name the policy).",
    ),
    530032: ("a security policy of the tenant blocked the sign-in", "Ask the tenant's administrator."),
    530034: ("delegated administration is blocked for risk", "Ask the tenant's administrator."),
    700229: (
        "the federated identity is not an application's",
        "Use a user-assigned managed identity or a workload identity as federated credential.",
    ),
    700211: (
        "the application has no federated credential for this issuer",
        f"Add one at {_NEW_SECRET} > Federated credentials: issuer, subject and audience must match.",
    ),
    700213: (
        "the application has no federated credential for this subject",
        f"Add one at {_NEW_SECRET} > Federated credentials: issuer, subject and audience must match.",
    ),
    70011: ("the scope is not valid", "Check the base addresses of LEAVER_CLOUD=custom."),
    7000218: (
        "neither secret nor certificate was sent",
        "Set LEAVER_CLIENT_SECRET or LEAVER_CLIENT_CERTIFICATE.",
    ),
}
_BUSY = frozenset({90055, 90033, 90006, 90024, 50000, 50196, 90012, 90034})
_NOT_SUBSCRIBED = 650052
WRONG_CLOCK = 700024
JUST_ROTATED = 700027
"""Also seen for a short while after a certificate was uploaded."""


def codes_of(body: Any) -> list[int]:
    """The numbers of an error, the main one first."""
    if not isinstance(body, dict):
        return []
    codes = body.get("error_codes")
    numbers = [int(code) for code in codes if str(code).isdigit()] if isinstance(codes, list) else []
    named = re.search(r"AADSTS(\d+)", str(body.get("error_description") or ""))
    if named and int(named[1]) not in numbers:
        numbers.insert(0, int(named[1]))
    return numbers


def busy(answer: Answer) -> bool:
    """Whether Entra cannot give a token just now, but soon."""
    if answer.status == 429 or answer.status >= 500:
        return True
    body = answer.body if isinstance(answer.body, dict) else {}
    return body.get("error") == "temporarily_unavailable" or any(code in _BUSY for code in codes_of(body))


def refusal(answer: Answer, tenant_id: str, scope: str) -> LeaverError:
    """The error for a token request that brought no token."""
    body = answer.body if isinstance(answer.body, dict) else {}
    codes = codes_of(body)
    code = f"AADSTS{codes[0]}" if codes else str(body.get("error") or "no_token")
    request_id = str(body.get("trace_id") or answer.request_id)
    resource = scope.removesuffix("/.default")
    where = f"for tenant {tenant_id} ({resource})"
    if answer.status == 429 or (codes and codes[0] == 90055):
        return Throttled(
            f"Microsoft Entra is throttling sign-ins {where}.",
            code=code,
            status=answer.status,
            request_id=request_id,
            advice="Nothing to do: Leaver goes on by itself later.",
            service="sign-in",
            wait=30.0,
        )
    known = next((_ADVICE[number] for number in codes if number in _ADVICE), None)
    said = _said(body, answer)
    why, advice = known or (
        "Microsoft refused the sign-in",
        "Microsoft's own words say what is missing; quote the trace id when you ask its support.",
    )
    kind = NotSubscribed if _NOT_SUBSCRIBED in codes else SignInRefused
    return kind(
        f"Microsoft Entra gave no token {where}: {why}. {said}".strip(),
        code=code,
        status=answer.status,
        request_id=request_id,
        advice=advice,
        service="sign-in",
    )


def _said(body: dict[str, Any], answer: Answer) -> str:
    """Microsoft's sentence without the trailing ids, which are kept apart."""
    text = str(body.get("error_description") or answer.text or "")
    return " ".join(re.split(r"\s(?:Trace|Correlation) ID:", text)[0].split())[:500]
