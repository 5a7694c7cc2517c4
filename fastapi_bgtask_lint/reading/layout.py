"""Where a module's nodes stand. Only the top-level statements that somebody asks about are looked at, from their text.

LibCST finds positions by writing code again, which takes as long as parsing it, and its trees are large. So no tree is
kept: CPython's parser, ten times as fast, says on which lines a statement stands, and it is parsed once more.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst
from libcst.metadata import CodePosition, CodeRange

from fastapi_bgtask_lint.reading.lowering import lower
from fastapi_bgtask_lint.reading.positions import positions

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_KEYWORDS: dict[type[cst.CSTNode], str] = {
    cst.Try: "try",
    cst.TryStar: "try",
    cst.ExceptHandler: "except",
    cst.ExceptStarHandler: "except",
}


@dataclass(frozen=True, eq=False)
class _Part:
    """A stretch of the text, its nodes in the order of their ordinals, and where they stand in it."""

    nodes: Sequence[cst.CSTNode]
    ranges: dict[cst.CSTNode, CodeRange]
    first: int = 0
    """The ordinal of its first node."""
    lines_above: int = 0

    def node(self, at: int) -> cst.CSTNode:
        return self.nodes[at - self.first]

    def start(self, node: cst.CSTNode) -> CodePosition:
        return self._moved(self.ranges[node].start)

    def end(self, node: cst.CSTNode) -> CodePosition:
        return self._moved(self.ranges[node].end)

    def _moved(self, position: CodePosition) -> CodePosition:
        return CodePosition(position.line + self.lines_above, position.column)


@dataclass(frozen=True, eq=False)
class Layout:
    """The text of a module that LibCST has parsed.

    Raises RecursionError where it nests deeper than the interpreter bears.
    """

    data: bytes
    starts: Sequence[int]
    """The ordinal that each statement of the module's body begins with, and at the end the number of all."""
    is_plain: bool
    """It takes no more stack than every thread has."""
    _parts: dict[int, _Part] = field(default_factory=dict)

    def stretch(self, at: int) -> tuple[CodePosition, CodePosition] | None:
        """Where a node begins and ends; of a compound statement, its head. Lines count from 1, columns from 0."""
        part = self._part(at)
        node = part.node(at)
        if node not in part.ranges:
            return None
        start = part.start(node)
        last = _last_of_head(node)
        if last is not None:
            return start, part.end(last)
        keyword = _KEYWORDS.get(type(node))
        if keyword is not None:
            return start, CodePosition(start.line, start.column + len(keyword))
        return start, part.end(node)

    def heads(self, at: int) -> set[int]:
        """The lines of a function's `def` and of its decorators."""
        part = self._part(at)
        node = part.node(at)
        return {part.start(head).line for head in (node, *getattr(node, "decorators", ()))}

    def _part(self, at: int) -> _Part:
        number = bisect_right(self.starts, at) - 1
        if number not in self._parts:
            self._parts[number] = self._statement(number) or self._whole
        return self._parts[number]

    def _statement(self, number: int) -> _Part | None:
        """One statement of the module's body; None where CPython sees another than LibCST."""
        if number >= len(self._spans):
            return None
        first, last = self._spans[number]
        try:
            tree = cst.parse_module("".join(self._lines[first - 1 : last]))
        except cst.ParserSyntaxError:
            return None
        _, nodes, _ = lower(tree)
        if len(tree.body) != 1 or len(nodes) != self.starts[number + 1] - self.starts[number]:
            return None
        return _Part(nodes, positions(tree, nodes), self.starts[number], first - 1)

    @cached_property
    def _whole(self) -> _Part:
        tree = cst.parse_module(self.data)
        _, nodes, _ = lower(tree)
        return _Part(nodes, positions(tree, nodes))

    @cached_property
    def _text(self) -> str:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(self.data).readline)
        return self.data.decode(encoding)

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE.findall(self._text)

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        """The first and the last line of each statement of the body, those that share a line taken together."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(self.data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
        spans: list[tuple[int, int]] = []
        for first, last in map(_span, module.body):
            if spans and first <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
            else:
                spans.append((first, last))
        return spans if len(spans) == len(self.starts) - 1 else []


def _span(statement: ast.stmt) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return first, statement.end_lineno or statement.lineno


def _last_of_head(node: cst.CSTNode) -> cst.CSTNode | None:
    """The last node before the colon of a compound statement, if it has one; a definition's head ends at its name."""
    match node:
        case cst.FunctionDef() | cst.ClassDef():
            return node.name
        case cst.For():
            return node.iter
        case cst.If() | cst.While():
            return node.test
        case cst.With():
            return node.items[-1]
        case cst.Match():
            return node.subject
        case cst.ExceptHandler() | cst.ExceptStarHandler():
            return node.name or node.type
        case _:
            return None
