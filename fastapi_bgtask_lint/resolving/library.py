"""Calls of libraries and built-ins, as far as the table of libraries and Python itself tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import Call, ClassDef, FunctionDef
from fastapi_bgtask_lint.resolving import limits
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    NONE,
    TOP,
    UNKNOWN,
    Awaitable,
    CallArgument,
    Class,
    Context,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    FromWith,
    Function,
    Instance,
    Literal,
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
_EXACT = frozenset({"str", "int", "float", "bool", "bytes", "dict", "list", "set", "tuple", "frozenset"})
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
_TIMEDELTA = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
"""The parameters of `datetime.timedelta`, in order."""


class Library:
    """Works out calls of what is outside the project."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, name: str, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        """What calling a library's function or class gives."""
        if name.startswith("builtins."):
            builtin = self._builtin(name.removeprefix("builtins."), arguments, site)
            if builtin is not None:
                return builtin
        if name in _SAME:
            return arguments[0].values if arguments else TOP
        if name in ("typing.cast", "typing_extensions.cast"):
            return self._evaluator.annotations.instances(arguments[0].values, None) if arguments else TOP
        row = self._evaluator.table.row(name)
        if row is not None and row.decorator == "binds" and arguments and site is not None:
            return (Partial(arguments[0].values, tuple(arguments[1:]), site),)
        if row is not None and row.wraps:
            return (ExternalInstance(f"{self._evaluator.table.canonical(name)}()", _made(site)),)
        if row is not None and row.runs:
            return self._run(row, arguments, site)
        if name.endswith(("sessionmaker", "create_session")) and name.startswith(("sqlalchemy", "sqlmodel")):
            return (ExternalInstance(self._maker(name, arguments), _made(site)),)
        return self._result(name, row, None, arguments, site)

    def _result(
        self,
        name: str,
        row: Row | None,
        receiver: ExternalInstance | None,
        arguments: Sequence[CallArgument],
        site: Site | None,
    ) -> Values:
        origin = _made(site)
        if row is not None and row.returns and row.returns.startswith("builtins."):
            made: Values = (_of_built_in(row.returns.removeprefix("builtins.")),)
        elif row is not None and row.returns:
            made = (ExternalInstance(self._evaluator.table.canonical(row.returns), origin),)
        elif self._is_class(name):
            made = (ExternalInstance(self._evaluator.table.canonical(name), origin),)
        elif name.count("()") < limits.UNKNOWN_CALLS:
            made = (ExternalInstance(f"{name}()", origin),)
        else:
            made = TOP
        if row is not None and row.entity is not None:
            made = self._evaluator.entities.result(row, receiver, arguments, made, site)
        if row is not None and row.awaitable != "no":
            return (Awaitable(made, row.awaitable == "coroutine", site),)
        return made

    def _is_class(self, name: str) -> bool:
        last = name.rpartition(".")[2]
        return self._evaluator.table.type(name) is not None or (last[:1].isupper() and not last.isupper())

    def _maker(self, name: str, arguments: Sequence[CallArgument]) -> str:
        """A session factory by the class of session that it is told to make."""
        for argument in arguments:
            if argument.keyword == "class_":
                for value in argument.values:
                    if isinstance(value, External) and value.name.endswith("AsyncSession"):
                        return "sqlalchemy.ext.asyncio.async_sessionmaker"
        return self._evaluator.table.canonical(name)

    def call_method(self, method: ExternalMethod, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        """What calling a method of a library's object gives."""
        if method.qualified == "datetime.timedelta.total_seconds":
            return self._seconds(method.receiver)
        row = self._evaluator.table.method(method.receiver.type, method.name)
        if row is not None and row.runs:
            return self._run(row, arguments, site)
        if row is None and method.name in ("__iter__", "__getitem__", "__aiter__"):
            return TOP
        return self._result(method.qualified, row, method.receiver, arguments, site)

    def _seconds(self, delta: ExternalInstance) -> Values:
        """`timedelta(minutes=5).total_seconds()`."""
        call = delta.origin.site.fact if isinstance(delta.origin, FromCall) else None
        if not isinstance(delta.origin, FromCall) or not isinstance(call, Call):
            return (Data("float"),)
        units: dict[str, float] = {}
        arguments = self._evaluator.calls.evaluated_arguments(call, delta.origin.site.context)
        for argument, position in zip(arguments, _TIMEDELTA, strict=False):
            value = argument.values[0] if len(argument.values) == 1 else None
            if not isinstance(value, Literal) or not isinstance(value.value, int | float) or argument.star:
                return (Data("float"),)
            units[argument.keyword or position] = value.value
        try:
            return (Literal(timedelta(**units).total_seconds()),)
        except (TypeError, OverflowError):
            return (Data("float"),)

    def call_instance(self, value: ExternalInstance, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        """What calling a library's object gives: a session of a factory, a function of a decorator factory."""
        if (
            self.wrapped(value) is None
            and value.type.endswith("()")
            and arguments
            and any(isinstance(v, Function | Partial) for v in arguments[0].values)
        ):
            return self.decorated(value, arguments[0].values)
        row = self._evaluator.table.method(value.type, "__call__")
        if row is None or not row.returns:
            return self._call_wrapped(value, arguments, site)
        return self._result(f"{value.type}.__call__", row, value, arguments, site)

    def wrapped(self, value: ExternalInstance) -> tuple[Row, Values] | None:
        """The row and the callables of an object that runs what it was made of (`sync_to_async(f)`)."""
        row = self._evaluator.table.row(value.type.removesuffix("()")) if value.type.endswith("()") else None
        if row is None or not row.wraps or not isinstance(value.origin, FromCall):
            return None
        site = value.origin.site
        if not isinstance(site.fact, Call):
            return None
        target, _ = offloaded_callable(row, self._evaluator.calls.evaluated_arguments(site.fact, site.context))
        return None if target is None else (row, target.values)

    def _call_wrapped(self, value: ExternalInstance, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        found = self.wrapped(value)
        if found is None:
            return TOP
        row, functions = found
        result = self._evaluator.awaited(self._evaluator.calls.call(functions, arguments, site))
        return result if row.runs == "new-loop" else (Awaitable(result, True, site),)

    def _run(self, row: Row, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        """What a runner gives back: the value of what it runs."""
        result = self.ran(row, arguments, site)
        if row.awaitable == "no" and row.returns:
            return (ExternalInstance(row.returns, _made(site)),)
        if row.awaitable == "no" and row.runs not in ("await", "loop"):
            return result
        return (Awaitable(result, row.awaitable == "coroutine", site),)

    def ran(self, row: Row, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        """The value of the callable or coroutine that a runner runs."""
        target, rest = offloaded_callable(row, arguments)
        if target is None:
            return TOP
        if row.runs in ("await", "loop", "new-loop"):
            return self._evaluator.awaited(target.values)
        return self._evaluator.calls.call(target.values, rest, site)

    def _builtin(self, name: str, arguments: Sequence[CallArgument], site: Site | None) -> Values | None:
        if name == "super":
            return self._super(site)
        if name in _DATA:
            if name == "dict" and all(argument.keyword and not argument.star for argument in arguments):
                given = tuple((str(argument.keyword), argument.values) for argument in arguments)
                return (Data(name, items=given, exact=True, complete=True),)
            items = (
                self._evaluator.items(arguments[0].values) if name in ("list", "tuple", "set") and arguments else BOTTOM
            )
            return (Data(name, items=(("*", items),) if items else (), exact=name in _EXACT),)
        if name in ("next", "anext") and arguments:
            return self._evaluator.items(arguments[0].values)
        if name in ("iter", "aiter") and arguments:
            return arguments[0].values
        if name == "type" and len(arguments) == 1:
            return tuple(v.cls if isinstance(v, Instance) else UNKNOWN for v in arguments[0].values)
        if name in _NOTHING_BACK:
            return (NONE,)
        if name == "getattr" and len(arguments) > 1:
            texts = [v.text for v in arguments[1].values if isinstance(v, Data) and v.text]
            return self._evaluator.attributes(arguments[0].values, texts[0]) if len(texts) == 1 else TOP
        return None

    def _super(self, site: Site | None) -> Values:
        context: Context | None = site.context if site is not None else None
        while context is not None and not (context.parent is not None and isinstance(context.parent.scope, ClassDef)):
            context = context.parent
        if context is None or context.parent is None or context.parent.parent is None:
            return TOP
        assert isinstance(context.parent.scope, ClassDef)
        cls = Class(context.parent.scope, context.module, context.parent.parent)
        receiver: Values = (Instance(cls),)
        if isinstance(context.scope, FunctionDef) and context.scope.parameters:
            receiver = context.argument(context.scope.parameters[0].name) or receiver
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
        return TOP

    # --- context managers ---------------------------------------------------------------------------------------------

    def entered(self, value: ExternalInstance, origin: FromWith) -> Values:
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


def offloaded_callable(
    row: Row, arguments: Sequence[CallArgument]
) -> tuple[CallArgument | None, tuple[CallArgument, ...]]:
    """What a runner runs, and the arguments that it passes on."""
    where = row.runs_argument
    if isinstance(where, str) and where != "*":
        found = next((g for g in arguments if g.keyword == where), None)
        return found, ()
    index = 0 if where in (None, "*") else int(where)
    positional = [g for g in arguments if g.keyword is None]
    if index >= len(positional):
        return None, ()
    keywords = tuple(g for g in arguments if g.keyword is not None)
    return positional[index], (*positional[index + 1 :], *keywords)


def _of_built_in(name: str) -> Value:
    return NONE if name == "None" else Data(name)


def _made(site: Site | None) -> FromCall | None:
    return None if site is None else FromCall(site)
