"""The tenant itself, and its domains."""

from __future__ import annotations

from m365_simulator.graph.router import GraphCall, route
from m365_simulator.state import Answer

_READ = (
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)


@route("GET", "/organization", *_READ)
def read(call: GraphCall) -> Answer:
    """The one organization that there is, in a list."""
    world = call.world
    names = dict.fromkeys((world.domain, world.initial_domain or world.domain))
    domains = [
        {
            "name": name,
            "isDefault": name == world.domain,
            "isInitial": name == (world.initial_domain or world.domain),
            "capabilities": "Email, OfficeCommunicationsOnline",
            "type": "Managed",
        }
        for name in names
    ]
    row = {
        "id": world.id,
        "displayName": world.name,
        "verifiedDomains": domains,
        "onPremisesSyncEnabled": world.synced,
        "onPremisesLastSyncDateTime": world.synced_at if world.synced else None,
        "assignedPlans": [{"service": "AADPremiumService", "capabilityStatus": "Enabled"}] if world.premium else [],
        "countryLetterCode": "NL",
        "tenantType": "AAD",
    }
    return Answer(body={"@odata.context": f"{call.base}/$metadata#organization", "value": [row]})


@route("GET", "/domains", "Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
def domains(call: GraphCall) -> Answer:
    """The domains."""
    world = call.world
    rows = [
        {
            "id": name,
            "isDefault": name == world.domain,
            "isInitial": name == (world.initial_domain or world.domain),
            "isVerified": True,
            "authenticationType": "Managed",
        }
        for name in dict.fromkeys((world.domain, world.initial_domain or world.domain))
    ]
    return Answer(body={"value": rows})
