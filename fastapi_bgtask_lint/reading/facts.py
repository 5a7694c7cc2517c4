"""What a module says, as plain data: the facts that every later room works on.

Facts are frozen and serialisable. They keep what bears on background tasks and drop the rest: no comments, no
whitespace, no positions. `at` is the ordinal of a node in its module: it grows in the order of the source, so two facts
compare by it as by line and column, and `reading.source.Source.place` turns it into a place for the few that are
reported.
Facts compare by identity: the same text at two places is two facts.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

_BITS = 24


def first_ordinal(chunk: int) -> int:
    """The ordinal that the facts of a module's n-th chunk begin with: there is room for as many as it has."""
    return chunk << _BITS


def chunk_of(at: int) -> int:
    """Which chunk of its module a fact belongs to."""
    return at >> _BITS


class Fact(msgspec.Struct, frozen=True, eq=False, tag=True, array_like=True):
    """A node of a module."""

    at: int
    """The ordinal of the node's first token in the module, unique, in the order of the source."""


# --- expressions ------------------------------------------------------------------------------------------------------


class Name(Fact, frozen=True, eq=False, tag=True):
    """A name that is read, or bound where it stands as a target."""

    id: str


class Attribute(Fact, frozen=True, eq=False, tag=True):
    """`value.attr`"""

    value: Expression
    attr: str


class Argument(msgspec.Struct, frozen=True, eq=False):
    """One argument of a call: `value`, `keyword=value`, `*value` or `**value`."""

    value: Expression
    keyword: str | None = None
    star: str = ""


class Call(Fact, frozen=True, eq=False, tag=True):
    """`function(arguments)`; the bases and keywords of a class are not one."""

    function: Expression
    arguments: tuple[Argument, ...] = ()


class Await(Fact, frozen=True, eq=False, tag=True):
    """`await value`"""

    value: Expression


class Yield(Fact, frozen=True, eq=False, tag=True):
    """`yield value` or `yield from value`"""

    value: Expression | None = None
    delegates: bool = False


class Constant(Fact, frozen=True, eq=False, tag=True):
    """A literal. Strings that stand side by side are joined; a number too long to be read is None in `value`, kind
    int.
    """

    kind: str
    """`none`, `bool`, `int`, `float`, `complex`, `str`, `bytes` or `ellipsis`"""
    value: bool | int | float | str | None = None
    """The value of none, bool, int, float and str; None for the other kinds."""


class FString(Fact, frozen=True, eq=False, tag=True):
    """An f-string or t-string."""

    values: tuple[Expression, ...] = ()
    """The expressions in it, those in format specifiers too."""
    parts: tuple[str | None, ...] = ()
    """Its texts, and None for each value; empty where a value has a conversion or format specifier."""


class Collection(Fact, frozen=True, eq=False, tag=True):
    """A literal `tuple`, `list` or `set`."""

    kind: str
    items: tuple[Expression, ...] = ()


class Mapping(Fact, frozen=True, eq=False, tag=True):
    """A literal dict; the key of `**value` is None."""

    items: tuple[tuple[Expression | None, Expression], ...] = ()


class Starred(Fact, frozen=True, eq=False, tag=True):
    """`*value` in a collection or a target."""

    value: Expression


class BoolOp(Fact, frozen=True, eq=False, tag=True):
    """`a or b or c`, `a and b and c`: chains of the same operator are one."""

    operator: str
    """`and` or `or`"""
    values: tuple[Expression, ...] = ()


class Conditional(Fact, frozen=True, eq=False, tag=True):
    """`body if test else orelse`"""

    test: Expression
    body: Expression
    orelse: Expression


class Operation(Fact, frozen=True, eq=False, tag=True):
    """Arithmetic, comparison or a unary operator; `a / b / c` is one, flattened to the left."""

    operator: str
    """As written: `+`, `/`, `not`, `is not`, `in` ...; of a chain of different comparisons the first."""
    operands: tuple[Expression, ...] = ()


