"""Positions of a tree's nodes, also where chains are thousands of links long.

LibCST computes positions by generating the code of the tree, one Python call a level. A sum of 5,000 terms has 5,000
levels, and CPython 3.12 and 3.13 allow some hundred such calls, whatever the recursion limit is. So the positions of a
tree with long chains are those of a copy that has the same text, in which the links of a chain are siblings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

N = TypeVar("N", bound=cst.CSTNode)
Ranges: TypeAlias = dict[cst.CSTNode, CodeRange]

_LONG = 50
"""Links from which a chain is copied as siblings."""


def positions(tree: cst.Module, nodes: Iterable[cst.CSTNode]) -> Ranges:
    """The range of every node: lines from 1, columns from 0, in code points.

    Args:
        tree: the module.
        nodes: nodes of the tree; the outermost node of each long chain must be among them.

    Raises:
        RecursionError: the tree is deeper than the interpreter allows.
    """
    try:
        return _flattened_positions(tree) if any(map(_is_long_chain, nodes)) else _positions(tree)
    except KeyError as error:  # LibCST's clean-up can turn a RecursionError into this
        raise RecursionError from error


def _positions(tree: cst.Module) -> Ranges:
    return dict(MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider))


def _flattened_positions(tree: cst.Module) -> Ranges:
    copier = _Flattener()
    ranges = _positions(tree.visit(copier))
    return {
        node: CodeRange(ranges[first].start, ranges[last].end)
        for node, (first, last) in copier.copies.items()
        if first in ranges and last in ranges
    }


class _Flattener(cst.CSTTransformer):
    """Copies a tree so that it has the same text without long chains."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[cst.CSTNode, tuple[cst.CSTNode, cst.CSTNode]] = {}
        """For each node, the copies that begin and end where it does."""

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Long chains are visited link by link when they are left."""
        return not _is_long_chain(node)

    def on_leave(self, original_node: N, updated_node: N) -> Any:  # noqa: ANN401 - a node of another class
        """The copy of a node whose children have been copied."""
        if _is_long_chain(original_node):
            if isinstance(original_node, cst.If):
                return self._flat_branches(original_node)
            return self._flat_operation(original_node)
        self.copies[original_node] = (updated_node, updated_node)
        return updated_node

    def _flat_operation(self, head: cst.CSTNode) -> cst.Comparison:
        """`a + b + c` as a comparison, which holds any number of operators and operands side by side."""
        links = [*_operations(head)][::-1]
        operands = [self._copied(link.right) for link in links]
        operators: list[Any] = [link.operator for link in links]
        targets = list(map(cst.ComparisonTarget, operators, operands))
        outermost = links[-1]
        copy = cst.Comparison(self._copied(links[0].left), targets, outermost.lpar, outermost.rpar)
        self.copies.update((link, (copy, target)) for link, target in zip(links, targets, strict=True))
        self.copies[outermost] = (copy, copy)
        return copy

    def _flat_branches(self, head: cst.If) -> cst.FlattenSentinel[cst.CSTNode]:
        """`if`, `elif` and `else` as one statement after another. `with` is as long as the `elif` that it replaces."""
        copies: list[cst.CSTNode] = []
        for link in _branches(head):
            test, body = self._copied(link.test), self._copied(link.body)
            if link is head:
                copies.append(link.with_changes(test=test, body=body, orelse=None))
            else:
                copies.append(
                    cst.With(
                        [cst.WithItem(test)],
                        body,
                        leading_lines=link.leading_lines,
                        whitespace_after_with=link.whitespace_before_test,
                        whitespace_before_colon=link.whitespace_after_test,
                    )
                )
            if isinstance(link.orelse, cst.Else):
                copies.append(self._copied(link.orelse))
        self.copies[head] = (copies[0], copies[-1])
        return cst.FlattenSentinel(copies)

    def _copied(self, node: cst.CSTNode) -> Any:  # noqa: ANN401 - a node of another class
        return node.visit(self)


def _is_long_chain(node: cst.CSTNode) -> bool:
    chain = _branches(node) if isinstance(node, cst.If) else _operations(node)
    return any(number >= _LONG for number, _ in enumerate(chain))


def _operations(head: cst.CSTNode) -> Iterator[cst.BinaryOperation | cst.BooleanOperation]:
    """The operations of a chain such as `a + b + c`, from the outermost in, as far as no bracket begins before them."""
    current = head
    while isinstance(current, cst.BinaryOperation | cst.BooleanOperation) and (current is head or not current.lpar):
        yield current
        current = current.left


def _branches(head: cst.If) -> Iterator[cst.If]:
    """An `if` and its `elif`."""
    current: cst.If | cst.Else | None = head
    while isinstance(current, cst.If):
        yield current
        current = current.orelse
