"""The evidence as PDF with everything that belongs to it: who decided what, and who hands it over."""

from __future__ import annotations

import asyncio

from leaver.domain.offboarding import Offboarding
from leaver.offboarding import paper, report
from leaver.store.audit import Audit, Wanted


async def on_paper(record: Offboarding, audit: Audit, organization: str) -> bytes:
    """Made in a thread; of an offboarding that was pruned it is unusable."""
    entries = [entry async for entry in audit.entries(Wanted(offboarding_id=record.id))]
    decided = report.decided(record, entries)
    return await asyncio.to_thread(paper.pdf, record, organization=organization, decided=decided)


def file_name(record: Offboarding) -> str:
    """Its id and nobody's name."""
    return f"offboarding-{record.id}.pdf"