class Subscript(Fact, frozen=True, eq=False, tag=True):
    """`value[indices]`; a slice is Opaque."""

    value: Expression
    indices: tuple[Expression, ...] = ()


class NamedExpr(Fact, frozen=True, eq=False, tag=True):
    """`name := value`"""

    target: Name
    value: Expression


class Clause(msgspec.Struct, frozen=True, eq=False):
    """`for target in iterable if condition ...` in a comprehension."""

    target: Expression
    iterable: Expression
    conditions: tuple[Expression, ...] = ()
    is_async: bool = False


class Comprehension(Fact, frozen=True, eq=False, tag=True):
    """A `list`, `set`, `dict` or `generator` comprehension; a dict's element is a tuple of key and value."""

    kind: str
    element: Expression
    clauses: tuple[Clause, ...] = ()


class ClassPattern(Fact, frozen=True, eq=False, tag=True):
    """`case cls():`, a pattern that takes every object of a class."""

    cls: Expression


class Lambda(Fact, frozen=True, eq=False, tag=True):
    """`lambda parameters: body`"""

    end: int
    """The ordinal of the last node inside."""
    parameters: tuple[Parameter, ...]
    body: Expression


class Opaque(Fact, frozen=True, eq=False, tag=True):
    """An expression of which nothing is known: a slice, or one nested deeper than anybody reads."""


# --- definitions ------------------------------------------------------------------------------------------------------


class ParameterKind(enum.StrEnum):
    """How a parameter takes its argument."""

    POSITIONAL_ONLY = "positional-only"
    POSITIONAL = "positional"
    VAR_POSITIONAL = "*"
    KEYWORD_ONLY = "keyword-only"
    VAR_KEYWORD = "**"


class Parameter(Fact, frozen=True, eq=False, tag=True):
    """A parameter of a function or a lambda, in the order of the source."""

    name: str
    kind: ParameterKind
    annotation: Expression | None = None
    default: Expression | None = None


class FunctionDef(Fact, frozen=True, eq=False, tag=True):
    """`def` or `async def`, in any scope. `at` is the ordinal of the `def`, decorators come before it."""

    end: int
    """The ordinal of the last node inside."""
    name: str
    is_async: bool
    is_generator: bool
    """A `yield` stands in its own body, outside nested functions."""
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    decorators: tuple[Expression, ...]
    body: tuple[Statement, ...]

    def __repr__(self) -> str:
        return f"<def {self.name}>"


class ClassDef(Fact, frozen=True, eq=False, tag=True):
    """`class name(bases, keywords)`"""

    end: int
    """An ordinal that no node inside goes beyond."""
    name: str
    bases: tuple[Expression, ...]
    keywords: tuple[Argument, ...]
    decorators: tuple[Expression, ...]
    body: tuple[Statement, ...]

    def __repr__(self) -> str:
        return f"<class {self.name}>"


# --- statements -------------------------------------------------------------------------------------------------------


class ImportedName(msgspec.Struct, frozen=True, eq=False):
    """`name as alias`; a name of `import` is dotted."""

    name: str
    alias: str | None = None


class Import(Fact, frozen=True, eq=False, tag=True):
    """`import a.b as c, d`"""

    names: tuple[ImportedName, ...]


class ImportFrom(Fact, frozen=True, eq=False, tag=True):
    """`from ..module import name as alias`; `*` is a name."""

    level: int
    """How many dots lead."""
    module: str
    """Dotted; empty for `from . import x`."""
    names: tuple[ImportedName, ...]


class Assign(Fact, frozen=True, eq=False, tag=True):
    """`a = b = value`, `a: annotation = value`, `a += value` (operator `+`), `type A = value` (operator `type`)."""

    targets: tuple[Expression, ...]
    value: Expression | None = None
    annotation: Expression | None = None
    operator: str = ""


class ExprStmt(Fact, frozen=True, eq=False, tag=True):
    """An expression as a statement."""

    value: Expression


class Return(Fact, frozen=True, eq=False, tag=True):
    """`return value`"""

    value: Expression | None = None


