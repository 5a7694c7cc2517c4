"""Calls of libraries as leaves: what the table says of them, whether they may fail, how long they wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.callgraph.body import CallPlace
from fastapi_bgtask_lint.callgraph.exits import ENDS
from fastapi_bgtask_lint.callgraph.leaves import Leaf, LeafKind
from fastapi_bgtask_lint.callgraph.timing import Timing, Timings
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.requirements import Requirements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.rows import qualified_name, row_of
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    Value,
)

_CLOSING = frozenset({"close", "aclose", "release", "wait_closed"})
"""Methods that only end something: leaving is not what fails."""
_AT_ONCE = frozenset({"os._exit", "os.abort"})
_FALLIBLE = frozenset({"network", "process", "database", "file", "lock"})


@dataclass(frozen=True, slots=True)
class LibraryCalls:
    """Reads them."""

    evaluator: Evaluator
    requirements: Requirements
    timings: Timings = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "timings", Timings(self.evaluator, self.requirements))

    def leaves(self, callee: Value, arguments: tuple[CallArgument, ...], place: CallPlace) -> Iterator[Leaf]:
        """What a call of a library's function, method or object does."""
        name = qualified_name(callee)
        if name in ENDS:
            yield _exit(name, place)
            return
        row = row_of(self.evaluator, callee)
        if row is None:
            yield from self._unlisted(callee, name, place)
        elif not (place.awaited and row.awaitable == "no" and row.blocks):
            # What is awaited is not the blocking call: of a connection that may be either, the code knows which.
            yield self._listed(callee, row, arguments, place)

    def _unlisted(self, callee: Value, name: str, place: CallPlace) -> Iterator[Leaf]:
        """A call that the table does not know: it may fail if it is awaited or if its object came from what may."""
        receiver = _receiver(callee)
        if name.rpartition(".")[2] in _CLOSING:
            return
        if (place.awaited and not _is_plain(name)) or (receiver is not None and self._is_from_fallible(receiver)):
            yield Leaf(
                LeafKind.CALL,
                name,
                place.site,
                receiver=receiver,
                fallible=True,
                awaited=place.awaited,
                side=place.side,
                covers=place.covers,
            )

    def _listed(self, callee: Value, row: Row, arguments: tuple[CallArgument, ...], place: CallPlace) -> Leaf:
        name = qualified_name(callee)
        receiver = _receiver(callee)
        bound = self.timings.bound(row, arguments, receiver, place.site)
        return Leaf(
            LeafKind.CALL,
            self.evaluator.table.canonical(name),
            place.site,
            row=row,
            receiver=receiver,
            fallible=row.fails and not row.cleanup and name.rpartition(".")[2] not in _CLOSING,
            awaited=place.awaited or row.awaitable != "no",
            timing=bound.timing,
            client=bound.client,
            side=place.side,
            covers=place.covers,
        )

    def runner(self, callee: Value, row: Row, arguments: tuple[CallArgument, ...], place: CallPlace) -> Leaf:
        """The call of a runner itself, without what it runs."""
        bound = self.timings.bound(row, arguments, None, place.site) if row.deadline is None else None
        return Leaf(
            LeafKind.CALL,
            self.evaluator.table.canonical(qualified_name(callee)),
            place.site,
            row=row,
            receiver=_receiver(callee),
            awaited=place.awaited,
            timing=bound.timing if bound is not None else Timing.NO_WAIT,
            covers=place.covers,
        )

    def _is_from_fallible(self, receiver: ExternalInstance) -> bool:
        """The object was returned by a call that can fail: so can its methods."""
        if not isinstance(receiver.origin, FromCall) or not isinstance(receiver.origin.site.fact, Call):
            return False
        site = receiver.origin.site
        assert isinstance(site.fact, Call)
        rows = (row_of(self.evaluator, value) for value in self.evaluator.evaluate(site.fact.function, site.context))
        return any(row is not None and row.kind in _FALLIBLE and row.fails for row in rows)


def _exit(name: str, place: CallPlace) -> Leaf:
    if name in _AT_ONCE:
        return Leaf(LeafKind.EXIT, name, place.site, side=place.side, covers=place.covers)
    return Leaf(
        LeafKind.RAISE,
        name,
        place.site,
        raised=(External("builtins.SystemExit"),),
        fallible=True,
        side=place.side,
        covers=place.covers,
    )


def _receiver(callee: Value) -> ExternalInstance | None:
    return callee.receiver if isinstance(callee, ExternalMethod) else None


def _is_plain(name: str) -> bool:
    """Nothing that is awaited, whatever the code says: a built-in, or an object whose type nobody knows."""
    return name.startswith(("builtins.", "types."))
