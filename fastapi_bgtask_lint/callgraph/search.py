"""What a function does with everything that it calls: a breadth-first search over the call graph.

A state is a node with what covers it on the way there: the side, a deadline of the loop, what is caught. Each state is
visited once, nearest first, in the order of the source among equally near ones. So the first hit of a leaf has the
shortest chain of calls, and the work is linear in the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.body import Body, Edge
from fastapi_bgtask_lint.callgraph.covers import NOTHING, Caught, Cover, unite
from fastapi_bgtask_lint.callgraph.leaves import Alternative, Category, Leaf, LeafKind, Side
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Site


@dataclass(frozen=True, slots=True)
class Hit:
    """A leaf that a function reaches, with the chain of calls that leads to it."""

    leaf: Leaf
    chain: tuple[Site, ...]
    """From the call in the function's own body to the leaf itself."""
    side: Side
    bounded: bool
    """A deadline of the loop ends it."""
    fails: bool
    """An exception can leave the function here."""

    @property
    def site(self) -> Site:
        """The place of the leaf."""
        return self.leaf.site

    @property
    def entered(self) -> Site:
        """The call in the innermost `async def` of the chain, from which plain code is entered."""
        found = [
            site for site in self.chain if isinstance(site.context.scope, FunctionDef) and site.context.scope.is_async
        ]
        return found[-1] if found else self.chain[0]


@dataclass(frozen=True, slots=True)
class _State:
    """A node, and what covers it."""

    context: Context
    side: Side
    bounded: bool
    caught: Caught
    others: tuple[Alternative, ...] = ()
    """What settings may choose in place of the calls on the way."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A state and how it was reached first."""

    state: _State
    site: Site | None = None
    parent: _Visit | None = None

    def chain(self, leaf: Leaf) -> tuple[Site, ...]:
        """The calls that lead to the state, and the leaf in it."""
        sites = [leaf.site]
        visit: _Visit | None = self
        while visit is not None and visit.site is not None:
            sites.append(visit.site)
            visit = visit.parent
        return tuple(reversed(sites))


@dataclass(frozen=True, slots=True)
class Search:
    """Searches a call graph, given by the body of each node."""

    evaluator: Evaluator
    body: Callable[[Context], Body]
    categories: Callable[[Context], frozenset[Category]]
    """What is done by a function and all that it calls."""

    def hits(self, context: Context, cover: Cover) -> Iterator[Hit]:
        """Each leaf that running a body does, once for each way in which rules tell them apart; nearest first."""
        known = set()
        for visit in self._visits(_State(context, Side.HERE, cover.bounds, cover.caught)):
            for leaf in self.body(visit.state.context).leaves:
                if leaf.kind is LeafKind.YIELD or not self._is_done_by(leaf, visit.state.others):
                    continue
                hit = self._hit(leaf, visit)
                key = (leaf.site.module, leaf.site.fact.at, leaf.what, hit.side, hit.fails, hit.bounded, leaf.timing)
                if key not in known:
                    known.add(key)
                    yield hit

    def _is_done_by(self, leaf: Leaf, others: tuple[Alternative, ...]) -> bool:
        """The like is done whatever the settings on the way are."""
        return all(
            leaf.category in other.categories or any(leaf.category in self.categories(c) for c in other.contexts)
            for other in (*others, *leaf.others)
        )

    def _visits(self, start: _State) -> Iterator[_Visit]:
        known = {start}
        queue = [_Visit(start)]
        for visit in queue:
            yield visit
            for edge in self.body(visit.state.context).edges:
                if edge.side is Side.LATER:
                    continue
                state = _after(edge, visit.state)
                if state not in known:
                    known.add(state)
                    queue.append(_Visit(state, edge.site, visit))

    def _hit(self, leaf: Leaf, visit: _Visit) -> Hit:
        state = visit.state
        caught = unite(state.caught, leaf.covers.caught)
        is_here = leaf.side is Side.HERE
        return Hit(
            leaf,
            visit.chain(leaf),
            state.side if is_here else leaf.side,
            is_here and leaf.awaited and (state.bounded or leaf.covers.bounded),
            leaf.fallible and not leaf.is_caught(self.evaluator, caught),
        )

    def reachable(self, starts: tuple[Context, ...], follows: Callable[[Edge], bool]) -> Iterator[Context]:
        """The nodes that are reached over some of the edges, on every side, nearest first."""
        queue = list(dict.fromkeys(starts))
        known = set(queue)
        for context in queue:
            yield context
            for edge in self.body(context).edges:
                if edge.context not in known and follows(edge):
                    known.add(edge.context)
                    queue.append(edge.context)

    def may_fail_inside(self, handler: Leaf) -> bool:
        """A call of a library may fail in the body of the `try` that a handler belongs to."""
        attempt, body = handler.attempt, self.body(handler.site.context)
        if attempt is None:
            return False
        starts = []
        for leaf in body.leaves:
            inside = leaf.covers.inside(attempt)
            if inside is not None and _is_fallible_call(leaf) and not any(cover.caught for cover in inside):
                return True
        for edge in body.edges:
            inside = edge.covers.inside(attempt)
            if inside is not None and _passes_failures(edge, inside):
                starts.append(edge.context)
        return any(
            _is_fallible_call(leaf) and not leaf.covers.caught
            for context in self.reachable(tuple(starts), lambda edge: _passes_failures(edge, edge.covers.all))
            for leaf in self.body(context).leaves
        )


def _after(edge: Edge, state: _State) -> _State:
    """The state after an edge. A deadline of the loop does not reach what runs elsewhere."""
    caught = unite(unite(state.caught, edge.covers.caught), edge.decorators.caught)
    others = state.others if not edge.others else tuple(dict.fromkeys((*state.others, *edge.others)))
    if edge.side is not Side.HERE:
        return _State(edge.context, edge.side, edge.decorators.bounds, caught, others)
    bounded = state.bounded or edge.covers.bounded or edge.decorators.bounds
    return _State(edge.context, state.side, bounded, caught, others)


def _is_fallible_call(leaf: Leaf) -> bool:
    return leaf.kind is LeafKind.CALL and leaf.fallible


def _passes_failures(edge: Edge, covers: tuple[Cover, ...]) -> bool:
    if edge.side is Side.LATER or edge.decorators.caught is not NOTHING:
        return False
    return not any(cover.caught for cover in covers)
