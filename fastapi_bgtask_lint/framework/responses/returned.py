"""What tasks return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.types import is_response
from fastapi_bgtask_lint.reading.facts import Await, Call, Expression, Lambda, Name
from fastapi_bgtask_lint.resolving.bindings import Bound
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    Class,
    Context,
    Data,
    ExternalInstance,
    Function,
    Instance,
    Literal,
    Site,
    Value,
)

_DEPTH = 6

Wanted = Callable[[Value], bool]


@dataclass(frozen=True, slots=True)
class Returned:
    """Reads return statements."""

    evaluator: Evaluator

    def responses(self, function: Function, context: Context) -> Iterator[Site]:
        """The return statements that give a response: the task's own, not those of its wrappers."""
        yield from self._giving(self._is_response, function, context, _DEPTH)

    def values(self, function: Function, context: Context) -> Iterator[Site]:
        """The return statements that give anything else than None."""
        yield from self._giving(self._is_value, function, context, _DEPTH)

    def _is_response(self, value: Value) -> bool:
        return is_response(self.evaluator, value)

    def _is_value(self, value: Value) -> bool:
        match value:
            case Literal():
                return value.value is not None
            case ExternalInstance(type=name):
                return not name.endswith("()") and not self._is_response(value)
            case Instance():
                return not self._is_response(value)
            case _:
                return isinstance(value, Data | Function | Class)

    def _giving(self, wanted: Wanted, function: Function, context: Context, depth: int) -> Iterator[Site]:
        definition = function.definition
        if isinstance(definition, Lambda):
            yield from self._arguments(wanted, Site(context, definition.body), definition.body, depth)
            return
        for statement in self.evaluator.calls.possible_returns(definition, context):
            if statement.value is not None:
                yield from self._arguments(wanted, Site(context, statement), statement.value, depth)

    def _arguments(self, wanted: Wanted, site: Site, value: Expression, depth: int) -> Iterator[Site]:
        context = site.context
        if not any(wanted(found) for found in self.evaluator.evaluate(value, context)):
            return
        wrapped = list(self._handed_over(value, context)) if depth else []
        if not wrapped:
            yield site
        for function, inner in wrapped:
            yield from self._giving(wanted, function, inner, depth - 1)

    def _handed_over(self, value: Expression, context: Context) -> Iterator[tuple[Function, Context]]:
        """`return await function(...)` where the function was handed to this one: the real task."""
        call = value.value if isinstance(value, Await) else value
        if not isinstance(call, Call) or not isinstance(call.function, Name):
            return
        if not self._is_parameter(call.function, context):
            return
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        for callee in self.evaluator.evaluate(call.function, context):
            if isinstance(callee, Function):
                yield callee, self.evaluator.calls.enter(callee, arguments, Site(context, call))

    def _is_parameter(self, name: Name, context: Context) -> bool:
        where: Context | None = context
        while where is not None:
            reaching = self.evaluator.reaching(where)
            bindings = reaching.at_use.get(name.at) if where is context else reaching.everywhere.get(name.id)
            if bindings:
                return all(isinstance(binding, Bound) for binding in bindings)
            where = where.parent
        return False
