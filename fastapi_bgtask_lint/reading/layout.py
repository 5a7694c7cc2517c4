"""Where a module's nodes stand. Only the top-level statements that somebody asks about are looked at.

LibCST finds positions by writing code again, which takes as long as parsing it. So it writes one statement at a time,
and CPython's parser, ten times as fast, says on which line that statement begins.
"""

from __future__ import annotations

import ast
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import libcst as cst
from libcst.metadata import CodePosition, CodeRange

from fastapi_bgtask_lint.reading.positions import positions

_KEYWORDS: dict[type[cst.CSTNode], str] = {
    cst.Try: "try",
    cst.TryStar: "try",
    cst.ExceptHandler: "except",
    cst.ExceptStarHandler: "except",
}


@dataclass(frozen=True, eq=False)
class _Written:
    """Positions in code that has been written again, some lines above the place where it stands."""

    ranges: dict[cst.CSTNode, CodeRange]
    lines_above: int = 0

    def start(self, node: cst.CSTNode) -> CodePosition:
        return self._moved(self.ranges[node].start)

    def end(self, node: cst.CSTNode) -> CodePosition:
        return self._moved(self.ranges[node].end)

    def _moved(self, position: CodePosition) -> CodePosition:
        return CodePosition(position.line + self.lines_above, position.column)


@dataclass(frozen=True, eq=False)
class Layout:
    """A module's text and tree.

    Raises RecursionError where it nests deeper than the interpreter bears.
    """

    data: bytes
    tree: cst.Module
    nodes: Sequence[cst.CSTNode]
    """By their ordinals."""
    starts: Sequence[int]
    """The ordinal that each statement of the module's body begins with."""
    _statements: dict[int, _Written] = field(default_factory=dict)

    def stretch(self, at: int) -> tuple[CodePosition, CodePosition] | None:
        """Where a node begins and ends; of a compound statement, its head. Lines count from 1, columns from 0."""
        node, written = self.nodes[at], self._written(at)
        if node not in written.ranges:
            return None
        start = written.start(node)
        last = _last_of_head(node)
        if last is not None:
            return start, written.end(last)
        keyword = _KEYWORDS.get(type(node))
        if keyword is not None:
            return start, CodePosition(start.line, start.column + len(keyword))
        return start, written.end(node)

    def heads(self, at: int) -> set[int]:
        """The lines of a function's `def` and of its decorators."""
        node, written = self.nodes[at], self._written(at)
        return {written.start(head).line for head in (node, *getattr(node, "decorators", ()))}

    def _written(self, at: int) -> _Written:
        number = bisect_right(self.starts, at) - 1
        if number not in self._statements:
            self._statements[number] = self._write(number)
        return self._statements[number]

    def _write(self, number: int) -> _Written:
        if self._lines is None:
            return self._whole
        statement = self.tree.body[number]
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.nodes)
        alone = self.tree.with_changes(header=(), body=[statement], footer=())
        ranges = positions(alone, islice(self.nodes, self.starts[number], end))
        return _Written(ranges, self._lines[number] - ranges[statement].start.line)

    @cached_property
    def _whole(self) -> _Written:
        return _Written(positions(self.tree, self.nodes))

    @cached_property
    def _lines(self) -> list[int] | None:
        """The line of each statement of the module's body; None where CPython sees other statements than LibCST."""
        outline = list(_outline(self.data))
        lines = []
        for statement in self.tree.body:
            parts = len(statement.body) if isinstance(statement, cst.SimpleStatementLine) else 1
            here, outline = outline[:parts], outline[parts:]
            if len(here) < parts:
                return None
            lines.append(here[0])
        return None if outline else lines


def _outline(data: bytes) -> Iterator[int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in module.body:
        yield statement.lineno


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
