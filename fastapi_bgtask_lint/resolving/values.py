"""What an expression can be: the values that evaluation finds.

An expression has several values when branches merge; `UNKNOWN` among them says that there may be others. Values
compare by content, definitions and contexts in them by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

from fastapi_bgtask_lint.reading.facts import (
    ClassDef,
    Expression,
    Fact,
    FunctionDef,
    Lambda,
    Parameter,
    Subscript,
    With,
)
from fastapi_bgtask_lint.resolving.project import Location, Module

T = TypeVar("T")


class _Composite:
    """What can hold further values. It keeps what is computed from its content: values are put into sets and sorted all
    the time, and nest.
    """

    __slots__ = ("_hash", "_nesting", "_order")


def _hashed_once(cls: type[T]) -> type[T]:
    hash_content = cls.__hash__

    def kept(self: T) -> int:
        try:
            found: int = self._hash  # type: ignore[attr-defined]
        except AttributeError:
            found = hash_content(self)
            object.__setattr__(self, "_hash", found)
        return found

    cls.__hash__ = kept  # type: ignore[method-assign, assignment]
    return cls


class Assumption(NamedTuple):
    """The result of a test of a name, or of an attribute or item of what it is bound to."""

    name: str
    member: str
    """`.attribute` or `['key']`; empty for the object itself."""
    relation: str
    operand: str
    answer: bool

    def about(self, name: str) -> Assumption:
        """The same of another name."""
        return self._replace(name=name)


@dataclass(slots=True, eq=False)
class Context:
    """Where an expression is evaluated: a scope of a module, the contexts around it, and what is known of its
    parameters.

    The evaluator makes one context for each combination, so contexts compare by identity.
    """

    module: Module
    scope: FunctionDef | Lambda | ClassDef | None
    """None for the module itself."""
    parent: Context | None
    arguments: tuple[tuple[str, Values], ...] = ()
    """The values of arguments, by parameter; a parameter that is missing is unknown."""
    assumptions: tuple[Assumption, ...] = ()
    """Tests of parameters whose results are known from the call."""
    values: dict[int, Values] = field(default_factory=dict, repr=False)
    """The values of expressions that have been evaluated here, by ordinal."""
    truths: dict[int, bool | None] = field(default_factory=dict, repr=False)
    """The results of tests that have been decided here, by ordinal."""
    reads: int = field(default=0, repr=False)
    """What has been read to evaluate them: see `Solver.reads`."""
    order: tuple[object, ...] | None = field(default=None, repr=False)
    nesting: int | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"<{self.module.path.name}:{getattr(self.scope, 'name', None)} {dict(self.arguments)}>"

    def argument(self, name: str) -> Values | None:
        """The values of a parameter that a caller gave."""
        return next((values for key, values in self.arguments if key == name), None)


@dataclass(frozen=True, slots=True)
class Site:
    """An expression or statement at its place, with the context to evaluate it in."""

    context: Context
    fact: Fact

    @property
    def module(self) -> Module:
        """The module it stands in."""
        return self.context.module

    @property
    def order(self) -> tuple[str, int]:
        """Sorts like path, line and column."""
        return (str(self.context.module.path), self.fact.at)


# --- where an object comes from ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromCall:
    """By a call in this place."""

    site: Site


@dataclass(frozen=True, slots=True)
class FromWith:
    """Bound by a `with` statement, whose end may end its life."""

    site: Site
    statement: With


@_hashed_once
@dataclass(frozen=True, slots=True)
class Injected(_Composite):
    """By FastAPI: the value of a dependency, `provider` the callable of its `Depends`."""

    context: Context
    parameter: Parameter
    provider: Values


@dataclass(frozen=True, slots=True)
class FromParameter:
    """A parameter of which only the annotation is known."""

    context: Context
    parameter: Parameter


@dataclass(frozen=True, slots=True)
class FromRequestState:
    """Read from `request.state`, where a middleware or dependency keeps it for the request."""

    site: Site


@_hashed_once
@dataclass(frozen=True, slots=True)
class Loaded(_Composite):
    """From a database, through this session."""

    site: Site
    session: ExternalInstance | Instance


Origin: TypeAlias = "FromCall | FromWith | Injected | FromParameter | FromRequestState | Loaded | None"


# --- values -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Literal:
    """None, a bool or a number, by its value."""

    value: bool | int | float | None
    computed: bool = False
    """The result of arithmetic on what is not written as a constant. Nothing more is computed from it: counters would
    never end.
    """


@_hashed_once
@dataclass(frozen=True, slots=True)
class Data(_Composite):
    """A value of a built-in type that can't be called; `text` where a string is known, `items` of collections."""

    type: str
    text: str | None = None
    items: tuple[tuple[str, Values], ...] = ()
    """Key (or index) and values of each item; `*` for those whose key is not known."""
    exact: bool = False
    """The code makes it: it is of this very type, where an annotation may promise too much."""
    complete: bool = False
    """It has these items and no others."""


