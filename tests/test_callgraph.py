"""The call graph on small texts: edges, what covers them, and searches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from fastapi_bgtask_lint.callgraph.body import Edge
from fastapi_bgtask_lint.callgraph.leaves import LeafKind, Side
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.resolving.scopes import function_name
from tests.programs import Program

HEAD = """import asyncio
import time
from contextlib import contextmanager, suppress

import requests
from fastapi.concurrency import run_in_threadpool


def leaf(flag=None, error=None):
    time.sleep(1)


async def leaf_async():
    await asyncio.sleep(1)


def failing():
    requests.get("http://localhost", timeout=1)


def raising():
    raise ValueError("wrong")


"""


Make: TypeAlias = Callable[[str], Program]


@pytest.fixture
def program(tmp_path: Path) -> Make:
    return lambda text: Program(tmp_path, text, head=HEAD)


def callees(edges: tuple[Edge, ...]) -> list[str]:
    return [function_name(edge.context) for edge in edges]


def chain(hit: Hit) -> list[str]:
    return [function_name(site.context) for site in hit.chain]


# --- edges ------------------------------------------------------------------------------------------------------------


def test_edges_are_the_calls_of_functions_in_the_order_of_the_source(program: Make) -> None:
    body = program("def task():\n    failing()\n    leaf()\n    print(leaf())\n").body("task")
    assert callees(body.edges) == ["failing", "leaf", "leaf"]


def test_methods_constructors_and_partials_are_edges(program: Make) -> None:
    text = (
        "from functools import partial\n\n\nclass Job:\n    def __init__(self):\n        leaf()\n\n"
        "    def __call__(self):\n        failing()\n\n\n"
        "def task():\n    job = Job()\n    job()\n    partial(leaf, flag=True)()\n"
    )
    assert callees(program(text).body("task").edges) == ["__init__", "__call__", "leaf"]


@pytest.mark.parametrize(
    ("call", "side"),
    [
        ("leaf()", Side.HERE),
        ("await leaf_async()", Side.HERE),
        ("await run_in_threadpool(leaf)", Side.THREAD),
        ("await asyncio.gather(leaf_async())", Side.HERE),
        ("asyncio.run(leaf_async())", Side.NEW_LOOP),
        ("asyncio.create_task(leaf_async())", Side.LATER),
        ("leaf_async()", Side.LATER),
    ],
)
def test_an_edge_knows_on_which_side_the_callee_runs(program: Make, call: str, side: Side) -> None:
    body = program(f"async def task():\n    {call}\n").body("task")
    assert [edge.side for edge in body.edges] == [side]


def test_what_runs_later_is_no_hit(program: Make) -> None:
    hits = program("async def task():\n    asyncio.create_task(leaf_async())\n").hits("task")
    assert [hit.leaf.what for hit in hits] == ["asyncio.create_task"]


# --- feasibility ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "failing() if flag else None",
        "flag and failing()",
        "not flag or failing()",
        "[failing() for _ in 'ab' if flag]",
        "if flag:\n        failing()",
        "while flag:\n        failing()",
        "if not flag:\n        return\n    failing()",
    ],
)
def test_an_arm_whose_test_goes_the_other_way_has_no_edge(program: Make, statement: str) -> None:
    one = program(
        f"def helper(flag):\n    {statement}\n\n\ndef task():\n    helper(None)\n\n\ndef other():\n    helper(True)\n"
    )
    assert not [hit for hit in one.hits("task") if hit.leaf.what == "requests.get"]
    assert [hit for hit in one.hits("other") if hit.leaf.what == "requests.get"]


@pytest.mark.parametrize("arguments", ["1, 2, 3", "unknown=1"])
def test_a_call_that_does_not_fit_has_no_edge(program: Make, arguments: str) -> None:
    one = program(f"def task():\n    leaf({arguments})\n\n\nasync def other():\n    await leaf_async({arguments})\n")
    assert not [edge for edge in one.body("task").edges if edge.side is Side.HERE]
    assert not [edge for edge in one.body("other").edges if edge.side is Side.HERE]


def test_a_thread_whose_arguments_are_not_read_keeps_its_edge(program: Make) -> None:
    text = "import threading\n\n\ndef work(name):\n    leaf()\n\n\n"
    text += "def task():\n    threading.Thread(target=work, args=(1,))\n"
    assert callees(program(text).body("task").edges) == ["work"]


def test_what_cannot_be_reached_has_no_edge(program: Make) -> None:
    assert program("def task():\n    return\n    leaf()\n").body("task").edges == ()


# --- covers -----------------------------------------------------------------------------------------------------------


def failures(one: Program, name: str = "task") -> list[str]:
    """The functions in which something fails that leaves a function."""
    return [function_name(hit.site.context) for hit in one.hits(name) if hit.fails]


CATCHING = {
    "a handler": ("    try:\n        {}\n    except Exception:\n        print()\n", True, True),
    "a handler of another class": ("    try:\n        {}\n    except KeyError:\n        print()\n", True, False),
    "a handler of a base class": (
        "    try:\n        {}\n    except (KeyError, ValueError):\n        print()\n",
        True,
        True,
    ),
    "a handler that raises again": ("    try:\n        {}\n    except Exception:\n        raise\n", False, False),
    "a handler that raises again by name": (
        "    try:\n        {}\n    except Exception as error:\n        raise error\n",
        False,
        False,
    ),
    "a handler that returns on some path": (
        "    try:\n        {}\n    except Exception:\n        if leaf():\n            return\n        raise\n",
        True,
        True,
    ),
    "a handler that continues on some path": (
        "    for _ in 'ab':\n      try: {}\n      except Exception:\n        if leaf(): continue\n        raise\n",
        True,
        True,
    ),
    "a first handler that raises again": (
        "    try:\n        {}\n    except ValueError:\n        raise\n    except Exception:\n        print()\n",
        True,
        False,
    ),
    "suppress": ("    with suppress(Exception):\n        {}\n", True, True),
    "suppress of another class": ("    with suppress(KeyError):\n        {}\n", True, False),
    "finally": ("    try:\n        {}\n    finally:\n        print()\n", False, False),
    "a context manager that catches": ("    with catching():\n        {}\n", True, True),
    "a context manager that does not": ("    with passing():\n        {}\n", False, False),
    "an exit that returns true": ("    with Swallowing():\n        {}\n", True, True),
    "an exit that returns nothing": ("    with Open():\n        {}\n", False, False),
}
MANAGERS = """
@contextmanager
def catching():
    try:
        yield
    except Exception:
        print()


