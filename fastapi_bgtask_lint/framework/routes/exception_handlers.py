"""The exception classes for which the project registers handlers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.callgraph.exceptions import catches
from fastapi_bgtask_lint.callgraph.sources import Sources
from fastapi_bgtask_lint.framework.types import is_http_exception
from fastapi_bgtask_lint.reading.facts import Attribute, Call, Expression, Mapping
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Class, External, Value, Values

_CAUGHT_BY_SERVER = frozenset({"builtins.Exception", "builtins.BaseException"})


@dataclass(eq=False)
class ExceptionHandlers:
    """Finds the handlers of `@app.exception_handler(X)`, `add_exception_handler(X, ...)` and `exception_handlers={X:
    ...}`.
    """

    evaluator: Evaluator
    sources: Sources
    _handled: Values | None = field(default=None)

    def is_handled(self, raised: Values) -> Value | None:
        """The raised value that a handler is registered for: `HTTPException` always, and the project's classes."""
        for value in raised:
            if is_http_exception(self.evaluator, value):
                return value
            if any(catches(self.evaluator, (handled,), (value,)) is True for handled in self.handled()):
                return value
        return None

    def handled(self) -> Values:
        """The classes with handlers; `Exception` is left out: its handler is called after the response as well."""
        if self._handled is None:
            self._handled = ()
            self._handled = tuple(dict.fromkeys(self._search()))
        return self._handled

    def _search(self) -> Iterator[Value]:
        for context, call in self.sources.calls_with(
            "exception_handler", "exception_handlers", "add_exception_handler"
        ):
            for expression in self._named(call):
                for value in self.evaluator.evaluate(expression, context):
                    if isinstance(value, Class) or (
                        isinstance(value, External) and value.name not in _CAUGHT_BY_SERVER
                    ):
                        yield value

    @staticmethod
    def _named(call: Call) -> Iterator[Expression]:
        name = call.function.attr if isinstance(call.function, Attribute) else ""
        if name in ("exception_handler", "add_exception_handler") and call.arguments:
            yield call.arguments[0].value
        for argument in call.arguments:
            if argument.keyword == "exception_handlers" and isinstance(argument.value, Mapping):
                yield from (key for key, _ in argument.value.items if key is not None)