@_hashed_once
@dataclass(frozen=True, slots=True)
class Function(_Composite):
    """A function of the project or a lambda, with the scope that it was defined in."""

    definition: FunctionDef | Lambda
    module: Module
    parent: Context
    hides_async: bool = False
    """A decorator makes it look like a plain function (`lru_cache`)."""
    manages: bool = False
    """It is a `@contextmanager`."""
    receiver: Values = ()
    """What `self` or `cls` is bound to."""
    holder: Class | None = None
    """The class that it was found in."""
    configured: tuple[str, ...] = ()
    """Decorators on it of which the configuration says what they do, the innermost first."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project."""

    definition: ClassDef
    module: Module
    parent: Context


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an enumeration of the project."""

    cls: Class
    name: str


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module or package of the project."""

    location: Location
    dotted: str


@dataclass(frozen=True, slots=True)
class External:
    """Something of a library or a built-in, by its qualified name."""

    name: str


@_hashed_once
@dataclass(frozen=True, slots=True)
class Instance(_Composite):
    """An object of a class of the project; `arguments` are those of its construction, where known."""

    cls: Class
    arguments: tuple[tuple[str, Values], ...] = ()
    origin: Origin = None


@_hashed_once
@dataclass(frozen=True, slots=True)
class ExternalInstance(_Composite):
    """An object of a library's type, by its qualified name; the result of an unknown function `f` is of type `f()`."""

    type: str
    origin: Origin = None
    entity: Instance | None = None
    """The mapped object that a query asks for, or that its result holds."""


@_hashed_once
@dataclass(frozen=True, slots=True)
class ExternalMethod(_Composite):
    """A method of a library's object."""

    receiver: ExternalInstance
    name: str

    @property
    def qualified(self) -> str:
        """Its qualified name."""
        return f"{self.receiver.type}.{self.name}"


@_hashed_once
@dataclass(frozen=True, slots=True)
class Partial(_Composite):
    """`functools.partial(function, ...)`, by its call."""

    function: Values
    arguments: tuple[CallArgument, ...]
    site: Site


@_hashed_once
@dataclass(frozen=True, slots=True)
class Coroutine(_Composite):
    """A call of an async function of the project that nobody has awaited yet."""

    function: Function
    context: Context
    """The context of the function's body."""


@_hashed_once
@dataclass(frozen=True, slots=True)
class Generator(_Composite):
    """A call of a generator function of the project."""

    function: Function
    context: Context


@_hashed_once
@dataclass(frozen=True, slots=True)
class Awaitable(_Composite):
    """What a library's call returns before it is awaited; by `coroutine` an object that can't be called."""

    result: Values
    coroutine: bool
    site: Site | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """A type with parameters, `base[...]`, by its expression: `Annotated[Session, Depends(get_db)]`."""

    base: str
    """The qualified name of a library's type; empty for a class of the project."""
    cls: Class | None
    expression: Subscript
    context: Context


@_hashed_once
@dataclass(frozen=True, slots=True)
class CallArgument(_Composite):
    """One argument of a call, evaluated: positional, `keyword=`, or unpacked by `*` or `**`."""

    values: Values
    keyword: str | None = None
    star: str = ""
    expression: Expression | None = field(default=None, compare=False)


@_hashed_once
@dataclass(frozen=True, slots=True)
class Super(_Composite):
    """`super()` in a method."""

    cls: Class
    receiver: Values


Value: TypeAlias = (
    Unknown
    | Literal
    | Data
    | Function
    | Class
    | EnumMember
    | ModuleValue
    | External
    | Instance
    | ExternalInstance
    | ExternalMethod
    | Partial
    | Coroutine
    | Generator
    | Awaitable
    | Super
    | Alias
)
Values: TypeAlias = tuple[Value, ...]

UNKNOWN = Unknown()
BOTTOM: Values = ()
"""No value: the expression is not reached, or its value is not computed yet."""
TOP: Values = (UNKNOWN,)
"""Any value."""
NONE = Literal(None)
UNPACKED = "**"
"""Stands among the arguments of an object whose construction unpacks some: any field may be given."""


def known(values: Values) -> bool:
    """There is at least one value and none is unknown."""
    return bool(values) and UNKNOWN not in values
