"""What a registration hands over that does not live as long as the task: values of the request, and closed ones."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.outcomes import Outcomes
from fastapi_bgtask_lint.framework.registrations import Registration, Target
from fastapi_bgtask_lint.framework.scopes import calls, steps
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Await,
    Call,
    ClassDef,
    Expression,
    Formatted,
    FunctionDef,
    Lambda,
    Name,
    Operation,
    Yield,
)
from fastapi_bgtask_lint.reading.traversal import children, expressions, statements, walk
from fastapi_bgtask_lint.resolving.bindings import Assigned, Binding
from fastapi_bgtask_lint.resolving.calls import own_expressions, yields
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    Data,
    Entered,
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Generator,
    Injected,
    Instance,
    Kept,
    Made,
    Partial,
    Site,
    Value,
    Values,
    union,
)

_DEPTH = 8
_FUNCTIONS = 60
"""A task that uses an object in more functions than this is looked at no further."""
_HELD = 2
"""How many objects deep a session may be held."""
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


class Life(enum.Enum):
    """When the life of a value ends."""

    REQUEST = "with the request"
    CLOSED = "before the response"


@dataclass(frozen=True, slots=True)
class Handed:
    """A value that is handed over, its end, and where it comes from."""

    value: Value
    life: Life
    source: Site
    is_session: bool
    held_by: str = ""
    """The class and attribute of the object that holds it."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Finds out what registrations hand over."""

    evaluator: Evaluator
    outcomes: Outcomes
    safe_providers: tuple[str, ...] = ()

    def of(self, registration: Registration, targets: tuple[Target, ...]) -> Iterator[Handed]:
        """What the registration hands over that ends before the task can use it, or that the request owns."""
        frame = registration.frame
        for argument in registration.given:
            values = argument.values
            if argument.expression is not None:
                values = union(values, self._sources(argument.expression, frame))
            for value in self._reached(values, _DEPTH):
                yield from self._judged(value, registration, "")
        if registration.target is not None:
            for value in self._reached(registration.target.values, _DEPTH):
                if not self._is_task_itself(value, registration):
                    yield from self._judged(value, registration, "")
        for target in targets:
            yield from self._held(target, registration)

    @staticmethod
    def _is_task_itself(value: Value, registration: Registration) -> bool:
        return registration.target is not None and value in registration.target.values and isinstance(value, Instance)

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
                    for argument in value.given:
                        yield from self._reached(argument.values, depth - 1)
                        if argument.expression is not None:
                            sources = self._sources(argument.expression, value.site.frame)
                            yield from self._reached(sources, depth - 1)
                    yield from self._reached(value.function, depth - 1)
                case ExternalMethod():
                    row = self.evaluator.table.method(value.receiver.type, value.name)
                    cleans = value.name in _CLEANING or (row is not None and row.cleanup)
                    if not cleans:
                        yield value.receiver
                case Function():
                    yield from self._reached(self._captured(value), depth - 1)
                case _:
                    yield value

    def _captured(self, function: Function) -> Values:
        """What a lambda or nested function reads of the functions round it."""
        if function.parent.scope is None or isinstance(function.parent.scope, ClassDef):
            return ()
        definition = function.definition
        inner = self.evaluator.frame(function.module, definition, function.parent)
        local = self.evaluator.reaching(inner).everywhere
        found: Values = ()
        for name in _names(definition):
            if name.id not in local and self._is_local_of(name.id, function.parent):
                found = union(found, self._sources(name, inner))
        return found

    def _is_local_of(self, name: str, frame: Frame) -> bool:
        where: Frame | None = frame
        while where is not None and where.scope is not None:
            if not isinstance(where.scope, ClassDef) and name in self.evaluator.reaching(where).everywhere:
                return True
            where = where.parent
        return False

    def _sources(self, expression: Expression, frame: Frame, depth: int = _DEPTH) -> Values:
        """The values of an expression, and of what a path or text is built from."""
        values = self.evaluator.evaluate(expression, frame)
        if depth == 0:
            return values
        found = [values]
        found += [self._sources(part, frame, depth - 1) for part in self._built_from(expression, frame)]
        if isinstance(expression, Name):
            bindings = self.evaluator.reaching(frame).at_use.get(expression.at, ())
            found += [self._sources(value, frame, depth - 1) for value in _assigned(bindings)]
            found += self._outer_sources(expression, frame, depth)
        return union(*found)

    def _outer_sources(self, name: Name, frame: Frame, depth: int) -> list[Values]:
        if name.at in self.evaluator.reaching(frame).at_use or frame.parent is None or frame.parent.scope is None:
            return []
        bindings = self.evaluator.reaching(frame.parent).everywhere.get(name.id, ())
        return [self._sources(value, frame.parent, depth - 1) for value in _assigned(bindings)]

    def _built_from(self, expression: Expression, frame: Frame) -> Iterator[Expression]:
        match expression:
            case Operation(operator="/" | "+"):
                yield from expression.operands
            case Formatted():
                yield from expression.values
            case Attribute(attr=attr) if attr in _PATH_ATTRIBUTES:
                yield expression.value
            case Call(function=Attribute(attr=attr, value=owner)) if attr in _SAME_PATH_METHODS:
                yield owner
            case Call():
                callees = self.evaluator.evaluate(expression.function, frame)
                if any(isinstance(callee, External) and callee.name in _SAME_PATH for callee in callees):
                    yield from (argument.value for argument in expression.arguments)

    # --- what it is ---------------------------------------------------------------------------------------------------

    def is_session(self, value: Value) -> bool:
        """The value is a database session or connection, by its type."""
        table = self.evaluator.table
        match value:
            case ExternalInstance(type=name):
                return table.is_session(name)
            case Instance():
                bases = self.evaluator.classes.external_bases(value.cls)
                return any(isinstance(base, External) and table.is_session(base.name) for base in bases)
            case _:
                return False

    def _judged(self, value: Value, registration: Registration, held_by: str) -> Iterator[Handed]:
        if not isinstance(value, ExternalInstance | Instance):
            return
        origin = value.origin
        session = self.is_session(value)
        match origin:
            case Injected() if session and self._is_request_scoped(origin):
                yield Handed(value, Life.REQUEST, Site(origin.frame, origin.parameter), session, held_by)
            case Kept() if session:
                yield Handed(value, Life.REQUEST, origin.site, session, held_by)
            case Entered() if self._ends(value, origin, registration):
                yield Handed(value, Life.CLOSED, origin.site, session, held_by)
            case Made() if self._is_closed(value, origin, registration):
                yield Handed(value, Life.CLOSED, origin.site, session, held_by)

    def _is_request_scoped(self, origin: Injected) -> bool:
        """The provider yields, and is none that the configuration calls safe."""
        for provider in origin.provider:
            if not isinstance(provider, Function) or not isinstance(provider.definition, FunctionDef):
                continue
            if provider.definition.is_generator and not self._is_safe(provider):
                return True
        return False

    def _is_safe(self, provider: Function) -> bool:
        assert isinstance(provider.definition, FunctionDef)
        name = provider.definition.name
        dotted = ".".join((*provider.module.path.with_suffix("").parts, name))
        return any(dotted == safe or dotted.endswith(f".{safe}") for safe in self.safe_providers)

    def _ends(self, value: ExternalInstance | Instance, origin: Entered, registration: Registration) -> bool:
        """The `with` stands in the handler or in a helper on the way, and its end closes the value."""
        frames = [registration.frame, *(caller.frame for caller in registration.way.calls)]
        scopes = [frame.scope for frame in frames]
        if not any(origin.site.frame.scope is scope for scope in scopes) or _yields_inside(origin):
            return False
        return self._is_closing(value, origin)

    def _is_closing(self, value: ExternalInstance | Instance, origin: Entered) -> bool:
        """Leaving the `with` ends the life of what it bound."""
        contexts = self.evaluator.evaluate(origin.site.fact, origin.site.frame)  # type: ignore[arg-type]
        if _keeps_file(origin.site.fact):
            return False
        for context in (value, *self.evaluator.awaited(contexts)):
            if isinstance(context, Generator):
                return self._yields_closing(context)
            if isinstance(context, ExternalInstance):
                row = self.evaluator.table.type(context.type)
                if row is not None and row.silent:
                    return False
                if row is not None and row.closes:
                    return True
        return self.is_session(value)

    def _yields_closing(self, context: Generator) -> bool:
        """A project's `@contextmanager` that gives a session, or a value that a `with` of its own closes."""
        values = self.evaluator.calls.yields(context.function, context.frame)
        return any(self.is_session(value) for value in values) and bool(
            isinstance(context.function.definition, FunctionDef) and yields(context.function.definition)
        )

    def _is_closed(self, value: ExternalInstance | Instance, origin: Made, registration: Registration) -> bool:
        """The handler itself closes what it made."""
        frames = [registration.frame, *(caller.frame for caller in registration.way.calls)]
        if not any(origin.site.frame.scope is frame.scope for frame in frames) or origin.site.frame.scope is None:
            return False
        if _keeps_file(origin.site.fact):
            return False
        places = {registration.frame: registration.call} | {
            caller.frame: caller.call for caller in registration.way.calls
        }
        return any(
            self._closes(call, value, frame) and self._meets(frame, call, place)
            for frame, place in places.items()
            for _, call in calls(frame)
        )

    def _meets(self, frame: Frame, closing: Call, place: Call) -> bool:
        """Some way through the function closes the value and hands it over, in whatever order."""
        return self.outcomes.passes(frame, closing, place) or self.outcomes.passes(frame, place, closing)

    def _closes(self, call: Call, value: ExternalInstance | Instance, frame: Frame) -> bool:
        if not isinstance(call.function, Attribute) or not isinstance(value, ExternalInstance):
            return False
        row = self.evaluator.table.type(value.type)
        closers = row.closers if row is not None else ()
        return call.function.attr in closers and value in self.evaluator.evaluate(call.function.value, frame)

    # --- what objects hold --------------------------------------------------------------------------------------------

    def _held(self, target: Target, registration: Registration) -> Iterator[Handed]:
        """Sessions that an object holds whose method is the task, or that is handed over, where the task reads them."""
        function = target.value
        if not isinstance(function, Function):
            return
        frame = self.evaluator.calls.enter(function, target.given, registration.site)
        objects = [*function.receiver, *(v for given in target.given for v in given.values)]
        start: tuple[Frame, ...] = (frame,)
        waiting = [(value, start, _HELD) for value in objects if isinstance(value, Instance)]
        seen: set[Value] = set()
        while waiting:
            value, frames, depth = waiting.pop(0)
            if value in seen or self.is_session(value):
                continue
            seen.add(value)
            attributes, used = self._read(value, frames)
            for attribute in sorted(attributes):
                for held in self._reached(self.evaluator.classes.attribute(value, attribute), 2):
                    yield from self._judged(held, registration, f"{value.cls.definition.name}.{attribute}")
                    if isinstance(held, Instance) and depth:
                        waiting.append((held, used, depth - 1))

    def _read(self, value: Instance, start: tuple[Frame, ...]) -> tuple[set[str], tuple[Frame, ...]]:
        """The attributes of an object that functions read, and those that they call on or with it; and all of these."""
        found: set[str] = set()
        used = dict.fromkeys(start)
        waiting = list(start)
        while waiting and len(used) < _FUNCTIONS:
            frame = waiting.pop(0)
            for step in steps(frame):
                expression = step.expression
                if isinstance(expression, Attribute) and value in self.evaluator.evaluate(expression.value, frame):
                    found.add(expression.attr)
                if isinstance(expression, Call):
                    entered = [inner for inner in self._entered_with(value, expression, frame) if inner not in used]
                    used |= dict.fromkeys(entered)
                    waiting += entered
        return found, tuple(used)

    def _entered_with(self, value: Instance, call: Call, frame: Frame) -> Iterator[Frame]:
        callees = self.evaluator.evaluate(call.function, frame)
        for callee in callees:
            if not isinstance(callee, Function):
                continue
            given = self.evaluator.calls.given(call, frame)
            if value in callee.receiver or any(value in argument.values for argument in given):
                yield self.evaluator.calls.enter(callee, given, Site(frame, call))


