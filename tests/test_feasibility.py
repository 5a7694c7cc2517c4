"""Which way tests go, and which statements are possible: each decided, and its undecided twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import Program

HEAD = """import enum
from inspect import iscoroutinefunction


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class A:
    def __init__(self, flag=False): self.flag = flag

    @property
    def computed(self): return unknown()


class B(A): ...


def leaf(*values): pass
async def later(): pass
def change(a): a.flag = unknown()
LIMIT = 3
lower = 3


"""

TRUTHS: dict[str, tuple[str, str, bool | None]] = {
    "a constant": ("x = 1", "x", True),
    "None": ("x = None", "x", False),
    "nothing is known": ("x = c", "x", None),
    "both of two values": ("x = 1 if c else 2", "x", True),
    "two values that differ": ("x = 1 if c else 0", "x", None),
    "not": ("x = 0", "not x", True),
    "not of the unknown": ("x = c", "not x", None),
    "and with one false": ("x = 0", "c and x", False),
    "and with one true": ("x = 1", "c and x", None),
    "and of all true": ("x = 1", "x and 2", True),
    "or with one true": ("x = 1", "c or x", True),
    "or with one false": ("x = 0", "c or x", None),
    "or of all false": ("x = 0", "x or None", False),
    "is None": ("x = None", "x is None", True),
    "is not None": ("x = 1", "x is not None", True),
    "an object is not None": ("x = A()", "x is None", False),
    "the unknown may be None": ("x = c", "x is None", None),
    "equal numbers": ("x = 2", "x == 2", True),
    "different numbers": ("x = 2", "x == 3", False),
    "a number is no text": ("x = 2", "x == '2'", False),
    "unequal": ("x = 'a'", "x != 'a'", False),
    "less is not judged": ("x = 1", "x < 2", None),
    "in": ("x = 'a'", "x in ('a', 'b')", True),
    "not in": ("x = 'a'", "x not in ('b', 'c')", True),
    "in something with the unknown": ("x = 'a'", "x in ('b', c)", None),
    "the same member": ("x = Colour.RED", "x is Colour.RED", True),
    "another member": ("x = Colour.RED", "x is Colour.BLUE", False),
    "a member is no plain value": ("x = Colour.RED", "x == 'red'", False),
    "isinstance": ("x = A()", "isinstance(x, A)", True),
    "isinstance of a base": ("x = B()", "isinstance(x, A)", True),
    "isinstance of a subclass": ("x = A()", "isinstance(x, B)", False),
    "isinstance of one of several": ("x = 1", "isinstance(x, (str, int))", True),
    "isinstance of none of several": ("x = 1", "isinstance(x, (str, A))", False),
    "isinstance of the unknown": ("x = c", "isinstance(x, A)", None),
    "bool is an int": ("x = True", "isinstance(x, int)", True),
    "a list is a list": ("x = [c]", "isinstance(x, list)", True),
    "a list is no object of a class": ("x = [c]", "isinstance(x, A)", False),
    "a list is an object": ("x = [c]", "isinstance(x, object)", True),
    "an empty text": ("x = ''", "x", False),
    "a text": ("x = 'a'", "x", True),
    "a text of which nothing is known": ("x = f'{c}'", "x", None),
    "a tuple with items": ("x = (c,)", "x", True),
    "a function": ("pass", "leaf", True),
    "a coroutine function": ("x = later", "iscoroutinefunction(x)", True),
    "no coroutine function": ("x = leaf", "iscoroutinefunction(x)", False),
    "a walrus": ("x = 1", "(y := x)", True),
    "a name in capitals": ("pass", "LIMIT == 3", True),
    "a name of the module that may change": ("pass", "lower == 3", None),
    "an attribute of an object": ("x = A(True)", "x.flag", None),
    "an item": ("x = {'a': 1}", "x['a'] == 1", True),
    "an item that may have changed": ("x = {'a': 1}; x['a'] = c", "x['a'] == 1", None),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_a_test_is_decided_where_all_values_agree(tmp_path: Path, name: str) -> None:
    statement, test, verdict = TRUTHS[name]
    text = f"def task(c):\n    {statement}\n    if {test}:\n        leaf()\n"
    assert Program(tmp_path, text, head=HEAD).truth("task") is verdict


CALLS: dict[str, tuple[str, str, str, bool | None]] = {
    "truth": ("if c: f(c)", "", "a", True),
    "refusal": ("if not c: f(c)", "", "a", False),
    "after a way that leaves": ("if c: return\n    f(c)", "", "a", False),
    "no test": ("f(c)", "", "a", None),
    "another object": ("if d: f(c)", "", "a", None),
    "rebound between": ("if c:\n        c = d()\n        f(c)", "", "a", None),
    "rebound in the callee": ("if c: f(c)", "a = unknown()", "a", None),
    "equality": ("if c == 'x': f(c)", "", "a == 'x'", True),
    "equality with another": ("if c == 'x': f(c)", "", "a == 'y'", False),
    "inequality with another": ("if c != 'x': f(c)", "", "a == 'y'", None),
    "one of some is not another": ("if c in ('x', 'y'): f(c)", "", "a == 'z'", False),
    "one of some may be one of them": ("if c in ('x', 'y'): f(c)", "", "a == 'x'", None),
    "none of some is not one of them": ("if c not in ('x', 'y'): f(c)", "", "a == 'x'", False),
    "what equals is among": ("if c == 'x': f(c)", "", "a in ('x', 'y')", True),
    "what is true is not None": ("if c: f(c)", "", "a is None", False),
    "what is false may be None": ("if not c: f(c)", "", "a is None", None),
    "None is false": ("if c is None: f(c)", "", "a", False),
    "a class": ("if isinstance(c, str): f(c)", "", "isinstance(a, str)", True),
    "an unrelated class": ("if isinstance(c, str): f(c)", "", "isinstance(a, int)", False),
    "an instance is not None": ("if isinstance(c, str): f(c)", "", "a is None", False),
    "an attribute": ("if c.flag: f(c)", "", "a.flag", True),
    "another attribute": ("if c.flag: f(c)", "", "a.other", None),
    "an attribute that is changed": ("if c.flag:\n        c.flag = d\n        f(c)", "", "a.flag", None),
    "an attribute that a call may change": ("if c.flag:\n        change(c)\n        f(c)", "", "a.flag", None),
    "an attribute that the callee changes": ("if c.flag: f(c)", "a.flag = unknown()", "a.flag", None),
    "an item": ("if c['k']: f(c)", "", "a['k']", True),
    "another item": ("if c['k']: f(c)", "", "a['m']", None),
    "an item that is changed": ("if c['k']:\n        c['k'] = d\n        f(c)", "", "a['k']", None),
    "an item of an unknown key is changed": ("if c['k']:\n        c[d] = d\n        f(c)", "", "a['k']", None),
    "another item is changed": ("if c['k']:\n        c['m'] = d\n        f(c)", "", "a['k']", True),
    "another attribute is changed": ("if c.flag:\n        c.other = d\n        f(c)", "", "a.flag", True),
    "both of and": ("if c and d: f(c)", "", "a", True),
    "one of or": ("if c or d: f(c)", "", "a", None),
    "neither of or": ("if not (c or d): f(c)", "", "a", False),
    "a property": ("c = A()\n    if c.computed: f(c)", "", "a.computed", None),
    "an arm of an expression": ("f(c) if c else None", "", "a", True),
    "by keyword": ("if c: f(a=c)", "", "a", True),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_makes_known_what_was_tested_before_it(tmp_path: Path, name: str) -> None:
    statement, first, test, verdict = CALLS[name]
    text = f"def f(a):\n    {first or 'pass'}\n    if {test}:\n        leaf()\n\n\ndef task(c, d):\n    {statement}\n"
    one = Program(tmp_path, text, head=HEAD)
    (context,) = one.entered("task", "f")
    assert one.truth_in(context) is verdict
