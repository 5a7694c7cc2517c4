"""A module that has been read: its facts, and where they stand in the text. LibCST is needed for neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from fastapi_bgtask_lint.findings import Place
from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack
from fastapi_bgtask_lint.reading.facts import (
    ClassDef,
    DeferredDefinition,
    FunctionDef,
    ModuleFacts,
    Statement,
    chunk_of,
)
from fastapi_bgtask_lint.reading.outline import Outline
from fastapi_bgtask_lint.reading.text_scan import assigned_attributes, declared_globals
from fastapi_bgtask_lint.reading.traversal import blocks
from fastapi_bgtask_lint.reading.unreadable import Unreadable

if TYPE_CHECKING:
    from fastapi_bgtask_lint.reading.layout import Layout

Block: TypeAlias = tuple[Statement, ...]
Fits: TypeAlias = Callable[[str], object]
"""Tells whether what is looked for stands in a text: the `search` of a pattern, for one."""


class Reader(Protocol):
    """Reads definitions of a module, by the numbers of their chunks. Raises Unreadable."""

    def definition(self, number: int) -> Block:
        """The whole of it; of a class, the definitions in it are not read."""

    def head(self, number: int) -> Block:
        """It without its body."""


class Parts(msgspec.Struct, frozen=True, array_like=True):
    """The definitions that have been read so far, by the numbers of their chunks."""

    definitions: dict[int, Block] = msgspec.field(default_factory=dict)
    heads: dict[int, Block] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.definitions) + len(self.heads)


@dataclass(frozen=True, eq=False)
class Source:
    """A module whose text is at hand. Its definitions are read when they are asked for."""

    path: Path
    skeleton: Block
    """The body, with definitions that need not have been read; it stays as it is when they are."""
    outline: Outline | None = field(repr=False)
    """None when LibCST parsed the module as a whole: then all of it has been read."""
    data: bytes = field(default=b"", repr=False)
    """The text in UTF-8, where there is no outline."""
    reader: Reader | None = field(default=None, repr=False)
    parts: Parts = field(default_factory=Parts, repr=False)
    refused: list[Unreadable] = field(default_factory=list, repr=False)
    """Why definitions could not be read that CPython takes and LibCST does not."""
    _places: dict[int, Place] = field(default_factory=dict, repr=False)
    _assigned: dict[int, frozenset[str]] = field(default_factory=dict, repr=False)

    # --- facts --------------------------------------------------------------------------------------------------------

    @cached_property
    def facts(self) -> ModuleFacts:
        """What the module says; the definitions in its classes need not have been read."""
        body: list[Statement] = []
        for statement in self.skeleton:
            body += self.definition(statement) if isinstance(statement, DeferredDefinition) else (statement,)
        return ModuleFacts(tuple(body))

    def definition(self, deferred: DeferredDefinition) -> Block:
        """A definition, read now if it has not been; nothing when it can't be."""
        number = chunk_of(deferred.at)
        known = self.parts.definitions
        if number not in known and self.reader is not None:
            known[number] = self._tried(self.reader.definition, number)
        return known.get(number, ())

    def head(self, deferred: DeferredDefinition) -> Block:
        """A definition without its body: decorators, parameters, bases. The facts are not those of `definition`."""
        number = chunk_of(deferred.at)
        known = self.parts.heads
        if number not in known and self.reader is not None:
            known[number] = self._tried(self.reader.head, number)
        return known.get(number, ())

    def _tried(self, read: Callable[[int], Block], number: int) -> Block:
        try:
            return read(number)
        except Unreadable as error:
            self.refused.append(error)
            return ()

    # --- text ---------------------------------------------------------------------------------------------------------

    def assigned(self, deferred: DeferredDefinition) -> frozenset[str]:
        """The attributes of something that may be assigned to in a definition, by its text."""
        number = chunk_of(deferred.at)
        if number not in self._assigned and self.outline is not None:
            self._assigned[number] = assigned_attributes(self.outline.whole(number))
        return self._assigned.get(number, frozenset())

    def declared_globals(self, statement: Statement) -> frozenset[str] | None:
        """The names that may be declared `global` in a statement of a module or class; None when that is not known."""
        return None if self.outline is None else declared_globals(self.outline.whole(chunk_of(statement.at)))

    def says(self, statement: Statement, fits: Fits) -> bool:
        """Whether something fits the text of a statement of a module or class, of all that is in it too."""
        return self.outline is None or bool(fits(self.outline.whole(chunk_of(statement.at))))

    def head_says(self, statement: Statement, fits: Fits) -> bool:
        """The same of the head, if it is a definition."""
        return self.outline is None or bool(fits(self.outline.head(chunk_of(statement.at))))

    def round_says(self, inner: Statement, fits: Fits) -> bool:
        """The same of the definition that a statement of a function is read with."""
        return self.outline is None or bool(fits(self.outline.whole(self.outline.definition(chunk_of(inner.at)))))

    # --- places -------------------------------------------------------------------------------------------------------

    def place(self, at: int) -> Place:
        """Where a fact stands: the whole of an expression or simple statement, the head of a compound one.

        It is the file's first column where the interpreter does not bear to look for it: beyond some thousand levels.
        """
        if at not in self._places:
            self._places[at] = on_deep_stack(partial(self._place, at))
        return self._places[at]

    @cached_property
    def _layout(self) -> Layout:
        from fastapi_bgtask_lint.reading.layout import Layout  # and LibCST with it, only when something is reported

        return Layout(self.outline, self.data)

    def _place(self, at: int) -> Place:
        try:
            stretch = self._layout.stretch(at)
            if stretch is None:
                return Place(self.path, 1, 1, 1, 1)
            start, end = stretch
            return Place(self.path, start.line, start.column + 1, end.line, end.column + 1, self._scopes(at))
        except RecursionError:
            return Place(self.path, 1, 1, 1, 1)

    def _scopes(self, at: int) -> tuple[int, ...]:
        lines: set[int] = set()
        for function in self._functions_round(at):
            lines |= self._layout.heads(function.at)
        return tuple(sorted(lines))

    def _functions_round(self, at: int) -> Iterator[FunctionDef]:
        number = 0 if self.outline is None else self.outline.definition(chunk_of(at))
        stack: list[Statement] = list(self.parts.definitions.get(number, self.skeleton))
        while stack:
            statement = stack.pop()
            if isinstance(statement, FunctionDef):
                first = min([statement.at, *(decorator.at for decorator in statement.decorators)])
                if first <= at <= statement.end:
                    yield statement
            if isinstance(statement, FunctionDef | ClassDef):
                stack.extend(statement.body)
            stack.extend(child for block in blocks(statement) for child in block)