def _assigned(bindings: Iterable[Binding]) -> list[Expression]:
    return [b.value for b in bindings if isinstance(b, Assigned) and b.value is not None and not b.path]


def _names(definition: FunctionDef | Lambda) -> list[Name]:
    if isinstance(definition, FunctionDef):
        found = [expression for _, expression in own_expressions(definition)]
        lambdas = [expression for expression in found if isinstance(expression, Lambda)]
        inner = [name for expression in lambdas for name in _names(expression)]
        return [expression for expression in found if isinstance(expression, Name)] + inner
    stack: list[Expression] = [definition.body]
    names: list[Name] = []
    while stack:
        current = stack.pop()
        if isinstance(current, Name):
            names.append(current)
        stack.extend(children(current))
    return names


def _yields_inside(origin: Entered) -> bool:
    """The `with` hands its value out by a `yield`: the code round it says when it ends."""
    return any(
        isinstance(found, Yield)
        for statement in statements(origin.statement.body)
        for top in expressions(statement)
        for found in walk(top)
    )


def _keeps_file(fact: object) -> bool:
    """`delete=False`: what is made outlives the block."""
    call = fact.value if isinstance(fact, Await) else fact
    return isinstance(call, Call) and any(
        argument.keyword == "delete" and getattr(argument.value, "value", None) is False for argument in call.arguments
    )
