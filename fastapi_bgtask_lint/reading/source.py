"""A module that has been read: its facts, and where they stand in the text. LibCST is needed for neither."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fastapi_bgtask_lint.findings import Place
from fastapi_bgtask_lint.reading.facts import (
    ClassDef,
    FunctionDef,
    ModuleFacts,
    Statement,
)
from fastapi_bgtask_lint.reading.stack import with_stack
from fastapi_bgtask_lint.reading.traversal import blocks

if TYPE_CHECKING:
    from fastapi_bgtask_lint.reading.layout import Layout

T = TypeVar("T")


class Unreadable(Exception):
    """A file that can't be decoded or parsed, with CPython's place and reason where it refuses the file too.

    Lines and columns count from 1, in code points; both are 1 where the place is not known.
    """

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
    _layout: Layout = field(repr=False)
    _places: dict[int, Place] = field(default_factory=dict, repr=False)

    def place(self, at: int) -> Place:
        """Where a fact stands: the whole of an expression or simple statement, the head of a compound one.

        It is the file's first column where the interpreter does not bear to look for it: beyond some thousand levels.
        """
        if at not in self._places:
            self._places[at] = self._place(at)
        return self._places[at]

    def _place(self, at: int) -> Place:
        stretch = self._found(lambda: self._layout.stretch(at))
        if stretch is None:
            return Place(self.path, 1, 1, 1, 1)
        start, end = stretch
        return Place(self.path, start.line, start.column + 1, end.line, end.column + 1, self._scopes(at))

    def _found(self, look: Callable[[], T]) -> T | None:
        if self._layout.is_plain:
            with suppress(RecursionError):
                return look()
        try:
            return with_stack(look)
        except RecursionError:
            return None

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
                lines |= self._found(functools.partial(self._layout.heads, function.at)) or set()
        return tuple(sorted(lines))
