"""The solver: answers do not depend on the order of the questions, are kept only when final, and know their inputs."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fastapi_bgtask_lint.solving.solver import DivergenceError, Query, Solver

Graph = dict[int, tuple[int, ...]]


def reachable(graph: Graph) -> tuple[Solver, Query[int, frozenset[int]], Counter[int]]:
    """A query for the nodes that can be reached from a node, itself included."""
    solver = Solver()
    computed: Counter[int] = Counter()

    def compute(node: int) -> frozenset[int]:
        computed[node] += 1
        solver.read(node)
        return frozenset({node}).union(*(query(following) for following in graph[node]))

    query: Query[int, frozenset[int]] = solver.query(compute, frozenset(), frozenset.union)
    return solver, query, computed


def expected(graph: Graph, node: int) -> frozenset[int]:
    found, waiting = {node}, [node]
    while waiting:
        for following in graph[waiting.pop()]:
            if following not in found:
                found.add(following)
                waiting.append(following)
    return frozenset(found)


def random_graph(seed: int) -> Graph:
    rng = random.Random(seed)
    size = rng.randint(1, 12)
    return {node: tuple(rng.choices(range(size), k=rng.randint(0, 3))) for node in range(size)}


@pytest.mark.parametrize("seed", range(300))
def test_answers_are_the_least_fixpoint_whatever_is_asked_first(seed: int) -> None:
    graph = random_graph(seed)
    order = list(graph)
    random.Random(seed).shuffle(order)
    solver, query, _ = reachable(graph)
    for node in order:
        assert query(node) == expected(graph, node)
        assert solver.is_final
        assert solver.lowest == Solver().lowest


@pytest.mark.parametrize("seed", range(100))
def test_an_answer_knows_everything_that_it_was_computed_from(seed: int) -> None:
    graph = random_graph(seed)
    solver, query, _ = reachable(graph)
    for node in graph:
        query(node)
    for node in graph:
        assert expected(graph, node) <= set(solver.inputs(query.reads(node)))


def test_what_does_not_depend_on_itself_is_computed_once() -> None:
    graph: Graph = {node: (node + 1, node + 1) for node in range(50)} | {50: ()}
    _, query, computed = reachable(graph)
    query(0)
    query(25)
    assert set(computed.values()) == {1}


def test_dense_cycles_take_few_rounds() -> None:
    size = 60
    graph = {node: tuple(range(size)) for node in range(size)}
    _, query, computed = reachable(graph)
    assert query(7) == frozenset(range(size))
    assert max(computed.values()) <= 4


def test_inner_cycles_are_not_final_before_the_outer_one() -> None:
    graph = {0: (1,), 1: (2, 0), 2: (1, 3), 3: (3,)}
    for node in graph:
        _, query, _ = reachable(graph)
        query(node)
        assert [query(other) for other in graph] == [expected(graph, other) for other in graph]


def test_an_exception_leaves_no_unfinished_answer() -> None:
    solver = Solver()
    failing = [True]

    def compute(key: int) -> frozenset[int]:
        if key == 2 and failing[0]:
            raise ValueError("cannot be computed")
        return frozenset({key}) | query((key + 1) % 3)

    query: Query[int, frozenset[int]] = solver.query(compute, frozenset(), frozenset.union)
    with pytest.raises(ValueError, match="cannot be computed"):
        query(0)
    assert solver.is_final
    failing[0] = False
    assert query(1) == frozenset({0, 1, 2})


def test_answers_that_never_settle_are_an_error() -> None:
    solver = Solver()
    query: Query[int, int] = solver.query(lambda key: query(key) + 1, 0)
    with pytest.raises(DivergenceError):
        query(1)


def test_queries_of_different_kinds_share_a_cycle() -> None:
    solver = Solver()
    evens: Query[int, frozenset[int]] = solver.query(
        lambda key: frozenset({key}) | odds(key), frozenset(), frozenset.union
    )
    odds: Query[int, frozenset[int]] = solver.query(
        lambda key: frozenset({-key}) | evens(key), frozenset(), frozenset.union
    )
    assert evens(3) == odds(3) == frozenset({3, -3})
