"""Refuses text that nests or chains so deep that LibCST's parser, which recurses on the C stack, cannot read it."""

from __future__ import annotations

import ast
import re

from fastapi_bgtask_lint.reading.outline import syntax_tree

_LONG_LINE = 400
_MAX_DEPTH = 1_000
"""LibCST's parser takes 8 seconds for so many nested calls; three times as many overflow 8 MiB of stack."""
_MAX_CHAIN = 6_000
"""LibCST's parser takes time as the square of a chain's length: 5,000 terms take 6 seconds."""
_COST_OF_PRIMARY = 4
"""A chain of 1,500 subscripts takes it as long as a sum of 5,000 terms."""
_OPERATORS = re.compile(rb"[-+*/%|&^<>=(\[{.~]|\b(?:not|await|lambda|if|for|and|or)\b|[\"'] *[\"']")


def check_depth(text: str) -> None:
    """Raises RecursionError if LibCST's parser would take minutes for the text, or end the process.

    CPython's parser counts exactly, but is only asked where a look at the text leaves it open.
    """
    if not _may_be_too_deep(text.encode()):
        return
    try:
        tree = syntax_tree(text)
    except (SyntaxError, ValueError, MemoryError) as error:
        raise RecursionError from error
    if _deepest(tree) > _MAX_CHAIN:
        raise RecursionError


def _deepest(tree: ast.AST) -> int:
    """The number of levels of a tree, those of `a.b`, `a()` and `a[b]` counted as several."""
    deepest = 0
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        depth += _COST_OF_PRIMARY if isinstance(node, ast.Attribute | ast.Call | ast.Subscript) else 1
        deepest = max(deepest, depth)
        stack.extend((child, depth) for child in ast.iter_child_nodes(node))
    return deepest


def _may_be_too_deep(data: bytes) -> bool:
    """Whether brackets, indentation or operators exceed the limits. Strings and comments are counted as code."""
    depth = operators = 0
    if data.count(b"elif") > _MAX_CHAIN:
        return True
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        goes_on = line.endswith(b"\\")
        if depth > 0 or len(line) > _LONG_LINE or goes_on:
            operators += len(_OPERATORS.findall(line))
        opened = line.count(b"(") + line.count(b"[") + line.count(b"{")
        indented = len(line) > _MAX_DEPTH and line[:_MAX_DEPTH].isspace()
        if indented or depth + opened > _MAX_DEPTH or operators > _MAX_CHAIN:
            return True
        depth = max(0, depth + opened - line.count(b")") - line.count(b"]") - line.count(b"}"))
        if depth == 0 and not goes_on:
            operators = 0
    return False
