"""The renewal of Microsoft's product names."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaver.domain.errors import Unusable
from leaver.domain.products import product_name
from leaver.offboarding.products import cached, refresh

LIST = (
    "Product_Display_Name,String_Id,GUID,Service_Plan_Name\n"
    "Zébra Suite,ZEBRA_{0},0000-{0},X\n"
    "Zébra Suite,ZEBRA_{0},0000-{0},Y\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
async def test_a_refreshed_name_is_used_whatever_the_encoding(tmp_path: Path, encoding: str) -> None:
    source = tmp_path / "list.csv"
    source.write_text(LIST.format(encoding), encoding=encoding)

    done = await refresh(tmp_path, file=str(source))

    assert done.products == 1
    assert product_name(f"ZEBRA_{encoding}") == "Zébra Suite"


async def test_a_web_page_instead_of_the_list_changes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_text("<html>moved</html>\n")

    with pytest.raises(Unusable, match="not the list of products"):
        await refresh(tmp_path, file=str(source))

    assert not cached(tmp_path).exists()


async def test_only_web_addresses_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no web address"):
        await refresh(tmp_path, url="file:///etc/passwd")
