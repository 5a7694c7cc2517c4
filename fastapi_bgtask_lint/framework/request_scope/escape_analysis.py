"""What a registration hands over: its arguments, what they are built from and hold, and what a closure captures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from fastapi_bgtask_lint.callgraph.body import Edge
from fastapi_bgtask_lint.callgraph.graph import CallGraph
from fastapi_bgtask_lint.callgraph.targets import Target
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    ClassDef,
    Comprehension,
    Expression,
    FString,
    FunctionDef,
    Lambda,
    Name,
    Operation,
)
from fastapi_bgtask_lint.reading.traversal import children, expressions, statements, walk
from fastapi_bgtask_lint.resolving.bindings import Assigned, Binding
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.limits import REACHABLE_FUNCTIONS
from fastapi_bgtask_lint.resolving.ordering import union
from fastapi_bgtask_lint.resolving.scopes import calls, steps
from fastapi_bgtask_lint.resolving.values import (
    Context,
    Coroutine,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    Function,
    Generator,
    Instance,
    Partial,
    Value,
    Values,
)

_DEPTH = 8
_HELD = 2
"""How many objects deep a resource may be held."""
_SAME_PATH = frozenset(
    {
        "pathlib.Path", "pathlib.PurePath", "builtins.str", "os.path.join", "os.fspath", "os.path.abspath",
        "os.path.realpath", "os.path.normpath", "os.path.dirname", "os.path.basename",
    }
)  # fmt: skip
_SAME_PATH_METHODS = frozenset(
    {"joinpath", "resolve", "absolute", "as_posix", "with_name", "with_suffix", "expanduser"}
)
_CLEANING = frozenset({"close", "aclose", "unlink", "rmtree", "cleanup", "disconnect", "shutdown", "release"})
_PATH_ATTRIBUTES = frozenset({"name", "parent"})
_FILES = ("pathlib.", "tempfile.", "io.", "builtins.", "aiofiles.", "anyio.")
_FILLING = frozenset({"append", "add", "extend", "insert"})


@dataclass(frozen=True, slots=True)
class EscapingValue:
    """A value that a task can get hold of."""

    value: Value
    held_by: str = ""
    """The class and attribute of the object that holds it."""


@dataclass(frozen=True, slots=True)
class EscapeAnalysis:
    """Finds out what registrations hand over."""

    evaluator: Evaluator
    graph: CallGraph

    def of(self, registration: Registration, targets: tuple[Target, ...]) -> Iterator[EscapingValue]:
        """Every value that the registration hands over, in the order of the source."""
        context = registration.context
        for argument in registration.arguments:
            values = argument.values
            if argument.expression is not None:
                values = union(values, self._sources(argument.expression, context))
            yield from (EscapingValue(value) for value in self._reached(values, _DEPTH))
        if registration.target is not None:
            for value in self._reached(registration.target.values, _DEPTH):
                if not self._is_task_itself(value, registration):
                    yield EscapingValue(value)
            yield from (EscapingValue(receiver) for receiver in self._of_unlisted_methods(registration.target.values))
        for target in targets:
            yield from self._held(target, registration)

    @staticmethod
    def _is_task_itself(value: Value, registration: Registration) -> bool:
        return registration.target is not None and value in registration.target.values and isinstance(value, Instance)

    def _of_unlisted_methods(self, values: Values) -> Iterator[Value]:
        """The objects of methods that the table does not know: as a task they are used, whatever they do."""
        for value in values:
            if not isinstance(value, ExternalMethod) or value.name in _CLEANING:
                continue
            if self.evaluator.table.method(value.receiver.type, value.name) is None:
                yield value.receiver

    # --- what is reached ----------------------------------------------------------------------------------------------

    def _reached(self, values: Values, depth: int) -> Iterator[Value]:
        """The values, and those inside collections, partials, bound methods, lambdas and nested functions."""
        if depth == 0:
            return
        for value in values:
            match value:
                case Data():
                    for _, found in value.items:
                        yield from self._reached(found, depth - 1)
                case Partial():
                    for argument in value.arguments:
                        yield from self._reached(argument.values, depth - 1)
                        if argument.expression is not None:
                            sources = self._sources(argument.expression, value.site.context)
                            yield from self._reached(sources, depth - 1)
                    yield from self._reached(value.function, depth - 1)
                case ExternalMethod():
                    if self._uses_receiver(value):
                        yield value.receiver
                case Coroutine() | Generator():
                    for _, found in value.context.arguments:
                        yield from self._reached(found, depth - 1)
                case Function():
                    yield from self._reached(self._captured(value), depth - 1)
                    if getattr(value.definition, "name", "") not in _CLEANING:
                        yield from value.receiver
                case _:
                    yield value

    def _uses_receiver(self, method: ExternalMethod) -> bool:
        """It is a method that does more than to clean up, and no mere attribute."""
        table = self.evaluator.table
        row = table.method(method.receiver.type, method.name)
        if row is None:
            return table.is_session(method.receiver.type) and method.name not in _CLEANING
        return not row.cleanup and method.name not in _CLEANING

    def _captured(self, function: Function) -> Values:
        """What a lambda or nested function reads of the functions around it when it runs, and its defaults."""
        if function.parent.scope is None or isinstance(function.parent.scope, ClassDef):
            return ()
        inner = self.evaluator.context(function.module, function.definition, function.parent)
        found = [self._captured_by(name, inner, _DEPTH) for name in _names(function.definition)]
        defaults = (parameter.default for parameter in function.definition.parameters)
        found += [self._sources(default, function.parent) for default in defaults if isinstance(default, Name)]
        return union(*found)

    def _captured_by(self, name: Name, context: Context, depth: int) -> Values:
        """What a name of an outer function is bound to when that function has ended."""
        found = self.evaluator.names.lookup_at_end(name, context)
        if found is None or found.context is context or found.context.scope is None:
            return ()
        assigned = (self._sources(value, found.context, depth - 1) for value in _assigned(found.bindings))
        return union(self.evaluator.names.bound(found), *assigned)

    def _sources(self, expression: Expression, context: Context, depth: int = _DEPTH) -> Values:
        """The values of an expression, and of what a path or text is built from."""
        values = self.evaluator.evaluate(expression, context)
        if depth == 0:
            return values
        found = [values]
        found += [self._sources(part, context, depth - 1) for part in self._built_from(expression, context)]
        if isinstance(expression, Name):
            bindings = self.evaluator.reaching(context).at_use.get(expression.at, ())
            found += [self._sources(value, context, depth - 1) for value in _assigned(bindings)]
            found += self._filled(expression, values, context)
        return union(*found)

    def _is_file(self, owner: Expression, context: Context) -> bool:
        values = self.evaluator.evaluate(owner, context)
        return any(isinstance(value, ExternalInstance) and value.type.startswith(_FILES) for value in values)

    def _filled(self, name: Name, values: Values, context: Context) -> Iterator[Values]:
        """What the function puts into a collection that it has made empty."""
        if not any(isinstance(value, Data) and value.type in ("list", "set", "dict") for value in values):
            return
        for _, call in calls(context):
            function = call.function
            if not isinstance(function, Attribute) or function.attr not in _FILLING or not call.arguments:
                continue
            if isinstance(function.value, Name) and function.value.id == name.id:
                added = self.evaluator.evaluate(call.arguments[-1].value, context)
                yield self.evaluator.items(added) if function.attr == "extend" else added

    def _built_from(self, expression: Expression, context: Context) -> Iterator[Expression]:
        match expression:
            case Operation(operator="/" | "+"):
                yield from expression.operands
            case FString():
                yield from expression.values
            case Attribute(attr=attr, value=owner) if attr in _PATH_ATTRIBUTES and self._is_file(owner, context):
                yield owner
            case Call(function=Attribute(attr=attr, value=owner)) if attr in _SAME_PATH_METHODS:
                yield owner
            case Call():
                callees = self.evaluator.evaluate(expression.function, context)
                if any(isinstance(callee, External) and callee.name in _SAME_PATH for callee in callees):
                    yield from (argument.value for argument in expression.arguments)

    # --- what objects hold --------------------------------------------------------------------------------------------

    def _held(self, target: Target, registration: Registration) -> Iterator[EscapingValue]:
        """What an object holds whose method is the task, or that is handed over, where the task reads it."""
        function = target.value
        if not isinstance(function, Function):
            return
        context = self.evaluator.calls.enter(function, target.arguments, registration.site)
        objects = [*function.receiver, *(v for arguments in target.arguments for v in arguments.values)]
        start: tuple[Context, ...] = (context,)
        waiting = [(value, start, _HELD) for value in objects if isinstance(value, Instance)]
        seen: set[Value] = set()
        while waiting:
            value, contexts, depth = waiting.pop(0)
            if value in seen:
                continue
            seen.add(value)
            attributes, used = self.read(value, contexts)
            for attribute in sorted(attributes):
                for held in self._reached(self.evaluator.classes.attribute(value, attribute), 2):
                    yield EscapingValue(held, f"{value.cls.definition.name}.{attribute}")
                    if isinstance(held, Instance) and depth:
                        waiting.append((held, used, depth - 1))

    def read(self, value: Value, start: tuple[Context, ...]) -> tuple[set[str], tuple[Context, ...]]:
        """The attributes of an object that functions read, and those that they call on or with it; and all of these."""
        found: set[str] = set()
        used = tuple(islice(self.graph.reachable(start, lambda edge: _gets(edge, value)), REACHABLE_FUNCTIONS))
        for context in used:
            for step in steps(context):
                expression = step.expression
                if isinstance(expression, Attribute) and value in self.evaluator.evaluate(expression.value, context):
                    found.add(expression.attr)
        return found, used


def _gets(edge: Edge, value: Value) -> bool:
    """The callee gets the value as an argument or receiver."""
    return any(value in values for _, values in edge.context.arguments)


def _assigned(bindings: Iterable[Binding]) -> list[Expression]:
    return [b.value for b in bindings if isinstance(b, Assigned) and b.value is not None and not b.path]


def free_names(definition: FunctionDef | Lambda, evaluator: Evaluator, context: Context) -> set[str]:
    """The names that a lambda or nested function of a context reads and does not bind itself."""
    inner = evaluator.context(context.module, definition, context)
    local = evaluator.reaching(inner).everywhere
    return {name.id for name in _names(definition) if name.id not in local}


def _names(definition: FunctionDef | Lambda) -> list[Name]:
    if isinstance(definition, Lambda):
        return list(_free(definition.body))
    return [name for statement in statements(definition.body) for top in expressions(statement) for name in _free(top)]


def _free(expression: Expression) -> Iterator[Name]:
    """The names that an expression reads, those that its own lambdas and comprehensions bind left out."""
    stack: list[tuple[Expression, frozenset[str]]] = [(expression, frozenset())]
    while stack:
        current, bound = stack.pop()
        if isinstance(current, Name) and current.id not in bound:
            yield current
        if isinstance(current, Comprehension):
            first, *_ = current.clauses
            targets = (part for clause in current.clauses for part in walk(clause.target))
            inner = bound | {part.id for part in targets if isinstance(part, Name)}
            held = [(child, bound if child is first.iterable else inner) for child in children(current)]
        else:
            held = [(child, bound) for child in children(current)]
        if isinstance(current, Lambda):
            held.append((current.body, bound | {parameter.name for parameter in current.parameters}))
        stack.extend(reversed(held))
