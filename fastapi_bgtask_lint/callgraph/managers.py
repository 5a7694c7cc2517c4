"""Context managers: what each does for the block of its `with`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.covers import (
    EVERYTHING,
    NO_COVER,
    NOTHING,
    Caught,
    Cover,
    ExceptClause,
    unite,
)
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import Call, Expression, FunctionDef, With
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    Context,
    External,
    ExternalInstance,
    ExternalMethod,
    Function,
    Generator,
    Instance,
    Literal,
    Value,
)

_BY_ARGUMENTS = ("arguments",)
"""In the table: it catches the classes that it is called with."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline that a context manager sets."""

    name: str
    raises: bool


@dataclass(frozen=True, slots=True)
class Managers:
    """Works out what context managers do."""

    evaluator: Evaluator
    by_generator: Callable[[Context], Cover]
    """What happens at the `yield` of a generator function in a context."""

    def cover(self, statement: With, context_expr: Expression, context: Context) -> Cover:
        """What one item of a `with` does for the block."""
        caught, bounds = self._by_configuration(context_expr, context)
        bounds = bounds or self.deadline(context_expr, context) is not None
        for value in self.evaluator.evaluate(context_expr, context):
            inner = self._by_value(value, context_expr, context)
            caught, bounds = unite(caught, inner.caught), bounds or inner.bounds
        return Cover(statement, caught, bounds)

    def _by_configuration(self, context_expr: Expression, context: Context) -> tuple[Caught, bool]:
        """A context manager of the project of which the configuration says what it does."""
        named = context_expr.function if isinstance(context_expr, Call) else context_expr
        names = (self.evaluator.configured(value) for value in self.evaluator.evaluate(named, context))
        cover = configured_cover(self.evaluator, tuple(name for name in names if name is not None))
        return cover.caught, cover.bounds

    def _by_value(self, value: Value, context_expr: Expression, context: Context) -> Cover:
        match value:
            case Generator(function=Function(manages=True)):
                return self.by_generator(value.context)
            case Instance() if self._exit_swallows(value):
                return Cover(None, EVERYTHING)
            case External() | ExternalInstance() | ExternalMethod():
                return Cover(None, self._caught_by_library(value, context_expr, context))
            case _:
                return NO_COVER

    def _exit_swallows(self, value: Instance) -> bool:
        """`__exit__` may return something true."""
        for name in ("__aexit__", "__exit__"):
            for method in self.evaluator.classes.method(value.cls, name, (value,)):
                if not isinstance(method, Function) or not isinstance(method.definition, FunctionDef):
                    return True
                context = self.evaluator.calls.enter(method, (), None)
                returned = self.evaluator.calls.returns(method, context)
                if any(not (isinstance(v, Literal) and not v.value) for v in returned):
                    return True
        return False

    def _caught_by_library(self, value: Value, context_expr: Expression, context: Context) -> Caught:
        """`contextlib.suppress(...)` and its like."""
        row = self._context_row(value)
        if row is None or not row.catches:
            return NOTHING
        if row.catches != _BY_ARGUMENTS or not isinstance(context_expr, Call):
            return EVERYTHING
        arguments = self.evaluator.calls.evaluated_arguments(context_expr, context)
        classes = tuple(value for argument in arguments for value in argument.values)
        return frozenset({(ExceptClause(classes),)})

    def _context_row(self, value: Value) -> Row | None:
        match value:
            case External(name=name) | ExternalInstance(type=name):
                return self.evaluator.table.row(name.removesuffix("()"))
            case ExternalMethod():
                return self.evaluator.table.row(value.qualified.removesuffix("()"))
            case _:
                return None

    def deadline(self, context_expr: Expression, context: Context) -> Deadline | None:
        """The deadline that a context manager sets; none when its seconds may be None."""
        if not isinstance(context_expr, Call):
            return None
        callees = [(v, self._context_row(v)) for v in self.evaluator.evaluate(context_expr.function, context)]
        found = [(value, row) for value, row in callees if row is not None and row.deadline is not None]
        if not found:
            return None
        arguments = self.evaluator.calls.evaluated_arguments(context_expr, context)
        for callee, row in found:
            if sets_deadline(row, arguments):
                name = callee.name if isinstance(callee, External) else "a deadline"
                return Deadline(name, row.deadline_raises)
        return None


def sets_deadline(row: Row, arguments: tuple[CallArgument, ...]) -> bool:
    """The argument for the seconds is given and is not None."""
    if row.deadline is None:
        return False
    positional = [argument for argument in arguments if argument.keyword is None]
    found = next((a for a in arguments if a.keyword in (row.deadline, row.timeout) and a.keyword), None)
    if found is None and isinstance(row.deadline, int) and row.deadline < len(positional):
        found = positional[row.deadline]
    if found is None and any(argument.keyword for argument in arguments):
        found = next(argument for argument in arguments if argument.keyword)
    return found is not None and not any(isinstance(v, Literal) and v.value is None for v in found.values)


def configured_cover(evaluator: Evaluator, names: tuple[str, ...]) -> Cover:
    """What functions do for what they enclose of which the configuration says it: error handlers, deadlines."""
    if not names:
        return NO_COVER
    rows = [row for row in map(evaluator.table.row, names) if row is not None]
    caught = EVERYTHING if any(row.catches for row in rows) else NOTHING
    return Cover(None, caught, any(row.deadline is not None for row in rows))
