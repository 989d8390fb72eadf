"""Settings of the organization that an offboarding reads."""

from __future__ import annotations

from m365_simulator.exchange import errors
from m365_simulator.exchange.cmdlets import Invocation, Row, cmdlet


@cmdlet("Get-OrganizationConfig")
def get_organization_config(call: Invocation) -> list[Row]:
    """The organization."""
    world = call.world
    return [
        {
            "Identity": world.initial_domain,
            "Name": world.initial_domain,
            "DisplayName": world.name,
            "Guid": world.id,
            "ExternalDirectoryOrganizationId": world.id,
            "IsDehydrated": False,
            "AutoExpandingArchiveEnabled": False,
            "RejectDirectSend": False,
        }
    ]


@cmdlet("Get-RemoteDomain")
def get_remote_domain(call: Invocation) -> list[Row]:
    """The default rule for mail to the outside."""
    if call.text("Identity") not in ("", "Default"):
        raise errors.not_found(call.text("Identity"))
    return [
        {
            "Identity": "Default",
            "Name": "Default",
            "DomainName": "*",
            "AutoReplyEnabled": True,
            "AutoForwardEnabled": True,
            "AllowedOOFType": "External",
        }
    ]


@cmdlet("Get-HostedOutboundSpamFilterPolicy")
def get_outbound_policy(call: Invocation) -> list[Row]:
    """The outbound spam policy, with its mode of automatic forwarding."""
    if call.text("Identity") not in ("", "Default"):
        raise errors.not_found(call.text("Identity"))
    return [
        {
            "Identity": "Default",
            "Name": "Default",
            "IsDefault": True,
            "Enabled": True,
            "AutoForwardingMode": call.world.outbound_auto_forward,
        }
    ]
