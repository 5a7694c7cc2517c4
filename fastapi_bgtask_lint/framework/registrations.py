"""Where background tasks are registered, and what each registration hands over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.handlers import Handlers, Way
from fastapi_bgtask_lint.framework.mentions import scopes_of_tasks
from fastapi_bgtask_lint.framework.names import (
    builds_task,
    is_background_task,
    is_background_tasks,
)
from fastapi_bgtask_lint.framework.scopes import calls
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    Expression,
    ImportFrom,
    Name,
    Parameter,
    Statement,
)
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.bindings import Assigned, Bound
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import handed
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import (
    ANYTHING,
    NOTHING,
    UNKNOWN,
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Given,
    Instance,
    Made,
    Partial,
    Received,
    Site,
    Value,
    Values,
    known,
)

_NAMES = frozenset({"background_tasks", "bg_tasks", "bg"})
_PARAMETER_NAMES = _NAMES | {"tasks"}


@dataclass(frozen=True, slots=True)
class Registration:
    """A call that hands a callable over to run after the response, in one frame of the function that makes it."""

    way: Way
    statement: Statement
    call: Call
    receiver: Expression | None
    """What `add_task` is called on; None where a `BackgroundTask(...)` is built."""
    target: Given | None
    """The callable."""
    given: tuple[Given, ...]
    """The arguments for it."""

    @property
    def frame(self) -> Frame:
        """Where the call is evaluated."""
        return self.way.frame

    @property
    def module(self) -> Module:
        """Where the call stands."""
        return self.way.frame.module

    @property
    def site(self) -> Site:
        """The call."""
        return Site(self.way.frame, self.call)

    @property
    def builds(self) -> bool:
        """It is a `BackgroundTask(...)`."""
        return self.receiver is None


@dataclass(frozen=True, slots=True)
class Target:
    """What a registration runs: a callable and the arguments that it gets."""

    value: Value
    given: tuple[Given, ...]
    runs_in_thread: bool = False
    """A runner hands it over to a thread of its own."""


class Registrations:
    """Finds the registrations of modules."""

    def __init__(self, evaluator: Evaluator, handlers: Handlers) -> None:
        self._evaluator = evaluator
        self._handlers = handlers

    def of(self, module: Module) -> Iterator[Registration]:
        """The registrations of a module, in every way that leads to each."""
        for frame in scopes_of_tasks(self._evaluator, module):
            found = [(statement, call) for statement, call in calls(frame) if self._may_register(call, frame)]
            found = [(statement, call) for statement, call in found if self._may_be_received(call, frame)]
            if not found:
                continue
            for way in self._handlers.ways(frame):
                for statement, call in found:
                    registration = self._registration(statement, call, way)
                    if registration is not None:
                        yield registration

    def _may_register(self, call: Call, frame: Frame) -> bool:
        if isinstance(call.function, Attribute) and call.function.attr == "add_task":
            return True
        last = call.function.attr if isinstance(call.function, Attribute) else getattr(call.function, "id", "")
        if not last[:1].isupper():
            return False
        return any(builds_task(self._evaluator, value) for value in self._evaluator.evaluate(call.function, frame))

    def _may_be_received(self, call: Call, frame: Frame) -> bool:
        """Callers can only make a receiver known that is, or comes from, a parameter."""
        if not isinstance(call.function, Attribute) or call.function.attr != "add_task":
            return True
        receiver = call.function.value
        if self._is_receiver(receiver, frame):
            return True
        while isinstance(receiver, Attribute):
            receiver = receiver.value
        bindings = self._evaluator.reaching(frame).at_use.get(receiver.at, ())
        return any(isinstance(binding, Bound | Assigned) for binding in bindings) and self._is_unknown(call, frame)

    def _is_unknown(self, call: Call, frame: Frame) -> bool:
        assert isinstance(call.function, Attribute)
        values = self._evaluator.evaluate(call.function.value, frame)
        return not values or any(is_background_tasks(self._evaluator, value) is None for value in values)

    def _registration(self, statement: Statement, call: Call, way: Way) -> Registration | None:
        frame = way.frame
        if isinstance(call.function, Attribute) and call.function.attr == "add_task":
            receiver = call.function.value
            if not self._is_receiver(receiver, frame):
                return None
        elif any(builds_task(self._evaluator, v) for v in self._evaluator.evaluate(call.function, frame)):
            receiver = None
        else:
            return None
        target, given = _parts(self._evaluator.calls.given(call, frame))
        return Registration(way, statement, call, receiver, target, given)

    def _is_receiver(self, receiver: Expression, frame: Frame) -> bool:
        values = self._evaluator.evaluate(receiver, frame)
        verdicts = [is_background_tasks(self._evaluator, value) for value in values]
        if True in verdicts:
            return True
        if values and None not in verdicts:
            return False
        return self._named_so(receiver, frame) and _imports_background_tasks(frame.module)

    def _named_so(self, receiver: Expression, frame: Frame) -> bool:
        if isinstance(receiver, Attribute):
            return receiver.attr in _NAMES
        if not isinstance(receiver, Name):
            return False
        bindings = self._evaluator.reaching(frame).at_use.get(receiver.at, ())
        parameters = [binding.parameter for binding in bindings if isinstance(binding, Bound)]
        if parameters:
            return receiver.id in _PARAMETER_NAMES and all(self._is_vague(p, frame) for p in parameters)
        return receiver.id in _NAMES

    def _is_vague(self, parameter: Parameter, frame: Frame) -> bool:
        if parameter.annotation is None:
            return True
        outside = frame.parent or frame
        types = self._evaluator.evaluate(parameter.annotation, outside)
        return self._evaluator.annotations.instances(types, None) in (ANYTHING, NOTHING)

    def alternatives(self, registration: Registration) -> list[Registration]:
        """The same call in every way that leads to it."""
        frame = registration.frame
        base = self._evaluator.frame(frame.module, frame.scope, frame.parent)
        ways = self._handlers.ways(base)
        found = [self._registration(registration.statement, registration.call, way) for way in ways]
        return [one for one in found if one is not None]

    # --- what runs ----------------------------------------------------------------------------------------------------

    def targets(self, registration: Registration) -> tuple[Target, ...]:
        """What the registration runs, runners and partials seen through; nothing for what is not known."""
        if registration.target is None:
            return ()
        return tuple(self._seen_through(registration.target.values, registration.given, registration.site, False))

    def _seen_through(self, values: Values, given: tuple[Given, ...], site: Site, threaded: bool) -> Iterator[Target]:
        for value in values:
            match value:
                case Partial():
                    yield from self._seen_through(value.function, (*value.given, *given), site, threaded)
                case Instance():
                    methods = self._evaluator.classes.method(value.cls, "__call__", (value,))
                    yield from self._seen_through(methods, given, site, threaded)
                case External(name=name):
                    yield from self._runner(value, self._evaluator.table.row(name), given, site, threaded)
                case ExternalMethod():
                    row = self._evaluator.table.method(value.receiver.type, value.name)
                    yield from self._runner(value, row, given, site, threaded)
                case Function():
                    yield Target(value, given, threaded)
                case ExternalInstance() if is_background_task(self._evaluator, value):
                    continue
                case _ if value == UNKNOWN:
                    continue
                case _:
                    yield Target(value, given, threaded)

    def _runner(
        self, value: Value, row: object, given: tuple[Given, ...], site: Site, threaded: bool
    ) -> Iterator[Target]:
        runs = getattr(row, "runs", None)
        if row is None or runs not in ("thread", "await", "call", "new-loop"):
            yield Target(value, given, threaded)
            return
        target, rest = handed(row, given)  # type: ignore[arg-type]
        if target is None:
            yield Target(value, given, threaded)
            return
        yield from self._seen_through(target.values, rest, site, threaded or runs == "thread")


def _parts(given: tuple[Given, ...]) -> tuple[Given | None, tuple[Given, ...]]:
    """The callable and its arguments, of `add_task(f, ...)` or `add_task(func=f, ...)`."""
    if given and given[0].keyword is None and not given[0].star:
        return given[0], given[1:]
    target = next((argument for argument in given if argument.keyword == "func"), None)
    return target, tuple(argument for argument in given if argument is not target)


def _imports_background_tasks(module: Module) -> bool:
    return any(
        isinstance(statement, ImportFrom) and any(name.name == "BackgroundTasks" for name in statement.names)
        for statement in statements(module.sketch)
    )


def hand_made(values: Values) -> tuple[ExternalInstance | Instance, ...]:
    """The objects, when all of these were built by a call of the project; else nothing."""
    made = tuple(v for v in values if isinstance(v, ExternalInstance | Instance) and isinstance(v.origin, Made))
    return made if known(values) and len(made) == len(values) else ()


def injected(values: Values) -> bool:
    """All of these are parameters that FastAPI fills in, as far as it is known."""
    return known(values) and all(
        isinstance(v, ExternalInstance | Instance) and isinstance(v.origin, Received) for v in values
    )
