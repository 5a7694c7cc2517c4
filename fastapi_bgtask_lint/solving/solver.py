"""A local top-down solver: questions are answered on demand, and questions that need one another by iteration.

A query is a function from a key to an answer, which may ask other queries. Its answer is final when everything it was
computed from is final. A query that is asked for a key while it computes the answer for that key gets the bottom of its
lattice, or what the round before gave; then the whole cycle is computed again until no answer in it grows. Answers of a
cycle become final together with its head, the first of its questions that was asked. This is the algorithm of Le
Charlier and Van Hentenryck (1992) with the bookkeeping of Tarjan's strongly connected components.

For monotone queries over a lattice of finite height the result is the least fixpoint: it does not depend on which
question of a cycle was asked first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FINAL = sys.maxsize
"""The position of what depends on no unfinished answer."""
_ROUNDS = 40
"""A cycle that has not settled after so many rounds is computed by queries that are not monotone."""


class DivergenceError(RuntimeError):
    """The answers of a cycle never settle: one of its queries is not monotone, or its lattice has no finite height."""


class _Unfinished(Generic[V]):
    """An answer that is being computed, or was computed from one that is."""

    __slots__ = ("answer", "lowest")

    def __init__(self, answer: V, lowest: int) -> None:
        self.answer = answer
        self.lowest = lowest
        """The position of the first of the unfinished answers that it depends on; its own at first."""


class Solver:
    """Keeps the answers of queries, and what each of them has read."""

    def __init__(self) -> None:
        self.lowest = FINAL
        """The position of the first of the unfinished answers that were read since the current query began."""
        self.reads = 0
        """What was read since the current query began: a set of inputs, one bit each."""
        self._inputs: dict[Hashable, int] = {}
        self._depth = 0
        self._growth = 0
        self._provisional: list[tuple[Query[Any, Any], Any]] = []

    @property
    def is_final(self) -> bool:
        """Nothing that was read since the current query began is unfinished."""
        return self.lowest == FINAL

    def query(self, compute: Callable[[K], V], bottom: V, join: Callable[[V, V], V] | None = None) -> Query[K, V]:
        """A query.

        Args:
            compute: computes the answer for a key. It must be monotone in the answers that it asks for.
            bottom: the least answer.
            join: the least answer that is at least as great as two others; without it a new answer replaces the old.
        """
        return Query(self, compute, bottom, join or _replace)

    def read(self, item: Hashable) -> None:
        """Records that the current query has read an input, such as a file or the result of a search."""
        number = self._inputs.setdefault(item, len(self._inputs))
        self.reads |= 1 << number

    def inputs(self, reads: int) -> Iterator[Hashable]:
        """The inputs of a set, in the order in which they were first read."""
        return (item for item, number in self._inputs.items() if reads >> number & 1)

    def all_inputs(self) -> Iterator[Hashable]:
        """Everything that any query has read."""
        return iter(self._inputs)


class Query(Generic[K, V]):
    """A question with a key. Calling it gives the answer."""

    __slots__ = ("_bottom", "_compute", "_final", "_join", "_previous", "_solver", "_unfinished")

    def __init__(self, solver: Solver, compute: Callable[[K], V], bottom: V, join: Callable[[V, V], V]) -> None:
        self._solver = solver
        self._compute = compute
        self._bottom = bottom
        self._join = join
        self._final: dict[K, tuple[V, int]] = {}
        self._unfinished: dict[K, _Unfinished[V]] = {}
        self._previous: dict[K, V] = {}
        """What the last round gave, of the cycles that are being computed."""

    def __call__(self, key: K) -> V:
        """The answer. It may still grow if the question is asked inside the computation of its own answer."""
        known = self._final.get(key)
        if known is not None:
            self._solver.reads |= known[1]
            return known[0]
        unfinished = self._unfinished.get(key)
        if unfinished is None:
            return self._solve(key)
        self._solver.lowest = min(self._solver.lowest, unfinished.lowest)
        return unfinished.answer

    def reads(self, key: K) -> int:
        """The inputs that a final answer was computed from."""
        return self._final[key][1]

    def _solve(self, key: K) -> V:
        solver = self._solver
        outer_lowest, outer_reads = solver.lowest, solver.reads
        position, first = solver._depth, len(solver._provisional)
        unfinished = self._unfinished[key] = _Unfinished(self._previous.get(key, self._bottom), position)
        solver._depth += 1
        try:
            self._iterate(key, unfinished, first)
            lowest, reads = solver.lowest, solver.reads
        except BaseException:
            self._discard(key, first)
            solver.lowest, solver.reads = outer_lowest, outer_reads
            raise
        finally:
            solver._depth -= 1
        if lowest >= position:
            self._finish(key, reads)
            _finish_cycle(solver, first, reads)
            solver.lowest = outer_lowest
        else:
            solver._provisional.append((self, key))
            _join_cycle(solver, first, lowest)
            solver.lowest = min(outer_lowest, lowest)
        solver.reads = outer_reads | reads
        return unfinished.answer

    def _iterate(self, key: K, unfinished: _Unfinished[V], first: int) -> None:
        """Computes the answer; at the head of a cycle, until nothing in the cycle grows."""
        solver = self._solver
        position = unfinished.lowest
        for _ in range(_ROUNDS):
            solver.lowest, solver.reads = FINAL, 0
            growth = solver._growth
            answer = self._join(unfinished.answer, self._compute(key))
            if answer != unfinished.answer:
                solver._growth += 1
                unfinished.answer = answer
            if solver.lowest != position or solver._growth == growth:
                return
            _begin_round(solver, first)
        raise DivergenceError(f"{self._compute.__qualname__} of {key} does not settle")

    def _finish(self, key: K, reads: int) -> None:
        self._final[key] = (self._unfinished.pop(key).answer, reads)
        self._previous.pop(key, None)

    def _discard(self, key: K, first: int) -> None:
        """Forgets what was computed for a question that ended in an exception."""
        _begin_round(self._solver, first)
        self._unfinished.pop(key, None)

    def _begin_again(self, key: K) -> None:
        """Keeps a provisional answer as the one to begin the next round with."""
        self._previous[key] = self._unfinished.pop(key).answer


def _begin_round(solver: Solver, first: int) -> None:
    for query, key in solver._provisional[first:]:
        query._begin_again(key)
    del solver._provisional[first:]


def _join_cycle(solver: Solver, first: int, lowest: int) -> None:
    """What was computed since then depends, by its head, on an answer further out: its head is not the last."""
    for query, key in solver._provisional[first:]:
        unfinished = query._unfinished[key]
        unfinished.lowest = min(unfinished.lowest, lowest)


def _finish_cycle(solver: Solver, first: int, reads: int) -> None:
    """The answers that were computed from an unfinished one are final now. Each of them depends on all of the cycle."""
    for query, key in solver._provisional[first:]:
        query._finish(key, reads)
    del solver._provisional[first:]


def _replace(_: V, new: V) -> V:
    return new