@contextmanager
def passing():
    try:
        yield
    finally:
        print()


class Open:
    def __enter__(self): return self
    def __exit__(self, *exc): self.left = True


class Swallowing:
    def __enter__(self): return self
    def __exit__(self, *exc): return True


"""


@pytest.mark.parametrize("name", CATCHING)
def test_what_catches_the_failure_of_a_call_and_a_raise(program: Make, name: str) -> None:
    text, call, explicit = CATCHING[name]
    one = program(
        MANAGERS + "def task():\n" + text.format("failing()") + "\n\ndef other():\n" + text.format("raising()")
    )
    assert ("failing" not in failures(one)) is call
    assert ("raising" not in failures(one, "other")) is explicit


@pytest.mark.parametrize(("caught", "fails"), [("Wrong", False), ("Base", False), ("Other", True), ("OSError", False)])
def test_classes_of_the_project_are_caught_by_their_bases(program: Make, caught: str, fails: bool) -> None:
    text = (
        "class Base(OSError): ...\nclass Wrong(Base): ...\nclass Other(Base): ...\n\n\n"
        f"def task():\n    try:\n        raise Wrong()\n    except {caught}:\n        print()\n"
    )
    assert (failures(program(text)) == ["task"]) is fails


def test_what_is_caught_adds_up_on_the_way_down(program: Make) -> None:
    text = (
        "def helper():\n    try:\n        raising()\n    except KeyError:\n        print()\n\n\n"
        "def task():\n    try:\n        helper()\n    except ValueError:\n        print()\n\n\n"
        "def other():\n    helper()\n"
    )
    one = program(text)
    assert failures(one) == []
    assert failures(one, "other") == ["raising"]


def test_gather_that_returns_exceptions_catches(program: Make) -> None:
    text = "async def work():\n    failing()\n\n\nasync def task():\n    await asyncio.gather(work(){})\n"
    assert failures(program(text.format(", return_exceptions=True"))) == []


@pytest.mark.parametrize(
    ("text", "bounded"),
    [
        ("await asyncio.wait_for(leaf_async(), 5)", True),
        ("async with asyncio.timeout(5):\n        await leaf_async()", True),
        ("async with asyncio.timeout(None):\n        await leaf_async()", False),
        ("async with asyncio.timeout(5):\n        await run_in_threadpool(lambda: asyncio.run(leaf_async()))", False),
        ("async with asyncio.timeout(5):\n        leaf()", False),
    ],
)
def test_a_deadline_bounds_what_is_awaited_on_its_own_loop(program: Make, text: str, bounded: bool) -> None:
    hits = program(f"async def task():\n    {text}\n").hits("task")
    assert [hit.bounded for hit in hits if hit.leaf.what in ("asyncio.sleep", "time.sleep")] == [bounded]


def test_the_innermost_change_of_side_counts(program: Make) -> None:
    text = "def work():\n    asyncio.run(leaf_async())\n\n\nasync def task():\n    await run_in_threadpool(work)\n"
    (hit,) = [hit for hit in program(text).hits("task") if hit.leaf.what == "asyncio.sleep"]
    assert hit.side is Side.NEW_LOOP
    assert chain(hit) == ["task", "work", "leaf_async"]


def test_a_handler_knows_whether_its_try_may_fail(program: Make) -> None:
    text = (
        "def safe():\n    try:\n        failing()\n    except Exception:\n        print()\n\n\n"
        "def task():\n    try:\n        failing()\n    except Exception:\n        pass\n\n\n"
        "def other():\n    try:\n        safe()\n    except Exception:\n        pass\n"
    )
    one = program(text)

    def may_fail(name: str) -> bool:
        (leaf,) = [leaf for leaf in one.body(name).leaves if leaf.kind is LeafKind.HANDLER]
        return one.app.graph.may_fail_inside(leaf)

    assert may_fail("task")
    assert not may_fail("other")


# --- search -----------------------------------------------------------------------------------------------------------


def test_the_first_hit_has_the_shortest_chain(program: Make) -> None:
    text = "def second():\n    leaf()\n\n\ndef first():\n    second()\n\n\n"
    text += "def task():\n    first()\n    second()\n    leaf()\n"
    hits = program(text).hits("task")
    assert [chain(hit) for hit in hits] == [["task", "leaf"]]


def test_of_equally_short_chains_the_first_in_the_source_counts(program: Make) -> None:
    text = "def task():\n    late()\n    early()\n\n\ndef early():\n    leaf()\n\n\ndef late():\n    leaf()\n"
    (hit,) = program(text).hits("task")
    assert chain(hit) == ["task", "late", "leaf"]


MUTUAL = """def ping(count):
    failing()
    pong(count)


