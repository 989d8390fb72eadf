"""The evidence of an offboarding, as JSON, as a page and as PDF."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from leaver.access.roles import Right
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.sight import offboarding_of
from leaver.api.v1.shapes import Evidence
from leaver.domain.offboarding import Offboarding
from leaver.offboarding import paper, report

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
    return Response(await asyncio.to_thread(paper.pdf, record), headers=paper_headers(record))


def paper_headers(record: Offboarding) -> dict[str, str]:
    """What a PDF is sent with: it is kept under the offboarding's id, which holds nobody's name."""
    name = f'attachment; filename="offboarding-{record.id}.pdf"'
    return {"Content-Type": "application/pdf", "Content-Disposition": name}
