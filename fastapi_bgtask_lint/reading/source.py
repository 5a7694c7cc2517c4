"""Bytes to a module's facts, and facts back to places in the text."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from fastapi_bgtask_lint.findings import Place
from fastapi_bgtask_lint.reading.facts import ClassDef, FunctionDef, ModuleFacts, Statement, blocks
from fastapi_bgtask_lint.reading.lowering import lower

T = TypeVar("T")

_STACK = 512 * 1024 * 1024
"""Bytes of stack for texts that nest deep or chain long; memory is only taken as it is used."""
_SUSPICIOUS = 400
"""So many operators or brackets in one line, or open brackets at a time, take more stack than a thread has by default."""
_REFUSED = 1_500
"""LibCST's parser is known to end the process on brackets nested a few times as deep as this, whatever the stack."""
_OPERATORS = re.compile(rb"[-+*/%|&^<>=(\[{.~]|\b(?:not|await|lambda|if|and|or)\b|[\"'] *[\"']")
_LAMBDAS = re.compile(rb"\blambda\b")


class Unreadable(Exception):
    """A file that can't be decoded or parsed, with the place and the reason that CPython gives, where it refuses it too."""

    def __init__(self, path: Path, line: int, column: int, reason: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {reason}")
        self.path = path
        self.line = line
        self.column = column
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Source:
    """A module that has been read."""

    path: Path
    facts: ModuleFacts
    _tree: cst.Module = field(repr=False)
    _nodes: list[cst.CSTNode] = field(repr=False)

    def place(self, at: int) -> Place:
        """Where a fact stands: the whole of an expression or simple statement, the head of a compound one."""
        node = self._nodes[at]
        whole = self._positions[node]
        end = self._end(node, whole)
        start = whole.start
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            start = self._head(node, start)
        return Place(
            self.path, start.line, start.column + 1, end.line, end.column + 1, self._scopes(at)
        )

    def _head(self, node: cst.FunctionDef | cst.ClassDef, start: Any) -> Any:
        """Where `def` or `class` stands, after the decorators."""
        first = node.asynchronous if isinstance(node, cst.FunctionDef) and node.asynchronous else None
        if first is not None:
            return self._positions[first].start
        name = self._positions[node.name].start
        width = len("def ") if isinstance(node, cst.FunctionDef) else len("class ")
        return type(start)(name.line, max(0, name.column - width))

    def _end(self, node: cst.CSTNode, whole: CodeRange) -> Any:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return self._positions[node.name].end
        body = getattr(node, "body", None)
        if isinstance(body, cst.BaseSuite):
            last = _last_of_head(node)
            if last is not None:
                return self._positions[last].end
            return type(whole.end)(whole.start.line, whole.start.column + len(type(node).__name__))
        return whole.end

    @cached_property
    def _positions(self) -> dict[cst.CSTNode, CodeRange]:
        def resolve() -> dict[cst.CSTNode, CodeRange]:
            return dict(MetadataWrapper(self._tree, unsafe_skip_copy=True).resolve(PositionProvider))

        try:
            return resolve()
        except RecursionError:
            return _with_stack(resolve)

    @cached_property
    def _functions(self) -> list[FunctionDef]:
        found: list[FunctionDef] = []
        stack: list[Statement] = list(self.facts.body)
        while stack:
            statement = stack.pop()
            if isinstance(statement, FunctionDef):
                found.append(statement)
            if isinstance(statement, FunctionDef | ClassDef):
                stack.extend(statement.body)
            stack.extend(child for block in blocks(statement) for child in block)
        return found

    def _scopes(self, at: int) -> tuple[int, ...]:
        lines: set[int] = set()
        for function in self._functions:
            first = min([function.at, *(decorator.at for decorator in function.decorators)])
            if first <= at <= function.end:
                node = self._nodes[function.at]
                assert isinstance(node, cst.FunctionDef)
                lines.add(self._positions[node.name].start.line)
                lines |= {self._positions[decorator].start.line for decorator in node.decorators}
        return tuple(sorted(lines))


def _last_of_head(node: cst.CSTNode) -> cst.CSTNode | None:
    if isinstance(node, cst.For):
        return node.iter
    if isinstance(node, cst.If | cst.While):
        return node.test
    if isinstance(node, cst.With):
        return node.items[-1]
    if isinstance(node, cst.ExceptHandler | cst.ExceptStarHandler):
        return node.name or node.type
    return None


def read(path: Path, data: bytes) -> Source:
    """Reads a module.

    Raises:
        Unreadable: it can't be decoded or parsed, or nests deeper than the parser can bear.
    """
    deepest, busiest = _shape(data)
    if deepest > _REFUSED:
        raise _refusal(path, data, "too many nested brackets")
    deep = max(deepest, busiest) > _SUSPICIOUS
    try:
        return _with_stack(lambda: _parsed(path, data)) if deep else _parsed(path, data)
    except (cst.ParserSyntaxError, SyntaxError, UnicodeError, ValueError, LookupError) as error:
        raise _refusal(path, data, _reason(error)) from None
    except RecursionError:
        raise _refusal(path, data, "nested too deep") from None


def _parsed(path: Path, data: bytes) -> Source:
    tree = cst.parse_module(data)
    facts, nodes = lower(tree)
    return Source(path, facts, tree, nodes)


def _reason(error: Exception) -> str:
    if isinstance(error, cst.ParserSyntaxError):
        return error.message.removeprefix("parser error: ")
    return str(error)


def _refusal(path: Path, data: bytes, reason: str) -> Unreadable:
    """The error with the place and the reason that CPython gives; with LibCST's reason where CPython takes the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data, str(path))
    except SyntaxError as error:
        return Unreadable(path, max(1, error.lineno or 1), max(1, error.offset or 1), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return Unreadable(path, 1, 1, str(error) or reason)
    return Unreadable(path, 1, 1, reason)


def _shape(data: bytes) -> tuple[int, int]:
    """How deep brackets nest at most, and how many operators the busiest statement may have, strings and comments included."""
    depth = deepest = busiest = 0
    for line in data.split(b"\n"):
        operators = len(_OPERATORS.findall(line)) if len(line) > _SUSPICIOUS else 0
        busiest = max(busiest, operators)
        if operators > _REFUSED:
            deepest = max(deepest, len(_LAMBDAS.findall(line)))
        opened = line.count(b"(") + line.count(b"[") + line.count(b"{")
        closed = line.count(b")") + line.count(b"]") + line.count(b"}")
        deepest = max(deepest, depth + opened)
        depth = max(0, depth + opened - closed)
    return deepest, busiest


def _with_stack(work: Callable[[], T]) -> T:
    """Runs something in a thread with a big stack, and gives its result or its error."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            errors.append(error)

    size, limit = threading.stack_size(_STACK), sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 60_000))
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
