"""Where a module's nodes stand. Only the chunks that somebody asks about are looked at, from their text.

LibCST finds positions by writing code again, which takes as long as parsing it, and its trees are large. So no tree is
kept, and a chunk is parsed once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from libcst.metadata import CodePosition, CodeRange

from fastapi_bgtask_lint.reading.facts import chunk_of, first_ordinal
from fastapi_bgtask_lint.reading.lowering import lower
from fastapi_bgtask_lint.reading.outline import Outline
from fastapi_bgtask_lint.reading.positions import positions

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

    outline: Outline | None
    data: bytes = b""
    """The whole text, where there is no outline: LibCST parsed the module as a whole."""

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
        return _part_of(self, 0 if self.outline is None else chunk_of(at))

    def part(self, number: int) -> _Part:
        """The nodes of a chunk of the outline; of the whole module, where there is none."""
        if self.outline is None:
            tree = cst.parse_module(self.data.decode())
            return _part(tree, tree.body)
        tree, block = parsed(self.outline.module(number), len(self.outline.preamble(number)))
        return _part(tree, block, first_ordinal(number), self.outline.lines_above(number))


def parsed(text: str, above: int) -> tuple[cst.Module, Sequence[cst.CSTNode]]:
    """A chunk as LibCST reads it: the module that was made of it, and the statements after so many of its preamble."""
    tree = cst.parse_module(text)
    if above == 0:
        return tree, tree.body
    around = cst.ensure_type(tree.body[0], cst.If)
    return tree, around.body.body[above - 1 :]


def _part(tree: cst.Module, block: Sequence[cst.CSTNode], first: int = 0, lines_above: int = 0) -> _Part:
    nodes = lower(block).nodes
    return _Part(nodes, positions(tree, nodes), first, lines_above)


@lru_cache(maxsize=32)
def _part_of(layout: Layout, number: int) -> _Part:
    """Few are kept: positions take more room than all else, and neighbours ask together."""
    return layout.part(number)


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
