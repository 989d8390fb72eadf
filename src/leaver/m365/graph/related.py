"""What hangs together with an object: of one type, as the service or we ourselves pick it out."""

from __future__ import annotations

from collections.abc import Mapping

from leaver.domain.errors import Forbidden, Refused, SignInRefused
from leaver.m365.graph.values import Row, is_a
from leaver.m365.http import GraphWire


async def related(
    wire: GraphWire, path: str, kind: str, params: Mapping[str, str], *, limit: int | None = None
) -> list[Row]:
    """The objects of one type behind a relationship (`/users/{id}/memberOf`, `group`).

    Microsoft Graph is asked for that type only. Where it refuses to pick types here (not every relationship in every
    cloud has these advanced queries), it is asked for everything and the type is picked out of that.
    """
    try:
        rows = await wire.pages(f"{path}/microsoft.graph.{kind}", params, advanced=True, limit=limit)
    except (Forbidden, SignInRefused):
        raise
    except Refused:
        plain = {name: value for name, value in params.items() if name not in ("$filter", "$count")}
        rows = await wire.pages(path, plain, limit=limit)
    return [row for row in rows if is_a(row, kind)][:limit]
