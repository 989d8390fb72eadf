"""One missing segment deletes the person: every reference that is deleted ends in `/$ref`."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import leaver.m365.graph.groups
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs

GROUP = "33333333-0000-0000-0000-000000000001"


async def test_references_are_deleted_at_an_address_that_ends_in_ref(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    await stubbed.groups.remove_member(GROUP, eve.id)
    await stubbed.groups.remove_owner(GROUP, eve.id)

    assert [path for method, path, _ in stubs.graph.sent if method == "DELETE"] == [
        f"/groups/{GROUP}/members/{eve.id}/$ref",
        f"/groups/{GROUP}/owners/{eve.id}/$ref",
    ]


def test_members_and_owners_are_addressed_in_one_place_only() -> None:
    package = Path(inspect.getfile(leaver.m365.graph.groups)).parents[2]
    builders = [path.name for path in package.rglob("*.py") if "/$ref" in _code(path)]

    assert builders == ["groups.py"]


def test_whatever_deletes_in_groups_goes_through_that_place() -> None:
    tree = ast.parse(Path(inspect.getfile(leaver.m365.graph.groups)).read_text())
    deletes = [
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "delete"
    ]

    assert deletes == ["reference(group_id, of, user_id)"]


def _code(path: Path) -> str:
    """The strings of a module that are not its docstrings."""
    tree = ast.parse(path.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    )