class Raise(Fact, frozen=True, eq=False, tag=True):
    """`raise exception from cause`; a bare one has no exception."""

    exception: Expression | None = None
    cause: Expression | None = None


class Branch(msgspec.Struct, frozen=True, eq=False):
    """The test and the body of one `if` or `elif`."""

    test: Expression
    body: tuple[Statement, ...]


class If(Fact, frozen=True, eq=False, tag=True):
    """`if` with all its `elif`."""

    branches: tuple[Branch, ...]
    orelse: tuple[Statement, ...] = ()


class While(Fact, frozen=True, eq=False, tag=True):
    """`while test: body else: orelse`"""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


class For(Fact, frozen=True, eq=False, tag=True):
    """`for target in iterable: body else: orelse`"""

    target: Expression
    iterable: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()
    is_async: bool = False


class WithItem(msgspec.Struct, frozen=True, eq=False):
    """`context as target`"""

    context_expr: Expression
    target: Expression | None = None


class With(Fact, frozen=True, eq=False, tag=True):
    """`with items: body`"""

    items: tuple[WithItem, ...]
    body: tuple[Statement, ...]
    is_async: bool = False


class ExceptHandler(Fact, frozen=True, eq=False, tag=True):
    """`except catches as name: body`; a bare one catches everything."""

    catches: Expression | None
    name: str | None
    body: tuple[Statement, ...]


class Try(Fact, frozen=True, eq=False, tag=True):
    """`try`, its handlers (also `except*`), `else` and `finally`."""

    body: tuple[Statement, ...]
    handlers: tuple[ExceptHandler, ...] = ()
    orelse: tuple[Statement, ...] = ()
    final: tuple[Statement, ...] = ()


class Case(msgspec.Struct, frozen=True, eq=False):
    """One `case`: the names it binds, whether it takes everything, its guard, its body and its pattern."""

    names: tuple[Name, ...]
    irrefutable: bool
    guard: Expression | None
    body: tuple[Statement, ...]
    pattern: Expression | None = None
    """A value that the subject equals, a ClassPattern, or several of these as a BoolOp; None for a pattern that looks
    into its subject."""


class Match(Fact, frozen=True, eq=False, tag=True):
    """`match subject: cases`"""

    subject: Expression
    cases: tuple[Case, ...]


class Delete(Fact, frozen=True, eq=False, tag=True):
    """`del targets`"""

    targets: tuple[Expression, ...]


class Assert(Fact, frozen=True, eq=False, tag=True):
    """`assert test, message`"""

    test: Expression
    message: Expression | None = None


class GlobalDecl(Fact, frozen=True, eq=False, tag=True):
    """`global names` or `nonlocal names`"""

    kind: str
    names: tuple[str, ...]


class Break(Fact, frozen=True, eq=False, tag=True):
    """`break`"""


class Continue(Fact, frozen=True, eq=False, tag=True):
    """`continue`"""


class Pass(Fact, frozen=True, eq=False, tag=True):
    """`pass`, and a statement that LibCST knows and this tool does not."""


Expression: TypeAlias = (
    Name
    | Attribute
    | Call
    | Await
    | Yield
    | Constant
    | FString
    | Collection
    | Mapping
    | Starred
    | BoolOp
    | Conditional
    | Operation
    | Subscript
    | NamedExpr
    | Comprehension
    | Lambda
    | ClassPattern
    | Opaque
)


class DeferredDefinition(Fact, frozen=True, eq=False, tag=True):
    """A `def` or `class` in the body of a module or class, which is read when somebody asks for it."""

    name: str


Statement: TypeAlias = (
    FunctionDef
    | ClassDef
    | DeferredDefinition
    | Import
    | ImportFrom
    | Assign
    | ExprStmt
    | Return
    | Raise
    | If
    | While
    | For
    | With
    | Try
    | Match
    | Delete
    | Assert
    | GlobalDecl
    | Break
    | Continue
    | Pass
)


class ModuleFacts(msgspec.Struct, frozen=True, eq=False):
    """A whole module."""

    body: tuple[Statement, ...]
