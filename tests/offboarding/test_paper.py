"""The evidence as PDF: it holds what the page holds, and text from a tenant stays text."""

from __future__ import annotations

import io

from pypdf import PdfReader

from leaver.domain.plan import info
from leaver.offboarding.paper import pdf
from offboarding.test_report import START, offboarding


def read(data: bytes) -> str:
    """Its words, without the places where they may break."""
    text = "\n".join(each.extract_text() for each in PdfReader(io.BytesIO(data)).pages)
    return text.replace("\u200b", "").replace("\u00ad", "")


def test_the_paper_holds_the_evidence() -> None:
    record = offboarding()

    data = pdf(record, START)
    text = read(data)
    flat = "".join(text.split())

    assert data.startswith(b"%PDF-")
    assert "Adele <b>Vance</b>" in text
    assert "9f2c6a51d07be384" in text
    assert "SalesTeam" in flat
    assert "AssigntheroleTeamsAdministrator" in flat
    for task in record.tasks:
        assert "".join((task.label or task.task).split()) in flat


def test_text_from_a_tenant_is_never_markup() -> None:
    record = offboarding()
    odd = '#read("/etc/passwd") *bold* $x$ @ref <label> \\ [ ] ` // "'
    record.tasks[0].notes.append(info("odd", odd))
    record.reference = "Łukasz Ωmega " + "x" * 300

    flat = "".join(read(pdf(record, START)).split())

    assert "".join(odd.split()) in flat
    assert "root:" not in flat
    assert "Łukasz" in flat


def test_the_same_evidence_makes_the_same_paper() -> None:
    assert pdf(offboarding(), START) == pdf(offboarding(), START)
