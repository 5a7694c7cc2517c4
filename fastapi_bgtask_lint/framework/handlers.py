"""Who runs a function: FastAPI itself, or other functions of the project that call it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.framework.names import ROUTES
from fastapi_bgtask_lint.framework.sources import Sources
from fastapi_bgtask_lint.reading.facts import Attribute, Call, ClassDef, Constant, FunctionDef, Parameter
from fastapi_bgtask_lint.reading.traversal import last_name
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    Class,
    Data,
    ExternalInstance,
    Frame,
    Function,
    Instance,
    Partial,
    Received,
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
    """A call of a function of the project, in the frame of its caller."""

    frame: Frame
    call: Call
    function: Function


@dataclass(frozen=True, slots=True)
class Way:
    """One way that leads to a function: the frame of its body and the calls that hand it over, the outermost first."""

    frame: Frame
    calls: tuple[Caller, ...] = ()

    @property
    def handler(self) -> Frame:
        """The function at the head: what FastAPI runs, as far as it is known."""
        return self.calls[0].frame if self.calls else self.frame


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

    def ways(self, frame: Frame) -> tuple[Way, ...]:
        """The ways to a function: itself where FastAPI runs it or nobody is seen to call it, else one a caller."""
        return tuple(self._ways(frame, _DEPTH))

    def _ways(self, frame: Frame, depth: int) -> Iterator[Way]:
        function = frame.scope
        if not isinstance(function, FunctionDef) or self.entry(function) is not None or depth == 0:
            yield Way(frame)
            return
        callers = self.callers(frame)
        if not callers or function in self._dependencies:
            yield Way(frame)
        for caller in callers:
            for way in self._ways(caller.frame, depth - 1):
                given = self.evaluator.calls.given(caller.call, way.frame)
                for callee in self._callees(caller.call, way.frame, function):
                    inner = self.evaluator.frame(
                        callee.module,
                        function,
                        callee.parent,
                        self.evaluator.calls.arguments(callee, given),
                        way.frame.depth + 1,
                    )
                    yield Way(inner, (*way.calls, Caller(way.frame, caller.call, callee)))

    def is_dependency(self, frame: Frame) -> bool:
        """The function is named in a `Depends(...)` of the project."""
        self.callers(frame)
        return frame.scope in self._dependencies

    def is_operation(self, frame: Frame) -> bool:
        """The function is a path operation or a WebSocket handler, by its decorators or by `add_api_route`."""
        if not isinstance(frame.scope, FunctionDef):
            return False
        if self.entry(frame.scope) in (Entry.ROUTE, Entry.WEBSOCKET):
            return True
        self.callers(frame)
        return frame.scope in self._routed

    def is_depended_class(self, frame: Frame) -> bool:
        """The function is the `__init__` of a class that a parameter of the project depends on."""
        parent = frame.parent.scope if frame.parent is not None else None
        if getattr(frame.scope, "name", "") != "__init__" or not isinstance(parent, ClassDef):
            return False
        provider = self.evaluator.annotations.provider
        return any(
            isinstance(value, Class) and value.definition is parent
            for scope in self.sources.scopes_with(parent.name)
            if isinstance(scope.scope, FunctionDef)
            for parameter in scope.scope.parameters
            for value in provider(parameter, scope)
        )

    def markers(self, frame: Frame) -> list[Call]:
        """The `Depends(...)` of the project that name the function."""
        self.callers(frame)
        return self._dependencies.get(frame.scope, []) if isinstance(frame.scope, FunctionDef) else []

    def has_body(self, frame: Frame) -> bool:
        """A parameter of the function makes FastAPI read the request's body: a model, a form, a file."""
        parameters = frame.scope.parameters if isinstance(frame.scope, FunctionDef) else ()
        return any(self._is_of_body(parameter, frame) for parameter in parameters)

    def _is_of_body(self, parameter: Parameter, frame: Frame) -> bool:
        annotations = self.evaluator.annotations
        if annotations.body_markers(parameter, frame):
            return True
        for value in annotations.parameter(parameter, frame):
            if isinstance(value, Data) and value.type in ("dict", "list", "set"):
                return True
            if isinstance(value, Instance) and isinstance(value.origin, Received):
                return True
            if isinstance(value, ExternalInstance) and value.type.endswith(".UploadFile"):
                return True
        return False

    def callers(self, frame: Frame) -> tuple[Caller, ...]:
        """The calls of a function in the project, in the order of paths and lines."""
        function = frame.scope
        assert isinstance(function, FunctionDef)
        if function not in self._callers:
            self._callers[function] = ()
            self._callers[function] = tuple(self._search(frame, function))
        return self._callers[function]

    def _search(self, frame: Frame, function: FunctionDef) -> Iterator[Caller]:
        found = 0
        for where, call in self.sources.calls_of(frame, function):
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

    def _callees(self, call: Call, frame: Frame, function: FunctionDef) -> list[Function]:
        values = self.evaluator.evaluate(call.function, frame)
        return [value for value in values if isinstance(value, Function) and value.definition is function]

    def _adds(self, call: Call, frame: Frame, function: FunctionDef) -> bool:
        """`add_api_route(path, function)`, also `endpoint=function`."""
        given = [a.value for i, a in enumerate(call.arguments) if a.keyword == "endpoint" or (i == 1 and not a.keyword)]
        return any(_is_function(value, function) for one in given for value in self.evaluator.evaluate(one, frame))

    def _names_dependency(self, call: Call, frame: Frame, function: FunctionDef) -> bool:
        if last_name(call.function) not in ("Depends", "Security") or not call.arguments:
            return False
        return any(_is_function(v, function) for v in self.evaluator.evaluate(call.arguments[0].value, frame))


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
