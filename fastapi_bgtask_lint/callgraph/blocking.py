"""What keeps the event loop from serving, as 301 - 304 see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi_bgtask_lint.callgraph.leaves import LeafKind, Side
from fastapi_bgtask_lint.callgraph.search import Hit


def blocking_calls(hits: Iterable[Hit], *kinds: str) -> Iterator[Hit]:
    """Of what an async task does, the calls of these kinds that block the loop."""
    for hit in hits:
        row = hit.leaf.row
        if hit.leaf.kind is not LeafKind.CALL or hit.side is not Side.HERE or row is None or row.runs:
            continue
        if row.blocks and row.kind in kinds:
            yield hit
