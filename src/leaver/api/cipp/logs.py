"""`ListLogs` and `ListApiTest`: what happened, and who asks."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from leaver.api.cipp.shapes import LogRow, WhoAmI
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.sight import require_audit
from leaver.store.audit import Wanted

router = APIRouter(prefix="/api", tags=["CIPP-compatible"], generate_unique_id_function=by_name)


@router.get("/ListLogs", summary="The audit trail, the latest first", **answers(list[LogRow]))
async def list_logs(here: Here, person: Caller) -> Response:
    """The last thousand entries that the caller may see."""
    require_audit(person)
    limits = None if person.tenants is None else sorted(person.tenants)
    rows = [
        {
            "DateTime": entry["at"],
            "Tenant": entry["tenant_id"],
            "User": entry["actor"],
            "API": entry["what"],
            "Message": entry["what"].replace(".", " ").replace("_", " "),
            "Severity": "Info",
            "LogData": {"before": entry["before"], "after": entry["after"]},
            "IP": entry["address"],
            "RowKey": str(entry["number"]),
        }
        for entry in await here.house.audit.latest(Wanted(limits), limit=1000)
    ]
    return plain(rows)


@router.get("/ListApiTest", summary="Who am I", **answers(WhoAmI))
async def list_api_test(person: Caller) -> Response:
    """The caller's name, role and limits."""
    tenants = None if person.tenants is None else sorted(person.tenants)
    return plain({"Name": person.name, "Role": person.role.value, "Tenants": tenants})
