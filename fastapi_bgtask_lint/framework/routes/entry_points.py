"""Who runs a function: FastAPI itself, or other functions of the project that call it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.framework.routes.callers import Sources
from fastapi_bgtask_lint.framework.types import ROUTES
from fastapi_bgtask_lint.reading.facts import Attribute, Call, ClassDef, Constant, FunctionDef, Parameter
from fastapi_bgtask_lint.reading.traversal import last_name
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    Class,
    Context,
    Data,
    ExternalInstance,
    FromParameter,
    Function,
    Instance,
    Partial,
    Value,
)

_DEPTH = 4
"""How many helpers may hand a BackgroundTasks on."""
_ADDING = frozenset({"add_api_route", "add_api_websocket_route"})
_CALLERS = 24
"""A helper with more callers than this is judged by the first of them."""


class Entry(enum.Enum):
    """How FastAPI runs a function, where it does."""

    ROUTE = "path operation"
    WEBSOCKET = "WebSocket handler"
    EXCEPTION_HANDLER = "exception handler"
    MIDDLEWARE = "middleware"
    DEPENDENCY = "dependency"
    LIFESPAN = "startup or shutdown"


@dataclass(frozen=True, slots=True)
class Caller:
    """A call of a function of the project, in the context of its caller."""

    context: Context
    call: Call
    function: Function


@dataclass(frozen=True, slots=True)
class CallPath:
    """One way that leads to a function: the context of its body and the calls that hand it over, the outermost first."""

    context: Context
    calls: tuple[Caller, ...] = ()

    @property
    def handler(self) -> Context:
        """The function at the head: what FastAPI runs, as far as it is known."""
        return self.calls[0].context if self.calls else self.context


@dataclass(eq=False)
class Handlers:
    """Finds out who runs the functions of a project."""

    evaluator: Evaluator
    sources: Sources
    _callers: dict[FunctionDef, tuple[Caller, ...]] = field(default_factory=dict)
    _dependencies: dict[FunctionDef, list[Call]] = field(default_factory=dict)
    """The `Depends(...)` that name a function."""
    _routed: set[FunctionDef] = field(default_factory=set)
    """Functions that `add_api_route` makes path operations."""

    def entry(self, function: FunctionDef) -> Entry | None:
        """How FastAPI runs a function by its decorators; None when they don't say."""
        for decorator in function.decorators:
            call = decorator.function if isinstance(decorator, Call) else decorator
            name = call.attr if isinstance(call, Attribute) else ""
            if name in ROUTES and isinstance(decorator, Call) and _has_path(decorator):
                return Entry.ROUTE
            if name in ("websocket", "websocket_route"):
                return Entry.WEBSOCKET
            if name == "exception_handler":
                return Entry.EXCEPTION_HANDLER
            if name == "middleware":
                return Entry.MIDDLEWARE
            if name == "on_event":
                return Entry.LIFESPAN
        return None

    def call_paths(self, context: Context) -> tuple[CallPath, ...]:
        """The ways to a function: itself where FastAPI runs it or nobody is seen to call it, else one a caller."""
        return tuple(self._call_paths(context, _DEPTH))

    def _call_paths(self, context: Context, depth: int) -> Iterator[CallPath]:
        function = context.scope
        if not isinstance(function, FunctionDef) or self.entry(function) is not None or depth == 0:
            yield CallPath(context)
            return
        callers = self.callers(context)
        if not callers or function in self._dependencies:
            yield CallPath(context)
        for caller in callers:
            for call_path in self._call_paths(caller.context, depth - 1):
                arguments = self.evaluator.calls.evaluated_arguments(caller.call, call_path.context)
                for callee in self._callees(caller.call, call_path.context, function):
                    inner = self.evaluator.calls.enter(callee, arguments, None)
                    yield CallPath(inner, (*call_path.calls, Caller(call_path.context, caller.call, callee)))

    def is_dependency(self, context: Context) -> bool:
        """The function is named in a `Depends(...)` of the project."""
        self.callers(context)
        return context.scope in self._dependencies

    def is_operation(self, context: Context) -> bool:
        """The function is a path operation or a WebSocket handler, by its decorators or by `add_api_route`."""
        if not isinstance(context.scope, FunctionDef):
            return False
        if self.entry(context.scope) in (Entry.ROUTE, Entry.WEBSOCKET):
            return True
        self.callers(context)
        return context.scope in self._routed

    def is_depended_class(self, context: Context) -> bool:
        """The function is the `__init__` of a class that a parameter of the project depends on."""
        parent = context.parent.scope if context.parent is not None else None
        if getattr(context.scope, "name", "") != "__init__" or not isinstance(parent, ClassDef):
            return False
        provider = self.evaluator.annotations.provider
        return any(
            isinstance(value, Class) and value.definition is parent
            for scope in self.sources.scopes_with(parent.name)
            if isinstance(scope.scope, FunctionDef)
            for parameter in scope.scope.parameters
            for value in provider(parameter, scope)
        )

    def markers(self, context: Context) -> list[Call]:
        """The `Depends(...)` of the project that name the function."""
        self.callers(context)
        return self._dependencies.get(context.scope, []) if isinstance(context.scope, FunctionDef) else []

    def has_body(self, context: Context) -> bool:
        """A parameter of the function makes FastAPI read the request's body: a model, a form, a file."""
        parameters = context.scope.parameters if isinstance(context.scope, FunctionDef) else ()
        return any(self._is_of_body(parameter, context) for parameter in parameters)

    def _is_of_body(self, parameter: Parameter, context: Context) -> bool:
        annotations = self.evaluator.annotations
        if annotations.body_markers(parameter, context):
            return True
        for value in annotations.parameter(parameter, context):
            if isinstance(value, Data) and value.type in ("dict", "list", "set"):
                return True
            if isinstance(value, Instance) and isinstance(value.origin, FromParameter):
                return True
            if isinstance(value, ExternalInstance) and value.type.endswith(".UploadFile"):
                return True
        return False

    def callers(self, context: Context) -> tuple[Caller, ...]:
        """The calls of a function in the project, in the order of paths and lines."""
        function = context.scope
        assert isinstance(function, FunctionDef)
        if function not in self._callers:
            self._callers[function] = ()
            self._callers[function] = tuple(self._search(context, function))
        return self._callers[function]

    def _search(self, context: Context, function: FunctionDef) -> Iterator[Caller]:
        found = 0
        for where, call in self.sources.calls_of(context, function):
            if self._names_dependency(call, where, function):
                self._dependencies.setdefault(function, []).append(call)
                continue
            if last_name(call.function) in _ADDING and self._adds(call, where, function):
                self._routed.add(function)
            if last_name(call.function) != function.name:
                continue
            for callee in self._callees(call, where, function):
                yield Caller(where, call, callee)
                found += 1
                break
            if found >= _CALLERS:
                return

    def _callees(self, call: Call, context: Context, function: FunctionDef) -> list[Function]:
        values = self.evaluator.evaluate(call.function, context)
        return [value for value in values if isinstance(value, Function) and value.definition is function]

    def _adds(self, call: Call, context: Context, function: FunctionDef) -> bool:
        """`add_api_route(path, function)`, also `endpoint=function`."""
        arguments = [
            a.value for i, a in enumerate(call.arguments) if a.keyword == "endpoint" or (i == 1 and not a.keyword)
        ]
        return any(
            _is_function(value, function) for one in arguments for value in self.evaluator.evaluate(one, context)
        )

    def _names_dependency(self, call: Call, context: Context, function: FunctionDef) -> bool:
        if last_name(call.function) not in ("Depends", "Security") or not call.arguments:
            return False
        return any(_is_function(v, function) for v in self.evaluator.evaluate(call.arguments[0].value, context))


def _has_path(decorator: Call) -> bool:
    if not decorator.arguments:
        return False
    first = decorator.arguments[0]
    if first.keyword == "path":
        return True
    value = first.value
    return first.keyword is None and (not isinstance(value, Constant) or isinstance(value.value, str))


def _is_function(value: Value, function: FunctionDef) -> bool:
    if isinstance(value, Partial):
        return any(_is_function(inner, function) for inner in value.function)
    return isinstance(value, Function) and value.definition is function
