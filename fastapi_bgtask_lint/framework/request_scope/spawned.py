"""Work that a function starts and does not wait for: tasks of the loop, threads, jobs of executors and schedulers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.callers import CallPath
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.routes.entry_points import Handlers
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Await,
    Call,
    Constant,
    Expression,
    FunctionDef,
    Lambda,
    Name,
    Return,
    Statement,
    With,
    Yield,
)
from fastapi_bgtask_lint.reading.traversal import expressions, last_name, statements, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import offloaded_callable
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import calls, scopes_saying, whole_body_of
from fastapi_bgtask_lint.resolving.values import (
    UNKNOWN,
    CallArgument,
    Context,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    FromParameter,
    Value,
)

_SPAWNING = frozenset(
    {"create_task", "ensure_future", "run_in_executor", "submit", "Thread", "Timer", "add_job", "Process"}
)
_STARTS = re.compile("|".join(sorted(_SPAWNING)))
_WAITING = frozenset({"gather", "wait", "wait_for", "shield", "as_completed", "result", "join", "timeout", "run"})


@dataclass(frozen=True, slots=True)
class Spawns:
    """Finds such work."""

    evaluator: Evaluator
    handlers: Handlers

    def scopes(self, module: Module) -> Iterator[Context]:
        """The module itself and its functions that may start such work."""
        return scopes_saying(self.evaluator, module, _STARTS.search)

    def of(self, context: Context) -> Iterator[Registration]:
        """What a function starts and leaves alone, in every way that leads to the function, as a registration."""
        found = [(statement, call) for statement, call in calls(context) if self._spawns(call, context)]
        found = [(statement, call) for statement, call in found if not _is_given_back(statement, call)]
        if not found or self._waits(context):
            return
        call_paths = self.handlers.call_paths(context) if self._asks_callers(found, context) else (CallPath(context),)
        for call_path in call_paths:
            for statement, call in found:
                target, arguments = self._parts(call, call_path.context)
                yield Registration(call_path, statement, call, None, target, arguments)

    def _asks_callers(self, found: list[tuple[Statement, Call]], context: Context) -> bool:
        """Something that is handed over is a parameter of which only callers can say what it is."""
        scope = context.scope
        parameters = {p.name for p in scope.parameters} if isinstance(scope, FunctionDef) else set()
        named = [part for _, call in found for part in walk(call) if isinstance(part, Name) and part.id in parameters]
        return any(self._is_vague(value) for name in named for value in self.evaluator.evaluate(name, context))

    @staticmethod
    def _is_vague(value: Value) -> bool:
        return value == UNKNOWN or isinstance(getattr(value, "origin", None), FromParameter)

    def _spawns(self, call: Call, context: Context) -> bool:
        if last_name(call.function) not in _SPAWNING:
            return False
        callees = self.evaluator.evaluate(call.function, context)
        if any(isinstance(v, ExternalMethod) and v.receiver.type.endswith("TaskGroup") for v in callees):
            return False
        rows = [self._row(callee) for callee in callees]
        return any(
            row is not None and (row.detached or last_name(call.function) == "run_in_executor") and row.runs
            for row in rows
        )

    def _row(self, callee: Value) -> Row | None:
        table = self.evaluator.table
        if isinstance(callee, External):
            return table.row(callee.name)
        return table.method(callee.receiver.type, callee.name) if isinstance(callee, ExternalMethod) else None

    def _parts(self, call: Call, context: Context) -> tuple[CallArgument | None, tuple[CallArgument, ...]]:
        """What is started, and everything that it is given: the arguments of the call that makes its coroutine too."""
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        row = next(r for v in self.evaluator.evaluate(call.function, context) if (r := self._row(v)) is not None)
        target, _ = offloaded_callable(row, arguments)
        rest = tuple(argument for argument in arguments if argument is not target)
        if target is not None and isinstance(target.expression, Call):
            rest += self.evaluator.calls.evaluated_arguments(target.expression, context)
        return target, rest

    # --- what waits ---------------------------------------------------------------------------------------------------

    def _waits(self, context: Context) -> bool:
        """Something in the function may wait for what it has started: then nothing is said."""
        for statement in _all_statements(whole_body_of(context)):
            if isinstance(statement, With) and any(
                self._is_executor(item.context_expr, context) for item in statement.items
            ):
                return True
            for expression in (part for top in expressions(statement) for part in walk(top)):
                if isinstance(expression, Await) and not isinstance(expression.value, Call):
                    return True
                if isinstance(expression, Call) and self._is_waiting(expression, context):
                    return True
        return False

    def _is_executor(self, context_expr: Expression, context: Context) -> bool:
        values = self.evaluator.evaluate(context_expr, context)
        return any(isinstance(v, ExternalInstance) and v.type.endswith(("Executor", "Group", "Pool")) for v in values)

    def _is_waiting(self, call: Call, context: Context) -> bool:
        if last_name(call.function) not in _WAITING:
            return False
        if not isinstance(call.function, Attribute) or call.function.attr != "join":
            return True
        values = self.evaluator.evaluate(call.function.value, context)
        return not isinstance(call.function.value, Constant) and not all(isinstance(v, Data) for v in values)


def _is_given_back(statement: Statement, call: Call) -> bool:
    """The caller gets it, or it is awaited on the spot."""
    if isinstance(statement, Return):
        return True
    parts = [part for top in expressions(statement) for part in walk(top)]
    around = [part for part in parts if isinstance(part, Await | Yield | Lambda)]
    return any(any(inner is call for inner in walk(part)) for part in around)


def _all_statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """The statements of a body, those of nested functions too."""
    for statement in statements(body):
        yield statement
        if isinstance(statement, FunctionDef):
            yield from _all_statements(statement.body)