def pong(count):
    leaf()
    ping(count)


def task():
    {}(1)


def other():
    {}(1)
"""


def test_mutual_recursion_gives_the_same_hits_in_either_order(tmp_path: Path) -> None:
    def found(order: tuple[str, ...], folder: Path) -> dict[str, list[tuple[object, ...]]]:
        folder.mkdir()
        one = Program(folder, MUTUAL.format("ping", "pong"), head=HEAD)
        return {name: [(h.leaf.what, chain(h), h.fails) for h in one.hits(name)] for name in order}

    one, other = found(("task", "other"), tmp_path / "one"), found(("other", "task"), tmp_path / "other")
    assert one == other
    assert {what for what, *_ in one["task"]} == {"requests.get", "time.sleep"}
    assert {what for what, *_ in one["other"]} == {"requests.get", "time.sleep"}


def test_context_managers_that_use_each_other_end(program: Make) -> None:
    text = (
        "@contextmanager\ndef one():\n    with other():\n        yield\n\n\n"
        "@contextmanager\ndef other():\n    try:\n        with one():\n            yield\n    except Exception:\n"
        "        print()\n\n\ndef task():\n    with one():\n        failing()\n"
    )
    assert failures(program(text)) == []


def test_the_work_is_linear_where_paths_are_many(program: Make) -> None:
    """Forty functions that each call the next one twice: 2**40 paths."""
    text = "".join(f"def f{n}():\n    f{n + 1}()\n    f{n + 1}()\n\n\n" for n in range(40)) + "def f40():\n    leaf()\n"
    (hit,) = program(text).hits("f0")
    assert len(hit.chain) == 42


# --- exits ------------------------------------------------------------------------------------------------------------


def test_functions_that_never_return(program: Make) -> None:
    text = (
        "def ends():\n    raising()\n\n\ndef first():\n    second()\n\n\ndef second():\n    first()\n\n\n"
        "def may(flag):\n    if flag:\n        raising()\n"
    )
    one = program(text)
    verdicts = {name: one.app.exits.never_returns(one.function(name)[1]) for name in ("ends", "first", "second", "may")}
    assert verdicts == {"ends": True, "first": False, "second": False, "may": False}
