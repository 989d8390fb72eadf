from __future__ import annotations

from pathlib import Path

from leaver.domain.products import load_refreshed, product_name


def test_a_product_is_called_as_it_is_sold() -> None:
    assert product_name("SPE_E3") == "Microsoft 365 E3"


def test_the_id_tells_more_than_the_part_number() -> None:
    assert product_name("ENTERPRISEPACK", "05E9A617-0261-4CEE-BB44-138D3EF5D965") == "Microsoft 365 E3"


def test_what_is_not_listed_goes_by_its_part_number() -> None:
    assert product_name("SOMETHING_NEW", "00000000-0000-0000-0000-000000000000") == "SOMETHING_NEW"


def test_a_newer_list_adds_names(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text(
        "Product_Display_Name,String_Id,GUID,Service_Plan_Name\n"
        "Brand New,BRAND_NEW_2027,11111111-1111-1111-1111-111111111111,PLAN_A\n"
        "Brand New,BRAND_NEW_2027,11111111-1111-1111-1111-111111111111,PLAN_B\n",
        encoding="utf-8-sig",
    )

    assert load_refreshed(path) == 1
    assert product_name("BRAND_NEW_2027") == "Brand New"
