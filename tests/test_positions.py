"""Positions of long chains, which are computed on a copy: the same as LibCST's own."""

from __future__ import annotations

import random

import libcst
import pytest

from fastapi_bgtask_lint.reading import positions as module
from fastapi_bgtask_lint.reading.lowering import lower
from fastapi_bgtask_lint.reading.positions import positions

OPERANDS = ["a", "(b)", "f(x, y)", "'s'", "(a\n + b)", "-x", "(yield)", "[c for c in d]", "é", "(a and (b or c) + 1)"]
OPERATORS = [" + ", "*", " and ", "\n or ", "-", " //  ", "@", "<<"]
BODIES = ["pass", "f(); g()", "if q:\n      w\n    elif(e): r\n    else : t", "# d\n\n    def f():\n      return a + b"]


def expression(seeded: random.Random, level: int = 0) -> str:
    if level > 3 or seeded.random() < 0.4:
        return seeded.choice(OPERANDS)
    operator = seeded.choice(OPERATORS)
    text = operator.join(expression(seeded, level + 1) for _ in range(seeded.randint(2, 8)))
    return f"({text})" if seeded.random() < 0.4 else text


def statements(seeded: random.Random) -> str:
    text = f"def f():\n  x = ({expression(seeded)})\n  if ({expression(seeded)}): a\n"
    for _ in range(seeded.randint(0, 6)):
        text += f"  # c\n\n  elif({expression(seeded)}) : # d\n    {seeded.choice(BODIES)}\n   # e\n"
    return text + seeded.choice(["  else :\n    b\n  z\n", "  else: b\n", "  z\n", ""])


@pytest.mark.parametrize("seed", range(60))
def test_a_copy_without_chains_has_the_same_positions(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = libcst.parse_module(statements(random.Random(seed)))
    nodes = lower(tree.body).nodes
    monkeypatch.setattr(module, "_LONG", 1_000_000)
    expected = positions(tree, nodes)
    monkeypatch.setattr(module, "_LONG", 1 + seed % 2)
    actual = positions(tree, nodes)
    assert [actual.get(node) for node in nodes] == [expected.get(node) for node in nodes]


def test_the_tree_is_left_as_it_was() -> None:
    text = " + ".join(["a"] * 100) + "\n"
    tree = libcst.parse_module(text)
    nodes = lower(tree.body).nodes
    types = [type(node) for node in nodes]
    positions(tree, nodes)
    assert tree.code == text
    assert [type(node) for node in nodes] == types
