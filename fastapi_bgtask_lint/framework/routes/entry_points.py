"""Who runs a function: FastAPI itself, or other functions of the project that call it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from fastapi_bgtask_lint.callgraph.callers import Callers, CallPath
from fastapi_bgtask_lint.callgraph.sources import Sources
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

_ADDING = frozenset({"add_api_route", "add_api_websocket_route"})


class Entry(enum.Enum):
    """How FastAPI runs a function, where it does."""

    ROUTE = "path operation"
    WEBSOCKET = "WebSocket handler"
    EXCEPTION_HANDLER = "exception handler"
    MIDDLEWARE = "middleware"
    DEPENDENCY = "dependency"
    LIFESPAN = "startup or shutdown"


@dataclass(eq=False)
class Handlers:
    """Finds out who runs the functions of a project."""

    evaluator: Evaluator
    sources: Sources
    _callers: Callers = field(init=False)

    def __post_init__(self) -> None:
        self._callers = Callers(self.evaluator, self.sources)

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
        """The paths to a function: itself where FastAPI runs it or nobody is seen to call it, else one a caller."""
        return tuple(self._callers.paths(context, self._is_entry, self.is_dependency))

    def _is_entry(self, context: Context) -> bool:
        return isinstance(context.scope, FunctionDef) and self.entry(context.scope) is not None

    def is_dependency(self, context: Context) -> bool:
        """The function is named in a `Depends(...)` of the project."""
        return bool(self.markers(context))

    def is_operation(self, context: Context) -> bool:
        """The function is a path operation or a WebSocket handler, by its decorators or by `add_api_route`."""
        if not isinstance(context.scope, FunctionDef):
            return False
        if self.entry(context.scope) in (Entry.ROUTE, Entry.WEBSOCKET):
            return True
        function = context.scope
        mentions = self._callers.mentions(context)
        return any(last_name(c.function) in _ADDING and self._adds(c, where, function) for where, c in mentions)

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
        function = context.scope
        if not isinstance(function, FunctionDef):
            return []
        mentions = self._callers.mentions(context)
        return [call for where, call in mentions if self._names_dependency(call, where, function)]

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
