"""A module that has been read: its facts, and where they stand in the text. LibCST is needed for neither."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
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
    Unread,
    statement_of,
)
from fastapi_bgtask_lint.reading.stack import with_stack
from fastapi_bgtask_lint.reading.traversal import blocks

if TYPE_CHECKING:
    from fastapi_bgtask_lint.reading.layout import Layout

T = TypeVar("T")

_GLOBAL = re.compile(r"\bglobal[ \t\\]")


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


def _nothing(number: int) -> tuple[Statement, ...]:
    """Everything has been read."""
    return ()


@dataclass(frozen=True, eq=False)
class Source:
    """A module whose text is at hand. Its definitions are read when they are asked for."""

    path: Path
    sketch: tuple[Statement, ...]
    """The body, with definitions that need not have been read; it stays as it is when they are."""
    _layout: Layout = field(repr=False)
    _read: Callable[[int], tuple[Statement, ...]] = field(default=_nothing, repr=False)
    refused: list[Unreadable] = field(default_factory=list, repr=False)
    """Why definitions could not be read that CPython takes and LibCST does not."""
    _parts: dict[int, tuple[Statement, ...]] = field(default_factory=dict, repr=False)
    _places: dict[int, Place] = field(default_factory=dict, repr=False)

    @cached_property
    def facts(self) -> ModuleFacts:
        """All that the module says."""
        body: list[Statement] = []
        for statement in self.sketch:
            body += self.definition(statement) if isinstance(statement, Unread) else (statement,)
        return ModuleFacts(tuple(body))

    def definition(self, unread: Unread) -> tuple[Statement, ...]:
        """A definition, read now if it has not been; nothing when it can't be."""
        number = statement_of(unread.at)
        if number not in self._parts:
            try:
                self._parts[number] = self._read(number)
            except Unreadable as error:
                self.refused.append(error)
                self._parts[number] = ()
        return self._parts[number]

    def writes(self, unread: Unread, name: str) -> bool:
        """Whether a name stands in the text of a definition, or as a part of another."""
        outline = self._layout.outline
        return outline is None or name in outline.text(statement_of(unread.at))

    def binds_globals(self, unread: Unread) -> bool:
        """Whether a definition can hold a `global` statement."""
        outline = self._layout.outline
        return outline is None or _GLOBAL.search(outline.text(statement_of(unread.at))) is not None

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

    def _scopes(self, at: int) -> tuple[int, ...]:
        lines: set[int] = set()
        for function in self._functions_round(at):
            lines |= self._found(functools.partial(self._layout.heads, function.at)) or set()
        return tuple(sorted(lines))

    def _functions_round(self, at: int) -> Iterator[FunctionDef]:
        stack: list[Statement] = list(self._parts.get(statement_of(at), self.sketch))
        while stack:
            statement = stack.pop()
            if isinstance(statement, FunctionDef):
                first = min([statement.at, *(decorator.at for decorator in statement.decorators)])
                if first <= at <= statement.end:
                    yield statement
            if isinstance(statement, FunctionDef | ClassDef):
                stack.extend(statement.body)
            stack.extend(child for block in blocks(statement) for child in block)
