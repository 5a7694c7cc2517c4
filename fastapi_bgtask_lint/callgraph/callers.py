"""The edges backwards: who calls a function, and over which calls a handler leads to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.sources import Sources
from fastapi_bgtask_lint.reading.facts import Call, FunctionDef
from fastapi_bgtask_lint.reading.traversal import last_name
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.limits import CALL_PATH, CALLERS
from fastapi_bgtask_lint.resolving.values import Context, Function, Site
from fastapi_bgtask_lint.solving.solver import Query


@dataclass(frozen=True, slots=True)
class Caller:
    """A call of a function of the project, in the context of its caller."""

    context: Context
    call: Call
    function: Function


@dataclass(frozen=True, slots=True)
class CallPath:
    """A path to a function: the context of its body and the calls that lead there, the outermost first."""

    context: Context
    calls: tuple[Caller, ...] = ()

    @property
    def handler(self) -> Context:
        """The function at the head: what FastAPI runs, as far as it is known."""
        return self.calls[0].context if self.calls else self.context


class Callers:
    """Finds the callers of functions by a search in the text of the project."""

    def __init__(self, evaluator: Evaluator, sources: Sources) -> None:
        self._evaluator = evaluator
        self._sources = sources
        self._mentions: Query[Context, tuple[tuple[Context, Call], ...]] = evaluator.solver.query(self._searched, ())
        self._callers: Query[Context, tuple[Caller, ...]] = evaluator.solver.query(self._calling, ())

    def mentions(self, context: Context) -> tuple[tuple[Context, Call], ...]:
        """The calls that may be of a function or hand it to FastAPI, with their contexts, by path and place."""
        return self._mentions(self._without_arguments(context))

    def callers(self, context: Context) -> tuple[Caller, ...]:
        """The calls of a function, the first few by path and place."""
        return self._callers(self._without_arguments(context))

    def _without_arguments(self, context: Context) -> Context:
        return self._evaluator.context(context.module, context.scope, context.parent)

    def _searched(self, context: Context) -> tuple[tuple[Context, Call], ...]:
        assert isinstance(context.scope, FunctionDef)
        return tuple(self._sources.calls_of(context, context.scope))

    def _calling(self, context: Context) -> tuple[Caller, ...]:
        assert isinstance(context.scope, FunctionDef)
        found: list[Caller] = []
        for where, call in self._mentions(context):
            if len(found) == CALLERS:
                break
            callees = self._callees(call, where, context.scope)
            found += [Caller(where, call, callee) for callee in callees[:1]]
        return tuple(found)

    def _callees(self, call: Call, context: Context, function: FunctionDef) -> list[Function]:
        """The function as the callee of a call, with each receiver that it may have there."""
        if last_name(call.function) != function.name:
            return []
        values = self._evaluator.evaluate(call.function, context)
        return [value for value in values if isinstance(value, Function) and value.definition is function]

    def paths(
        self, context: Context, is_entry: Callable[[Context], bool], is_dependency: Callable[[Context], bool]
    ) -> Iterator[CallPath]:
        """The paths to a function: from each entry point, dependency, or function that nobody is seen to call.

        Args:
            context: the function, with nothing known of its callers.
            is_entry: FastAPI calls a function; its other callers do not matter.
            is_dependency: FastAPI calls a function, as others may do.
        """
        yield from self._paths(context, is_entry, is_dependency, ())

    def _paths(
        self,
        context: Context,
        is_entry: Callable[[Context], bool],
        is_dependency: Callable[[Context], bool],
        inner: tuple[FunctionDef, ...],
    ) -> Iterator[CallPath]:
        function = context.scope
        if not isinstance(function, FunctionDef) or is_entry(context) or len(inner) == CALL_PATH:
            yield CallPath(context)
            return
        callers = self.callers(context)
        if not callers or is_dependency(context):
            yield CallPath(context)
        for caller in callers:
            if caller.context.scope is not function and caller.context.scope not in inner:
                for path in self._paths(caller.context, is_entry, is_dependency, (*inner, function)):
                    yield from self._extended(path, caller.call, function)

    def _extended(self, path: CallPath, call: Call, function: FunctionDef) -> Iterator[CallPath]:
        """A path with one more call, evaluated in the context that the path leads to; none where it is not reached."""
        if not self._evaluator.feasibility.is_call_possible(call, path.context):
            return
        arguments = self._evaluator.calls.evaluated_arguments(call, path.context)
        for callee in self._callees(call, path.context, function):
            inner = self._evaluator.calls.enter(callee, arguments, Site(path.context, call))
            yield CallPath(inner, (*path.calls, Caller(path.context, call, callee)))
