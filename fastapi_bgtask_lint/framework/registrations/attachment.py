"""What becomes of a BackgroundTasks or BackgroundTask that the project made itself."""

from __future__ import annotations

import operator
from collections.abc import Iterator

from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.types import is_response
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Call,
    ClassDef,
    DeferredDefinition,
    Expression,
    ExprStmt,
    FunctionDef,
    Lambda,
    Name,
    ParameterKind,
    Return,
)
from fastapi_bgtask_lint.reading.traversal import children, expressions, statements, walk
from fastapi_bgtask_lint.resolving.bindings import Bound
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import Step, steps, whole_body_of
from fastapi_bgtask_lint.resolving.values import (
    Context,
    ExternalInstance,
    FromCall,
    FromParameter,
    Function,
    Instance,
    Site,
    Value,
    Values,
)

_APPENDING = frozenset({"append", "extend", "insert"})


class Attachment:
    """Follows the objects of a function through its uses."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._escapes_from = evaluator.solver.query(self._escapes, False, operator.or_)
        """Whether a function does more with an object than to register tasks on it, by the object and the context."""

    def receiver(self, registration: Registration) -> Values:
        """What the registration is made on; an unannotated parameter with a default is that default, FastAPI injects
        nothing.
        """
        receiver, context = registration.receiver, registration.context
        if receiver is None:
            return ()
        if isinstance(receiver, Name):
            for binding in self.evaluator.reaching(context).at_use.get(receiver.at, ()):
                parameter = binding.parameter if isinstance(binding, Bound) else None
                if parameter is None or parameter.annotation is not None or parameter.default is None:
                    continue
                if context.argument(parameter.name) is None and parameter.kind != ParameterKind.VAR_POSITIONAL:
                    default = self.evaluator.evaluate(parameter.default, context.parent or context)
                    if any(
                        isinstance(v, ExternalInstance | Instance) and isinstance(v.origin, FromCall) for v in default
                    ):
                        provider = self.evaluator.annotations.provider(parameter, context)
                        return self.evaluator.evaluate(receiver, context) if provider else default
        return self.evaluator.evaluate(receiver, context)

    def is_first(self, registration: Registration) -> bool:
        """No registration on the same object stands before this one in its function."""
        mine = set(self.receiver(registration))
        places = [
            (registration.context, registration.call),
            *((c.context, c.call) for c in registration.call_path.calls),
        ]
        return not any(self._registered_before(mine, context, call) for context, call in places)

    def _registered_before(self, mine: set[Value], context: Context, place: Call) -> bool:
        for step in steps(context):
            call = step.expression
            if call is place:
                return False
            if not isinstance(call, Call) or not isinstance(call.function, Attribute) or not _is_add_task(call):
                continue
            if mine & set(self.evaluator.evaluate(call.function.value, context)):
                return True
        return False

    def escapes(self, value: Value, registration: Registration) -> bool:
        """The object is used for anything but registrations: returned, stored, awaited, attached or handed on."""
        if not isinstance(value, ExternalInstance | Instance) or not isinstance(value.origin, FromCall):
            return True
        if self._escapes_from((value, registration.context)):
            return True
        maker = value.origin.site.context
        if maker is registration.context or maker.scope is registration.context.scope:
            return False
        if maker.scope is None:
            # A default is made once by the module's own code: only the parameter's function can use it.
            return not self._is_default(value, registration.context)
        by_dependency = isinstance(registration.receiver, Name) and self._is_parameter(registration)
        return not by_dependency and self._escapes_from((value, maker))

    def _is_default(self, value: ExternalInstance | Instance, context: Context) -> bool:
        scope = context.scope
        if not isinstance(scope, FunctionDef) or not isinstance(value.origin, FromCall):
            return False
        made = value.origin.site.fact
        return any(p.default is not None and any(found is made for found in walk(p.default)) for p in scope.parameters)

    def _is_parameter(self, registration: Registration) -> bool:
        assert registration.receiver is not None
        bindings = self.evaluator.reaching(registration.context).at_use.get(registration.receiver.at, ())
        return bool(bindings) and all(isinstance(binding, Bound) for binding in bindings)

    def _escapes(self, key: tuple[Value, Context]) -> bool:
        value, context = key
        if self._is_captured(value, context):
            return True
        benign = set(self._registering(value, context))
        for step in steps(context):
            expression = step.expression
            if not isinstance(expression, Name) or expression.at in benign or self._is_target(step):
                continue
            if value in self.evaluator.evaluate(expression, context):
                return not self._is_kept_on_injected(step, context)
        return False

    @staticmethod
    def _is_target(step: Step) -> bool:
        statement = step.statement
        return isinstance(statement, Assign) and any(step.expression is target for target in statement.targets)

    def _is_kept_on_injected(self, step: Step, context: Context) -> bool:
        """`response.background = tasks` on the injected response is no attachment: FastAPI ignores it."""
        statement = step.statement
        return (
            isinstance(statement, Assign)
            and statement.value is step.expression
            and self._on_injected_response(statement, context)
        )

    def _on_injected_response(self, statement: Assign, context: Context) -> bool:
        target = statement.targets[0]
        if not isinstance(target, Attribute) or target.attr != "background":
            return False
        responses = self.evaluator.evaluate(target.value, context)
        injected = bool(responses) and all(
            is_response(self.evaluator, value)
            and isinstance(value, ExternalInstance | Instance)
            and isinstance(value.origin, FromParameter)
            for value in responses
        )
        return injected and not self._is_returned(target.value, context)

    def _is_returned(self, response: Expression, context: Context) -> bool:
        if not isinstance(response, Name):
            return True
        return any(
            isinstance(step.expression, Name)
            and step.expression.id == response.id
            and isinstance(step.statement, Return)
            for step in steps(context)
        )

    def _registering(self, value: Value, context: Context) -> Iterator[int]:
        """The ordinals of the names through which tasks are registered, here or in a helper."""
        for step in steps(context):
            expression = step.expression
            if isinstance(expression, Attribute) and expression.attr == "add_task":
                yield expression.value.at
            if isinstance(expression, Call) and isinstance(expression.function, Attribute):
                yield from _appended_to(expression.function)
            if isinstance(expression, Call) and _is_add_task(expression):
                # A task that gets the object it is registered on does not run either.
                yield from (argument.value.at for argument in expression.arguments)
            elif isinstance(expression, Call):
                yield from self._helped(value, expression, context)

    def _helped(self, value: Value, call: Call, context: Context) -> Iterator[int]:
        """The names by which a call hands the object to helpers that only register tasks on it."""
        names = [a.value for a in call.arguments if isinstance(a.value, Name)]
        if not any(value in self.evaluator.evaluate(name, context) for name in names):
            return
        callees = self.evaluator.evaluate(call.function, context)
        functions = [callee for callee in callees if isinstance(callee, Function)]
        if not functions or len(functions) != len(callees):
            return
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        entered = [self.evaluator.calls.enter(function, arguments, Site(context, call)) for function in functions]
        if any(self._escapes_from((value, inner)) for inner in entered):
            return
        yield from (name.at for name in names)

    def _is_captured(self, value: Value, context: Context) -> bool:
        """A nested function or lambda reads the object's name: what it does with it is not followed."""
        names = {
            step.expression.id
            for step in steps(context)
            if isinstance(step.expression, Name) and value in self.evaluator.evaluate(step.expression, context)
        }
        return _is_read_inside(context, names)

    # --- single tasks -------------------------------------------------------------------------------------------------

    def is_dropped(self, registration: Registration) -> bool:
        """A `BackgroundTask(...)` as a statement, bound to a name nobody reads, or put on the injected response."""
        statement, call = registration.statement, registration.call
        if isinstance(statement, ExprStmt):
            return statement.value is call
        if not isinstance(statement, Assign) or statement.value is not call or len(statement.targets) != 1:
            return False
        if isinstance(statement.targets[0], Name):
            return self._is_never_read(statement.targets[0], registration.context)
        return self._on_injected_response(statement, registration.context)

    def _is_never_read(self, target: Name, context: Context) -> bool:
        if not isinstance(context.scope, FunctionDef) or target.id in self.evaluator.reaching(context).declared:
            return False
        reads = any(
            isinstance(step.expression, Name) and step.expression.id == target.id and step.expression is not target
            for step in steps(context)
        )
        return not reads and not _is_read_inside(context, {target.id})


