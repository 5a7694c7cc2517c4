"""Where background tasks are registered, and what each registration hands over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.callers import CallPath
from fastapi_bgtask_lint.callgraph.exits import ExitAnalysis
from fastapi_bgtask_lint.callgraph.targets import Target, targets
from fastapi_bgtask_lint.framework.registrations.task_scopes import scopes_of_tasks
from fastapi_bgtask_lint.framework.routes.entry_points import Handlers
from fastapi_bgtask_lint.framework.types import (
    builds_task,
    is_background_task,
    is_background_tasks,
)
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    Expression,
    FunctionDef,
    ImportFrom,
    Name,
    Parameter,
    Statement,
)
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.bindings import Assigned, Bound
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    TOP,
    UNKNOWN,
    CallArgument,
    Context,
    ExternalInstance,
    FromCall,
    FromParameter,
    Instance,
    Site,
    Values,
    known,
)

_NAMES = frozenset({"background_tasks", "bg_tasks", "bg"})
_PARAMETER_NAMES = _NAMES | {"tasks"}


@dataclass(frozen=True, slots=True)
class Registration:
    """A call that hands a callable over to run after the response, in one context of the function that makes it."""

    call_path: CallPath
    statement: Statement
    call: Call
    receiver: Expression | None
    """What `add_task` is called on; None where a `BackgroundTask(...)` is built."""
    target: CallArgument | None
    """The callable."""
    arguments: tuple[CallArgument, ...]
    """The arguments for it."""

    @property
    def context(self) -> Context:
        """Where the call is evaluated."""
        return self.call_path.context

    @property
    def module(self) -> Module:
        """Where the call stands."""
        return self.call_path.context.module

    @property
    def site(self) -> Site:
        """The call."""
        return Site(self.call_path.context, self.call)

    @property
    def builds(self) -> bool:
        """It is a `BackgroundTask(...)`."""
        return self.receiver is None


class Registrations:
    """Finds the registrations of modules."""

    def __init__(self, evaluator: Evaluator, handlers: Handlers) -> None:
        self._evaluator = evaluator
        self._handlers = handlers
        self._exits = ExitAnalysis(evaluator)

    def of(self, module: Module) -> Iterator[Registration]:
        """The registrations of a module, in every way that leads to each."""
        for context in scopes_of_tasks(self._evaluator, module):
            found = [(statement, call) for statement, call in calls(context) if self._may_register(call, context)]
            found = [(statement, call) for statement, call in found if self._may_be_received(call, context)]
            if not found:
                continue
            for call_path in self._handlers.call_paths(context):
                for statement, call in found:
                    registration = self._registration(statement, call, call_path)
                    if registration is not None:
                        yield registration

    def _may_register(self, call: Call, context: Context) -> bool:
        if isinstance(call.function, Attribute) and call.function.attr == "add_task":
            return True
        last = call.function.attr if isinstance(call.function, Attribute) else getattr(call.function, "id", "")
        if not last[:1].isupper():
            return False
        return any(builds_task(self._evaluator, value) for value in self._evaluator.evaluate(call.function, context))

    def _may_be_received(self, call: Call, context: Context) -> bool:
        """Callers can only make a receiver known that is, or comes from, a parameter."""
        if not isinstance(call.function, Attribute) or call.function.attr != "add_task":
            return True
        receiver = call.function.value
        if self._is_receiver(receiver, context):
            return True
        while isinstance(receiver, Attribute):
            receiver = receiver.value
        bindings = self._evaluator.reaching(context).at_use.get(receiver.at, ())
        return any(isinstance(binding, Bound | Assigned) for binding in bindings) and self._is_unknown(call, context)

    def _is_unknown(self, call: Call, context: Context) -> bool:
        assert isinstance(call.function, Attribute)
        values = self._evaluator.evaluate(call.function.value, context)
        return not values or any(is_background_tasks(self._evaluator, value) is None for value in values)

    def _registration(self, statement: Statement, call: Call, call_path: CallPath) -> Registration | None:
        context = call_path.context
        if not self._evaluator.feasibility.is_call_possible(call, context):
            return None
        if isinstance(context.scope, FunctionDef) and not self._exits.reaches(context, call):
            return None
        if isinstance(call.function, Attribute) and call.function.attr == "add_task":
            receiver = call.function.value
            if not self._is_receiver(receiver, context):
                return None
        elif any(builds_task(self._evaluator, v) for v in self._evaluator.evaluate(call.function, context)):
            receiver = None
        else:
            return None
        target, arguments = _parts(self._evaluator.calls.evaluated_arguments(call, context))
        return Registration(call_path, statement, call, receiver, target, arguments)

    def _is_receiver(self, receiver: Expression, context: Context) -> bool:
        values = self._evaluator.evaluate(receiver, context)
        verdicts = [is_background_tasks(self._evaluator, value) for value in values]
        if True in verdicts:
            return True
        if values and None not in verdicts:
            return False
        return self._named_so(receiver, context) and _imports_background_tasks(context.module)

    def _named_so(self, receiver: Expression, context: Context) -> bool:
        if isinstance(receiver, Attribute):
            return receiver.attr in _NAMES
        if not isinstance(receiver, Name):
            return False
        bindings = self._evaluator.reaching(context).at_use.get(receiver.at, ())
        parameters = [binding.parameter for binding in bindings if isinstance(binding, Bound)]
        if parameters:
            return receiver.id in _PARAMETER_NAMES and all(self._is_vague(p, context) for p in parameters)
        return receiver.id in _NAMES

    def _is_vague(self, parameter: Parameter, context: Context) -> bool:
        if parameter.annotation is None:
            return True
        outside = context.parent or context
        types = self._evaluator.evaluate(parameter.annotation, outside)
        return self._evaluator.annotations.instances(types, None) in (TOP, BOTTOM)

    def alternatives(self, registration: Registration) -> list[Registration]:
        """The same call in every way that leads to it."""
        context = registration.context
        base = self._evaluator.context(context.module, context.scope, context.parent)
        call_paths = self._handlers.call_paths(base)
        found = [self._registration(registration.statement, registration.call, call_path) for call_path in call_paths]
        return [one for one in found if one is not None]

    # --- what runs ----------------------------------------------------------------------------------------------------

    def targets(self, registration: Registration) -> tuple[Target, ...]:
        """What the registration runs, runners and partials seen through; nothing for what is not known."""
        if registration.target is None:
            return ()
        found = targets(self._evaluator, registration.target.values, registration.arguments)
        return tuple(
            target
            for target in found
            if target.value != UNKNOWN and not is_background_task(self._evaluator, target.value)
        )


def _parts(arguments: tuple[CallArgument, ...]) -> tuple[CallArgument | None, tuple[CallArgument, ...]]:
    """The callable and its arguments, of `add_task(f, ...)` or `add_task(func=f, ...)`."""
    if arguments and arguments[0].keyword is None and not arguments[0].star:
        return arguments[0], arguments[1:]
    target = next((argument for argument in arguments if argument.keyword == "func"), None)
    return target, tuple(argument for argument in arguments if argument is not target)


def _imports_background_tasks(module: Module) -> bool:
    return any(
        isinstance(statement, ImportFrom) and any(name.name == "BackgroundTasks" for name in statement.names)
        for statement in statements(module.skeleton)
    )


def hand_made(values: Values) -> tuple[ExternalInstance | Instance, ...]:
    """The objects, when all of these were built by a call of the project; else nothing."""
    made = tuple(v for v in values if isinstance(v, ExternalInstance | Instance) and isinstance(v.origin, FromCall))
    return made if known(values) and len(made) == len(values) else ()


def injected(values: Values) -> bool:
    """All of these are parameters that FastAPI fills in, as far as it is known."""
    return known(values) and all(
        isinstance(v, ExternalInstance | Instance) and isinstance(v.origin, FromParameter) for v in values
    )
