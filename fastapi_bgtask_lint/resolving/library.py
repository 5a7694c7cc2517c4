"""Calls of libraries and built-ins, as far as the table of libraries and Python itself tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import Call, ClassDef, FunctionDef
from fastapi_bgtask_lint.resolving.values import (
    ANYTHING,
    NONE,
    NOTHING,
    UNKNOWN,
    Awaitable,
    Class,
    Data,
    Entered,
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Given,
    Instance,
    Made,
    Partial,
    Site,
    Super,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.knowledge import Row
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_DATA = frozenset(
    {
        "str", "int", "float", "bool", "bytes", "bytearray", "complex", "dict", "list", "set", "tuple", "frozenset",
        "len", "sum", "min", "max", "round", "abs", "repr", "format", "isinstance", "issubclass", "hasattr", "callable",
        "any", "all", "id", "hash", "ord", "chr", "hex", "range", "enumerate", "zip", "reversed",
    }
)  # fmt: skip
_NOTHING_BACK = frozenset({"print", "setattr", "delattr"})
_SAME = frozenset({"contextlib.closing", "contextlib.aclosing", "copy.copy", "copy.deepcopy", "inspect.unwrap"})
_IDENTITY = frozenset(
    {
        "builtins.staticmethod", "builtins.classmethod", "builtins.property", "functools.cached_property",
        "abc.abstractmethod", "abc.abstractproperty", "typing.overload", "typing.final", "typing.override",
        "typing_extensions.override", "typing.no_type_check", "typing_extensions.deprecated", "warnings.deprecated",
        "functools.wraps", "functools.total_ordering",
    }
)  # fmt: skip
_FRAMEWORK = ("fastapi.", "starlette.")


class Library:
    """Works out calls of what is outside the project."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, name: str, given: Sequence[Given], site: Site | None) -> Values:
        """What calling a library's function or class gives."""
        if name.startswith("builtins."):
            builtin = self._builtin(name.removeprefix("builtins."), given, site)
            if builtin is not None:
                return builtin
        if name in _SAME:
            return given[0].values if given else ANYTHING
        if name in ("typing.cast", "typing_extensions.cast"):
            return self._evaluator.annotations.instances(given[0].values, None) if given else ANYTHING
        row = self._evaluator.table.row(name)
        if row is not None and row.decorator == "binds" and given and site is not None:
            return (Partial(given[0].values, tuple(given[1:]), site),)
        if row is not None and row.wraps:
            return (ExternalInstance(f"{self._evaluator.table.canonical(name)}()", _made(site)),)
        if row is not None and row.runs:
            return self._run(row, given, site)
        if name.endswith(("sessionmaker", "create_session")) and name.startswith(("sqlalchemy", "sqlmodel")):
            return (ExternalInstance(self._maker(name, given), _made(site)),)
        return self._result(name, row, None, given, site)

    def _result(
        self, name: str, row: Row | None, receiver: ExternalInstance | None, given: Sequence[Given], site: Site | None
    ) -> Values:
        origin = _made(site)
        if row is not None and row.returns and row.returns.startswith("builtins."):
            made: Values = (_of_built_in(row.returns.removeprefix("builtins.")),)
        elif row is not None and row.returns:
            made = (ExternalInstance(self._evaluator.table.canonical(row.returns), origin),)
        elif self._is_class(name):
            made = (ExternalInstance(self._evaluator.table.canonical(name), origin),)
        else:
            made = (ExternalInstance(f"{name}()", origin),)
        if row is not None and row.entity is not None:
            made = self._evaluator.entities.result(row, receiver, given, made, site)
        if row is not None and row.awaitable != "no":
            return (Awaitable(made, row.awaitable == "coroutine", site),)
        return made

    def _is_class(self, name: str) -> bool:
        last = name.rpartition(".")[2]
        return self._evaluator.table.type(name) is not None or (last[:1].isupper() and not last.isupper())

    def _maker(self, name: str, given: Sequence[Given]) -> str:
        """A session factory by the class of session that it is told to make."""
        for argument in given:
            if argument.keyword == "class_":
                for value in argument.values:
                    if isinstance(value, External) and value.name.endswith("AsyncSession"):
                        return "sqlalchemy.ext.asyncio.async_sessionmaker"
        return self._evaluator.table.canonical(name)

    def call_method(self, method: ExternalMethod, given: Sequence[Given], site: Site | None) -> Values:
        """What calling a method of a library's object gives."""
        row = self._evaluator.table.method(method.receiver.type, method.name)
        if row is not None and row.runs:
            return self._run(row, given, site)
        if row is None and method.name in ("__iter__", "__getitem__", "__aiter__"):
            return ANYTHING
        return self._result(method.qualified, row, method.receiver, given, site)

    def call_instance(self, value: ExternalInstance, given: Sequence[Given], site: Site | None) -> Values:
        """What calling a library's object gives: a session of a factory, a function of a decorator factory."""
        if (
            self.wrapped(value) is None
            and value.type.endswith("()")
            and given
            and any(isinstance(v, Function | Partial) for v in given[0].values)
        ):
            return self.decorated(value, given[0].values)
        row = self._evaluator.table.method(value.type, "__call__")
        if row is None or not row.returns:
            return self._call_wrapped(value, given, site)
        return self._result(f"{value.type}.__call__", row, value, given, site)

    def wrapped(self, value: ExternalInstance) -> tuple[Row, Values] | None:
        """The row and the callables of an object that runs what it was made of (`sync_to_async(f)`)."""
        row = self._evaluator.table.row(value.type.removesuffix("()")) if value.type.endswith("()") else None
        if row is None or not row.wraps or not isinstance(value.origin, Made):
            return None
        site = value.origin.site
        if not isinstance(site.fact, Call):
            return None
        target, _ = handed(row, self._evaluator.calls.given(site.fact, site.frame))
        return None if target is None else (row, target.values)

    def _call_wrapped(self, value: ExternalInstance, given: Sequence[Given], site: Site | None) -> Values:
        found = self.wrapped(value)
        if found is None:
            return ANYTHING
        row, functions = found
        result = self._evaluator.awaited(self._evaluator.calls.call(functions, given, site))
        return result if row.runs == "new-loop" else (Awaitable(result, True, site),)

    def _run(self, row: Row, given: Sequence[Given], site: Site | None) -> Values:
        """What a runner gives back: the value of what it runs."""
        result = self.ran(row, given, site)
        if row.awaitable == "no" and row.returns:
            return (ExternalInstance(row.returns, _made(site)),)
        if row.awaitable == "no" and row.runs not in ("await", "loop"):
            return result
        return (Awaitable(result, row.awaitable == "coroutine", site),)

    def ran(self, row: Row, given: Sequence[Given], site: Site | None) -> Values:
        """The value of the callable or coroutine that a runner runs."""
        target, rest = handed(row, given)
        if target is None:
            return ANYTHING
        if row.runs in ("await", "loop", "new-loop"):
            return self._evaluator.awaited(target.values)
        results = self._evaluator.calls.call(target.values, rest, site)
        return results or ANYTHING

    def _builtin(self, name: str, given: Sequence[Given], site: Site | None) -> Values | None:
        if name == "super":
            return self._super(site)
        if name in _DATA:
            items = self._evaluator.items(given[0].values) if name in ("list", "tuple", "set") and given else NOTHING
            return (Data(name, items=(("*", items),) if items else ()),)
        if name in ("next", "anext") and given:
            return self._evaluator.items(given[0].values)
        if name in ("iter", "aiter") and given:
            return given[0].values
        if name == "type" and len(given) == 1:
            return tuple(v.cls if isinstance(v, Instance) else UNKNOWN for v in given[0].values)
        if name in _NOTHING_BACK:
            return (NONE,)
        if name == "getattr" and len(given) > 1:
            texts = [v.text for v in given[1].values if isinstance(v, Data) and v.text]
            return self._evaluator.attributes(given[0].values, texts[0]) if len(texts) == 1 else ANYTHING
        return None

    def _super(self, site: Site | None) -> Values:
        frame: Frame | None = site.frame if site is not None else None
        while frame is not None and not (frame.parent is not None and isinstance(frame.parent.scope, ClassDef)):
            frame = frame.parent
        if frame is None or frame.parent is None or frame.parent.parent is None:
            return ANYTHING
        assert isinstance(frame.parent.scope, ClassDef)
        cls = Class(frame.parent.scope, frame.module, frame.parent.parent)
        receiver: Values = (Instance(cls),)
        if isinstance(frame.scope, FunctionDef) and frame.scope.parameters:
            receiver = frame.argument(frame.scope.parameters[0].name) or receiver
        return (Super(cls, receiver),)

    # --- decorators ---------------------------------------------------------------------------------------------------

    def decorated(self, decorator: Value, values: Values) -> Values:
        """What a library's decorator makes of a function; unknown when the table does not know the decorator."""
        name = decorator_name(decorator)
        if name in _IDENTITY or name.endswith((".setter", ".getter", ".deleter")):
            return values
        if name.startswith(_FRAMEWORK):
            return values
        row = self._evaluator.table.row(name)
        kind = row.decorator if row is not None else ""
        if kind == "keeps":
            return values
        if kind == "hides":
            return tuple(replace(v, hides_async=True) if isinstance(v, Function) else v for v in values)
        if kind == "context":
            return tuple(replace(v, manages=True) if isinstance(v, Function) else v for v in values)
        return ANYTHING

    # --- context managers ---------------------------------------------------------------------------------------------

    def entered(self, value: ExternalInstance, origin: Entered) -> Values:
        """What `with` binds: what the table says that the call or the type enters, else the object itself."""
        table = self._evaluator.table
        row = table.row(value.type.removesuffix("()")) if value.type.endswith("()") else None
        for name in ("__aenter__", "__enter__"):
            row = row or table.method(value.type, name)
        if row is not None and row.enters:
            return (ExternalInstance(table.canonical(row.enters), origin),)
        if row is not None and row.returns and not value.type.endswith("()"):
            return (ExternalInstance(table.canonical(row.returns), origin),)
        return (replace(value, origin=origin),)


def decorator_name(decorator: Value) -> str:
    """The qualified name of a decorator, `retry` for `retry(...)` too."""
    match decorator:
        case External(name=name):
            return name
        case ExternalInstance(type=name):
            return name.removesuffix("()")
        case ExternalMethod():
            return decorator.qualified.replace("()", "")
        case _:
            return ""


def handed(row: Row, given: Sequence[Given]) -> tuple[Given | None, tuple[Given, ...]]:
    """What a runner runs, and the arguments that it passes on."""
    where = row.runs_argument
    if isinstance(where, str) and where != "*":
        found = next((g for g in given if g.keyword == where), None)
        return found, ()
    index = 0 if where in (None, "*") else int(where)
    positional = [g for g in given if g.keyword is None]
    if index >= len(positional):
        return None, ()
    keywords = tuple(g for g in given if g.keyword is not None)
    return positional[index], (*positional[index + 1 :], *keywords)


def _of_built_in(name: str) -> Value:
    return NONE if name == "None" else Data(name)


def _made(site: Site | None) -> Made | None:
    return None if site is None else Made(site)
