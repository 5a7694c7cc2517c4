"""The call graph of a project, made on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi_bgtask_lint.callgraph.body import EMPTY, Body, Edge
from fastapi_bgtask_lint.callgraph.covers import EVERYTHING, NO_COVER, NOTHING, Cover
from fastapi_bgtask_lint.callgraph.function_bodies import FunctionBodies
from fastapi_bgtask_lint.callgraph.import_time import ImportTime
from fastapi_bgtask_lint.callgraph.leaves import Category, Leaf, LeafKind, Side
from fastapi_bgtask_lint.callgraph.managers import configured_cover
from fastapi_bgtask_lint.callgraph.search import Hit, Search
from fastapi_bgtask_lint.callgraph.sources import Sources
from fastapi_bgtask_lint.requirements import Requirements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Function
from fastapi_bgtask_lint.solving.solver import Query

_NO_CATEGORIES: frozenset[Category] = frozenset()


class CallGraph:
    """Reads the bodies of functions once, and searches from them."""

    def __init__(self, evaluator: Evaluator, requirements: Requirements, sources: Sources) -> None:
        self._evaluator = evaluator
        solver = evaluator.solver
        self._managed = solver.query(self._at_yield, NO_COVER)
        bodies = FunctionBodies(evaluator, requirements, ImportTime(evaluator, sources), self._managed)
        self._bodies = solver.query(bodies.read, EMPTY)
        self._hits: Query[tuple[tuple[str, ...], Context], tuple[Hit, ...]] = solver.query(self._found, ())
        self._search = Search(evaluator, self._bodies, solver.query(self._categories, _NO_CATEGORIES))

    def body(self, context: Context) -> Body:
        """What running the body of a function does, one call deep."""
        return self._bodies(context)

    def hits(self, function: Function, context: Context) -> tuple[Hit, ...]:
        """Everything that running a function in a context does, nearest first."""
        return self._hits((function.configured, context))

    def _found(self, key: tuple[tuple[str, ...], Context]) -> tuple[Hit, ...]:
        configured, context = key
        return tuple(self._search.hits(context, configured_cover(self._evaluator, configured)))

    def _categories(self, context: Context) -> frozenset[Category]:
        contexts = self._search.reachable((context,), lambda edge: edge.side is not Side.LATER)
        return frozenset(leaf.category for found in contexts for leaf in self._bodies(found).leaves)

    def _at_yield(self, context: Context) -> Cover:
        """What a context manager that is written as a generator does: what happens to a failure at its `yield`."""
        ends = [leaf for leaf in self._bodies(context).leaves if leaf.kind is LeafKind.YIELD]
        if not ends:
            return NO_COVER
        caught = EVERYTHING if all(end.covers.caught for end in ends) else NOTHING
        return Cover(None, caught, all(end.covers.bounded for end in ends))

    def reachable(self, starts: tuple[Context, ...], follows: Callable[[Edge], bool]) -> Iterator[Context]:
        """The functions that are called from some, over the edges that are followed, nearest first."""
        return self._search.reachable(starts, follows)

    def may_fail_inside(self, handler: Leaf) -> bool:
        """A call of a library may fail in the body of the `try` that a handler belongs to."""
        return self._search.may_fail_inside(handler)
