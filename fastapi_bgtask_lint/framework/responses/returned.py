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

Wanted = Callable[[Value], bool]


@dataclass(frozen=True, slots=True)
class Returned:
    """Reads return statements."""

    evaluator: Evaluator

    def responses(self, function: Function, context: Context) -> Iterator[Site]:
        """The return statements that give a response: the task's own, not those of its wrappers."""
        yield from self._giving(self._is_response, function, context)

    def values(self, function: Function, context: Context) -> Iterator[Site]:
        """The return statements that give anything else than None."""
        yield from self._giving(self._is_value, function, context)

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

    def _giving(self, wanted: Wanted, function: Function, context: Context) -> Iterator[Site]:
        """The return statements of a function, or of the functions that it was given and hands the results of on."""
        waiting = [(function, context)]
        for current, where in waiting:
            for site, value in self._returns(current, where):
                if not any(wanted(found) for found in self.evaluator.evaluate(value, where)):
                    continue
                wrapped = list(self._handed_over(value, where))
                if not wrapped:
                    yield site
                waiting += (entered for entered in wrapped if entered not in waiting)

    def _returns(self, function: Function, context: Context) -> Iterator[tuple[Site, Expression]]:
        """The returned expressions of a function, each with the place to report."""
        definition = function.definition
        if isinstance(definition, Lambda):
            yield Site(context, definition.body), definition.body
            return
        for statement in self.evaluator.calls.possible_returns(definition, context):
            if statement.value is not None:
                yield Site(context, statement), statement.value

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