def _appended_to(function: Attribute) -> Iterator[int]:
    """The object of `object.tasks.append`."""
    if function.attr in _APPENDING and isinstance(function.value, Attribute) and function.value.attr == "tasks":
        yield function.value.value.at


def _is_add_task(call: Call) -> bool:
    return isinstance(call.function, Attribute) and call.function.attr == "add_task"


def _is_read_inside(context: Context, names: set[str]) -> bool:
    """A function, class or lambda in the context's scope reads one of the names."""
    return any(_reads(step.expression, names) for step in steps(context)) or any(
        isinstance(statement, FunctionDef | ClassDef) and _body_reads(statement, names, context.module)
        for statement in statements(whole_body_of(context))
    )


def _reads(expression: Expression, names: set[str]) -> bool:
    """A lambda inside the expression reads one of the names."""
    if not isinstance(expression, Lambda):
        return False
    stack: list[Expression] = [expression.body]
    while stack:
        current = stack.pop()
        if isinstance(current, Name) and current.id in names:
            return True
        stack.extend(children(current))
        if isinstance(current, Lambda):
            stack.append(current.body)
    return False


def _body_reads(definition: FunctionDef | ClassDef, names: set[str], module: Module) -> bool:
    for written in statements(definition.body):
        statement = (module.definition(written) or written) if isinstance(written, DeferredDefinition) else written
        if isinstance(statement, FunctionDef | ClassDef) and _body_reads(statement, names, module):
            return True
        for top in expressions(statement):
            for found in walk(top):
                if (isinstance(found, Name) and found.id in names) or _reads(found, names):
                    return True
    return False
