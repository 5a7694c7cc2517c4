"""Waits without end, as 401 and 402 see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.callgraph.timing import Timing
from fastapi_bgtask_lint.resolving.values import Site

_KINDS = frozenset({"network", "process", "lock", "none", "sleep"})


def unbounded_waits(hits: Iterable[Hit], timing: Timing) -> Iterator[Hit]:
    """The waits with this timing that no deadline covers; what waits for a database is not among them."""
    for hit in hits:
        row = hit.leaf.row
        if hit.leaf.timing is timing and not hit.bounded and row is not None and row.kind in _KINDS:
            yield hit


def timeout_site(hit: Hit) -> Site:
    """Where the timeout would be written: in the call, or where the client is made when only that takes one."""
    client, row = hit.leaf.client, hit.leaf.row
    only_client = client is not None and row is not None and row.timeout is None
    return client if only_client and client is not None else hit.site


def disabled_site(hit: Hit) -> Site:
    """Where the timeout is switched off."""
    return hit.leaf.client or hit.site
