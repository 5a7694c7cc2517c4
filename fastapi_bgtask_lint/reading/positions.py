"""Where a tree's nodes stand, also when its chains are thousands of links long.

LibCST finds positions by writing the tree again, one Python call a level. From Python 3.12 on such calls are limited by
more than the recursion limit, so chains that nest to one side are written in a loop here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import libcst as cst
from libcst._nodes.internal import CodegenState
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

_LONG = 50
"""Links from which a chain is written in a loop."""


def positions(tree: cst.Module, heads: Iterable[cst.CSTNode]) -> dict[cst.CSTNode, CodeRange]:
    """The stretch of every node, lines from 1 and columns from 0, in code points.

    Args:
        tree: the module.
        heads: nodes among which the outermost nodes of its long chains are.

    Raises:
        RecursionError: it nests deeper than the interpreter bears.
    """
    try:
        with _flattened(heads):
            return dict(MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider))
    except KeyError as error:  # LibCST's clean-up can turn a RecursionError into this
        raise RecursionError from error


@contextmanager
def _flattened(heads: Iterable[cst.CSTNode]) -> Iterator[None]:
    """Lets the heads of long chains write themselves in a loop meanwhile; it changes no node for good."""
    changed: list[cst.CSTNode] = []
    try:
        for node in heads:
            flat = _FLAT.get(type(node))
            if flat is not None and _is_long(node):
                object.__setattr__(node, "__class__", flat)
                changed.append(node)
        yield
    finally:
        for node in changed:
            object.__setattr__(node, "__class__", type(node).__base__)


def _is_long(node: cst.CSTNode) -> bool:
    chain = _elifs(node) if isinstance(node, cst.If) else _terms(node)
    return any(number >= _LONG for number, _ in enumerate(chain))


def _terms(head: cst.CSTNode) -> Iterator[cst.BinaryOperation | cst.BooleanOperation]:
    """The operations of a chain such as `a + b + c`, from the outermost in."""
    current = head
    while isinstance(current, cst.BinaryOperation | cst.BooleanOperation):
        yield current
        current = current.left


def _elifs(head: cst.If) -> Iterator[cst.If]:
    current: cst.If | cst.Else | None = head
    while isinstance(current, cst.If):
        yield current
        current = current.orelse


def _write_terms(head: cst.BinaryOperation | cst.BooleanOperation, state: CodegenState) -> None:
    with ExitStack() as ending:
        innermost = head
        for node in _terms(head):
            if node is not head:
                state.before_codegen(node)
                ending.callback(state.after_codegen, node)
            ending.enter_context(node._parenthesize(state))
            ending.callback(node.right._codegen, state)
            ending.callback(node.operator._codegen, state)
            innermost = node
        innermost.left._codegen(state)


def _write_elifs(head: cst.If, state: CodegenState, is_elif: bool) -> None:
    with ExitStack() as ending:
        for node in _elifs(head):
            if node is not head:
                state.before_codegen(node)
                ending.callback(state.after_codegen, node)
            for line in node.leading_lines:
                line._codegen(state)
            state.add_indent_tokens()
            ending.enter_context(state.record_syntactic_position(node, end_node=node.orelse or node.body))
            state.add_token("elif" if is_elif or node is not head else "if")
            node.whitespace_before_test._codegen(state)
            node.test._codegen(state)
            node.whitespace_after_test._codegen(state)
            state.add_token(":")
            node.body._codegen(state)
            if isinstance(node.orelse, cst.Else):
                node.orelse._codegen(state)


class _FlatBinary(cst.BinaryOperation):
    __slots__ = ()  # type: ignore[misc]  # the layout must stay that of the class it stands in for

    def _codegen_impl(self, state: CodegenState) -> None:
        _write_terms(self, state)


class _FlatBoolean(cst.BooleanOperation):
    __slots__ = ()  # type: ignore[misc]  # the layout must stay that of the class it stands in for

    def _codegen_impl(self, state: CodegenState) -> None:
        _write_terms(self, state)


class _FlatIf(cst.If):
    __slots__ = ()  # type: ignore[misc]  # the layout must stay that of the class it stands in for

    def _codegen_impl(self, state: CodegenState, is_elif: bool = False) -> None:
        _write_elifs(self, state, is_elif)


_FLAT: dict[type[cst.CSTNode], type[cst.CSTNode]] = {
    cst.BinaryOperation: _FlatBinary,
    cst.BooleanOperation: _FlatBoolean,
    cst.If: _FlatIf,
}
