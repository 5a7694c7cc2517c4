"""Awaitables that a task makes and nobody awaits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.targets import Target
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import (
    Call,
    ExprStmt,
    Fact,
    FunctionDef,
    Lambda,
)
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.comparison import is_async
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import offloaded_callable
from fastapi_bgtask_lint.resolving.scopes import calls, function_name
from fastapi_bgtask_lint.resolving.values import (
    Awaitable,
    Context,
    Coroutine,
    External,
    ExternalMethod,
    Function,
    Site,
    Value,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is dropped, and where it is made."""

    text: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class UnawaitedSearch:
    """Looks for awaitables that are dropped."""

    evaluator: Evaluator

    def of(self, target: Target, registration: Registration) -> Finding | None:
        """What the task drops; None when nothing is known to be."""
        value = target.value
        if isinstance(value, ExternalMethod | External):
            return self._library(value, target)
        if not isinstance(value, Function):
            return None
        if target.runs_in_thread and is_async(value):
            return Finding("a thread runner calls the async function and drops its coroutine", None)
        definition = value.definition
        is_plain_async = isinstance(definition, FunctionDef) and definition.is_async and not definition.is_generator
        if is_plain_async and (value.hides_async or value.manages):
            return Finding("a decorator hides that the task is async, so only its coroutine is made", None)
        context = self.evaluator.calls.enter(value, target.arguments, registration.site)
        if is_async(value) is False and not (isinstance(definition, FunctionDef) and definition.is_async):
            returned = self._returned(value, context)
            if returned is not None:
                return returned
        return next(self._statements(definition, context), None) or next(self._threads(context), None)

    def _threads(self, context: Context) -> Iterator[Finding]:
        """Async functions that the task's own body hands to a thread, which only makes their coroutines."""
        for statement, call in calls(context):
            if not self.evaluator.feasibility.is_possible(statement.at, context):
                continue
            for callee in self.evaluator.evaluate(call.function, context):
                row = self.evaluator.table.row(getattr(callee, "qualified", getattr(callee, "name", "")))
                if row is None or row.runs != "thread" or row.wraps:
                    continue
                target, _ = offloaded_callable(row, self.evaluator.calls.evaluated_arguments(call, context))
                if target is not None and target.values and all(is_async(value) for value in target.values):
                    yield Finding("a thread calls the async function and drops its coroutine", Site(context, call))

    def _library(self, value: Value, target: Target) -> Finding | None:
        table = self.evaluator.table
        if isinstance(value, ExternalMethod):
            row = table.method(value.receiver.type, value.name)
            name = table.canonical(value.qualified)
        else:
            assert isinstance(value, External)
            row, name = table.row(value.name), value.name
        if name.startswith("types.AsyncGeneratorType.a"):
            return Finding("a method of an async generator is no coroutine function, but returns an awaitable", None)
        if row is None or is_loop_function(value):
            return None
        if row.awaitable == "awaitable" or (row.awaitable == "coroutine" and target.runs_in_thread):
            return Finding(f"{name} is no coroutine function, but returns an awaitable", None)
        return None

    def _returned(self, function: Function, context: Context) -> Finding | None:
        definition = function.definition
        if isinstance(definition, FunctionDef) and definition.is_generator:
            return None
        for value in self.evaluator.calls.returns(function, context):
            if isinstance(value, Coroutine):
                name = function_name(value.context)
                return Finding(
                    f"the task only calls {name}, which returns a coroutine", Site(context, _body(definition))
                )
            if isinstance(value, Awaitable) and value.coroutine and not self._is_run(value):
                return Finding("the task returns an awaitable", value.site)
        return None

    def _is_run(self, value: Awaitable) -> bool:
        """A runner gave it, so that something runs it without being awaited."""
        if value.site is None or not isinstance(value.site.fact, Call):
            return False
        for callee in self.evaluator.evaluate(value.site.fact.function, value.site.context):
            name = callee.qualified if isinstance(callee, ExternalMethod) else getattr(callee, "name", "")
            row = self.evaluator.table.row(name)
            if row is not None and row.runs == "loop":
                return True
        return False

    def _statements(self, definition: FunctionDef | Lambda, context: Context) -> Iterator[Finding]:
        """Calls of async functions as statements, in the task's own body."""
        if not isinstance(definition, FunctionDef):
            return
        reached = self.evaluator.reaching(context).reached
        for statement in statements(definition.body):
            if not isinstance(statement, ExprStmt) or not isinstance(statement.value, Call):
                continue
            if statement.at not in reached or not self.evaluator.feasibility.is_possible(statement.at, context):
                continue
            values = self.evaluator.evaluate(statement.value, context)
            if values and all(isinstance(value, Coroutine) for value in values):
                (first, *_) = values
                assert isinstance(first, Coroutine)
                yield Finding(f"the task calls {function_name(first.context)} without await", Site(context, statement))


_LOOP_FUNCTIONS = frozenset({"asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "asyncio.shield"})
_LOOP = "asyncio.AbstractEventLoop"


def is_loop_function(value: Value) -> bool:
    """A function, or a method of a loop, that needs its loop running where it is called."""
    if isinstance(value, External):
        return value.name in _LOOP_FUNCTIONS
    return isinstance(value, ExternalMethod) and value.receiver.type == _LOOP and not value.name.endswith("_threadsafe")


def _body(definition: FunctionDef | Lambda) -> Fact:
    return definition.body if isinstance(definition, Lambda) else definition
