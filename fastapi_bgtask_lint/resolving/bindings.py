"""What gives a name its value: one binding for each place that binds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from fastapi_bgtask_lint.reading.facts import (
    ClassDef,
    Collection,
    DeferredDefinition,
    ExceptHandler,
    Expression,
    FunctionDef,
    Import,
    ImportedName,
    ImportFrom,
    Name,
    Parameter,
    Starred,
    With,
)

Path: TypeAlias = tuple[int, ...]
"""How to reach a name in an unpacked value: indices from the outside in; -1 stands for a starred rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """By a parameter."""

    parameter: Parameter


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """By an assignment of `value`; the annotation counts where the value says nothing."""

    at: int
    value: Expression | None
    path: Path = ()
    annotation: Expression | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Iterated:
    """By a `for` or a comprehension over `iterable`."""

    at: int
    iterable: Expression
    path: Path = ()
    is_async: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """By a `with`: what entering `context` gives."""

    at: int
    statement: With
    context_expr: Expression
    path: Path = ()


@dataclass(frozen=True, slots=True, eq=False)
class Defined:
    """By `def` or `class`."""

    definition: FunctionDef | ClassDef | DeferredDefinition

    @property
    def at(self) -> int:
        """The ordinal of the definition."""
        return self.definition.at


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """By an import, of `name` (None for the first part of `import a.b`)."""

    statement: Import | ImportFrom
    name: ImportedName

    @property
    def at(self) -> int:
        """The ordinal of the import."""
        return self.statement.at


@dataclass(frozen=True, slots=True, eq=False)
class Caught:
    """By `except ... as name`."""

    handler: ExceptHandler

    @property
    def at(self) -> int:
        """The ordinal of the handler."""
        return self.handler.at


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """In a way that says nothing of the value: `+=`, `match`, `del`."""

    at: int


Binding: TypeAlias = Bound | Assigned | Iterated | Opened | Defined | Imported | Caught | Changed


def position(binding: Binding) -> int:
    """Where the binding stands in its module."""
    return binding.parameter.at if isinstance(binding, Bound) else binding.at


def targets(target: Expression, path: Path = ()) -> Iterator[tuple[Name, Path]]:
    """The names that a target binds, each with its way into the value."""
    match target:
        case Name():
            yield target, path
        case Starred():
            yield from targets(target.value, (*path, -1))
        case Collection():
            starred = False
            for index, item in enumerate(target.items):
                starred = starred or isinstance(item, Starred)
                yield from targets(item, path if isinstance(item, Starred) else (*path, -2 if starred else index))
        case _:
            return


def imported_as(statement: Import | ImportFrom, name: ImportedName) -> str:
    """The name that an import binds."""
    if name.alias is not None:
        return name.alias
    return name.name if isinstance(statement, ImportFrom) else name.name.partition(".")[0]
