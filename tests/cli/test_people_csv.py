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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_from_a_spreadsheet_with_semicolons_is_read(tmp_path: Path, encoding: str) -> None:
    good, _ = read_people(written(tmp_path, "User;Reference\r\nada@contoso.example;INC-1\r\n\r\n", encoding))

    assert [(line.user, line.reference) for line in good] == [("ada@contoso.example", "INC-1")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",INC-1,", "names no user"),
        ("bob@x.example,,{not json", "no valid JSON"),
        ("bob@x.example,,[]", "JSON object"),
        ("ADA@contoso.example,,", "line 2 already"),
        ("bob@x.example,,,,INC-2", "more cells"),
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
