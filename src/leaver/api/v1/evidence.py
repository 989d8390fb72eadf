"""The evidence of an offboarding, as JSON, as a page and as PDF."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from leaver.access.roles import Right
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here, Rooms
from leaver.api.plain import plain
from leaver.api.sight import offboarding_of
from leaver.api.v1.notify_shapes import ReportWish, Sendings
from leaver.api.v1.shapes import Evidence
from leaver.domain.offboarding import Offboarding, stamp
from leaver.offboarding import report
from leaver.offboarding.on_paper import file_name, on_paper
from leaver.store.outbox import Delivery

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)
PAPERS: dict[str, Any] = {
    "text/html": {"schema": {"type": "string"}},
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}


@router.get(
    "/offboardings/{offboarding_id}/report",
    summary="The evidence, as JSON, as a page or as PDF",
    **answers(Evidence, content=PAPERS),
)
async def evidence(
    here: Here,
    person: Caller,
    offboarding_id: str,
    format: Annotated[
        Literal["json", "html", "pdf"], Query(description="A generated client asks `report.html` and `report.pdf`.")
    ] = "json",
) -> Response:
    """What was, what is, who asked, when."""
    if format == "html":
        return await evidence_page(here, person, offboarding_id)
    if format == "pdf":
        return await evidence_pdf(here, person, offboarding_id)
    return plain(report.evidence(await offboarding_of(here, person, offboarding_id, Right.SEE)))


@router.get(
    "/offboardings/{offboarding_id}/report.html",
    summary="The evidence as a page that needs nothing else",
    response_class=HTMLResponse,
)
async def evidence_page(here: Here, person: Caller, offboarding_id: str) -> Response:
    """To be kept, printed or sent on."""
    record = await offboarding_of(here, person, offboarding_id, Right.SEE)
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
    return HTMLResponse(report.page(record), headers=headers)


@router.get(
    "/offboardings/{offboarding_id}/report.pdf",
    summary="The evidence as PDF",
    response_class=Response,
    responses={200: {"content": {"application/pdf": PAPERS["application/pdf"]}}},
)
async def evidence_pdf(here: Here, person: Caller, offboarding_id: str) -> Response:
    """Two pages of A4, as a rule."""
    record = await offboarding_of(here, person, offboarding_id, Right.SEE)
    made = await on_paper(record, here.house.audit, here.house.config.organization)
    return Response(made, headers=paper_headers(record))


@router.post(
    "/offboardings/{offboarding_id}/report/email",
    summary="Mail the report to addresses",
    **answers(Sendings, 202),
)
async def mail_report(here: Here, person: Caller, offboarding_id: str, body: ReportWish) -> Response:
    """Each address gets a mail of its own with the PDF, tried for three days. Only of what has ended."""
    record = await offboarding_of(here, person, offboarding_id, Right.MAIL)
    await here.house.book.mail_report(record, body.to, person.actor())
    return plain(await _sendings(here, record), 202)


@router.get(
    "/offboardings/{offboarding_id}/report/email",
    summary="To whom the report was mailed, and whether it arrived",
    **answers(Sendings),
)
async def mailed_reports(here: Here, person: Caller, offboarding_id: str) -> Response:
    """The latest first, 100 at most."""
    return plain(await _sendings(here, await offboarding_of(here, person, offboarding_id, Right.SEE)))


async def _sendings(here: Rooms, record: Offboarding) -> dict[str, Any]:
    found = await here.house.book.reports(record)
    return {"items": [_sending(delivery) for delivery in found]}


def _sending(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "to": delivery.recipient,
        "state": delivery.state,
        "sent_by": str(delivery.data.get("sent_by", "")),
        "created_at": stamp(delivery.created_at),
        "ended_at": stamp(delivery.ended_at),
        "next_at": stamp(delivery.next_at) if delivery.state == "waiting" else None,
        "attempts": delivery.log,
    }


def paper_headers(record: Offboarding) -> dict[str, str]:
    """What a PDF is sent with: it is kept under the offboarding's id, which holds nobody's name."""
    return {"Content-Type": "application/pdf", "Content-Disposition": f'attachment; filename="{file_name(record)}"'}
