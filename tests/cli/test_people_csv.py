"""The people of a CSV file: each line is judged on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaver.cli.people_csv import read_people
from leaver.domain.errors import Unusable


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding=encoding)
    return str(path)


def test_each_line_is_a_person_with_its_own_settings(tmp_path: Path) -> None:
    good, bad = read_people(
        written(
            tmp_path,
            'user,reference,settings\nada@contoso.example,INC-1,"{""remove_groups"": true}"\nbob@x.example,,\n',
        )
    )

    assert [(line.number, line.user, line.reference, line.settings) for line in good] == [
        (2, "ada@contoso.example", "INC-1", {"remove_groups": True}),
        (3, "bob@x.example", "", None),
    ]
    assert bad == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep=%s\r\n"])
def test_a_file_from_a_spreadsheet_is_read(tmp_path: Path, encoding: str, separator: str, first: str) -> None:
    mark = first % separator if first else ""
    rows = [["USER", " Reference "], ["ada@contoso.example", "Zoë's INC-1"], ["", ""]]
    text = mark + "\r\n".join(separator.join(row) for row in rows) + "\r\n"
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(encoding))

    good, bad = read_people(str(path))

    assert [(line.user, line.reference) for line in good] == [("ada@contoso.example", "Zoë's INC-1")]
    assert bad == []
    assert good[0].number == (3 if first else 2)


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    text = 'user,reference\n"ada@contoso.example","two\nlines"\n\n,nobody\n'

    good, bad = read_people(written(tmp_path, text))

    assert [line.number for line in good] == [2]
    assert [line.number for line in bad] == [5]


def test_a_quotation_mark_that_is_never_closed_swallows_nobody(tmp_path: Path) -> None:
    """Otherwise everybody behind it would be one cell, and silently not be offboarded."""
    with pytest.raises(Unusable, match=r"opens on line 3 is never closed"):
        read_people(written(tmp_path, 'user,settings\nada@x.example,\nbob@x.example,"{\ncarol@x.example,\n'))


def test_a_workbook_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00")

    with pytest.raises(Unusable, match="it is no text"):
        read_people(str(path))


def test_five_hundred_lines_are_read(tmp_path: Path) -> None:
    lines = [f"user{number}@contoso.example;T-{number}" for number in range(500)]

    good, bad = read_people(written(tmp_path, "\n".join(["user;reference", *lines])))

    assert len(good) == 500
    assert bad == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",INC-1,", "names no user"),
        ("bob@x.example,,{not json", "no valid JSON"),
        ("bob@x.example,,[]", "JSON object"),
        ("ADA@contoso.example,,", "line 2 already"),
        ("bob@x.example,,,,INC-2", "more cells"),
        ('bob@x.example,,"{"remove_groups": true}"', "is no CSV"),
    ],
)
def test_a_bad_line_is_reported_and_the_good_ones_stay(tmp_path: Path, line: str, reason: str) -> None:
    good, bad = read_people(written(tmp_path, f"user,reference,settings\nada@contoso.example,,\n{line}\n"))

    assert [item.user for item in good] == ["ada@contoso.example"]
    assert [item.number for item in bad] == [3]
    assert reason in bad[0].error.message


@pytest.mark.parametrize(
    "text", ["", "name,reference\nada,1\n", "user,colour\nada,red\n", "user,user\na,b\n", "user\n"]
)
def test_a_file_without_people_is_unusable(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unusable, match=r"people\.csv"):
        read_people(written(tmp_path, text))


def test_a_workbook_and_a_cell_without_end_are_named(tmp_path: Path) -> None:
    (tmp_path / "people.xlsx").write_bytes(b"PK\x03\x04workbook")
    with pytest.raises(Unusable, match="no text"):
        read_people(str(tmp_path / "people.xlsx"))

    good, bad = read_people(written(tmp_path, f"user,reference\nada@x.example,{'x' * 200_000}\nbob@x.example,\n"))

    assert [line.user for line in good] == ["bob@x.example"]
    assert "more than 131,072 characters" in str(bad[0].error)
