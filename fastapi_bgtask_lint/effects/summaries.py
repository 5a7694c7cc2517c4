"""What a function does, worked out once a frame: everything below it with the handlers and deadlines on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fastapi_bgtask_lint.effects.driven import Driven
from fastapi_bgtask_lint.effects.effect import Effect, Kind, Side, Timing
from fastapi_bgtask_lint.effects.endless import Endless
from fastapi_bgtask_lint.effects.guards import Guards
from fastapi_bgtask_lint.effects.timing import Timings
from fastapi_bgtask_lint.framework.outcomes import ENDS, Outcomes
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Await,
    Call,
    ClassDef,
    Comprehension,
    Expression,
    For,
    FunctionDef,
    Handler,
    If,
    Lambda,
    Match,
    Name,
    Raise,
    Statement,
    Try,
    While,
    With,
    Yield,
)
from fastapi_bgtask_lint.reading.traversal import blocks, children, expressions
from fastapi_bgtask_lint.resolving.conditions import possible
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import handed
from fastapi_bgtask_lint.resolving.values import (
    Class,
    Coroutine,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Generator,
    Given,
    Instance,
    Literal,
    Made,
    Partial,
    Site,
    Value,
    Values,
)

_MOST = 400
"""A summary keeps at most so many effects: what lies below is told by those already."""
_ENDING = frozenset({"close", "aclose", "release", "wait_closed"})
"""Methods that only end something: leaving is not what fails."""
_AT_ONCE = frozenset({"os._exit", "os.abort"})
_UNWRITTEN = "builtins.NotImplementedError"
_FALLIBLE = frozenset({"network", "process", "database", "file", "lock"})


@dataclass(eq=False)
class Summaries:
    """Works out what functions do."""

    evaluator: Evaluator
    outcomes: Outcomes
    _known: dict[Frame, tuple[Effect, ...]] = field(default_factory=dict)
    _timings: Timings = field(init=False)
    _guards: Guards = field(init=False)
    _driven: Driven = field(init=False)
    _endless: Endless = field(init=False)

    def __post_init__(self) -> None:
        self._timings = Timings(self.evaluator)
        self._guards = Guards(self.evaluator, self.outcomes, self)
        self._driven = Driven(self.evaluator)
        self._endless = Endless(self.evaluator)

    def of(self, frame: Frame) -> tuple[Effect, ...]:
        """Everything that running the body of a function does; nothing for a function that is being worked out."""
        if frame not in self._known:
            self._known[frame] = ()
            self._known[frame] = _shortest(self._body(frame))
        return self._known[frame]

    def of_function(self, function: Function, frame: Frame) -> Iterator[Effect]:
        """What running a function does, within the decorators that the configuration speaks of."""
        rows = [self.evaluator.table.row(name) for name in function.taught]
        for effect in self.of(frame):
            for row in rows:
                if row is not None and row.catches:
                    effect = effect.caught()
                if row is not None and row.deadline is not None:
                    effect = effect.within_deadline()
            yield effect

    def _body(self, frame: Frame) -> Iterator[Effect]:
        scope = frame.scope
        if isinstance(scope, Lambda):
            yield from self._expression(scope.body, frame)
            for value in self.evaluator.evaluate(scope.body, frame):
                if isinstance(value, Coroutine):
                    continue
        elif isinstance(scope, FunctionDef) and not self.evaluator.classes.is_abstract(scope):
            yield from self._endless.by_decorators(scope, frame)
            yield from self._block(scope.body, frame, None)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _block(self, body: Sequence[Statement], frame: Frame, within: Handler | None) -> Iterator[Effect]:
        scope = frame.scope
        held = self.evaluator.calls.conditions(scope) if isinstance(scope, FunctionDef) else {}
        reached = self.evaluator.reaching(frame).reached
        for statement in body:
            if statement.at in reached and possible(self.evaluator, held.get(statement.at, ()), frame):
                yield from self._statement(statement, frame, within)

    def _statement(self, statement: Statement, frame: Frame, within: Handler | None) -> Iterator[Effect]:
        match statement:
            case Try():
                yield from self._try(statement, frame, within)
            case With():
                yield from self._with(statement, frame, within)
            case Raise():
                yield from self._expressions(statement, frame)
                yield from self._raise(statement, frame, within)
            case For():
                yield from self._for(statement, frame, within)
            case FunctionDef() | ClassDef():
                return
            case If() | While() | Match():
                yield from self._expressions(statement, frame)
                yield from self._endless.by_loop(statement, frame)
                for block in blocks(statement):
                    yield from self._block(block, frame, within)
            case _:
                yield from self._expressions(statement, frame)

    def _expressions(self, statement: Statement, frame: Frame) -> Iterator[Effect]:
        targets = statement.targets if isinstance(statement, Assign) else ()
        for expression in expressions(statement):
            if not (expression in targets and isinstance(expression, Name)):
                yield from self._expression(expression, frame)

    def _try(self, statement: Try, frame: Frame, within: Handler | None) -> Iterator[Effect]:
        guards = False
        for effect in self._block(statement.body, frame, within):
            guards = guards or (effect.fails and effect.kind is Kind.CALL)
            yield self._guards.through_handlers(effect, statement.handlers, frame)
        for handler in statement.handlers:
            if self._guards.takes_much(handler, frame):
                yield Effect(Kind.HANDLER, "except", (Site(frame, handler),), attempt=statement, guards=guards)
            yield from self._block(handler.body, frame, handler)
        yield from self._block(statement.orelse, frame, within)
        yield from self._block(statement.final, frame, within)

    def _with(self, statement: With, frame: Frame, within: Handler | None) -> Iterator[Effect]:
        for item in statement.items:
            yield from self._context(item.context, statement, frame)
        effects: Iterable[Effect] = self._block(statement.body, frame, within)
        for effect in effects:
            for item in reversed(statement.items):
                effect = self._guards.through_context(effect, item.context, frame)
            yield effect

    def _context(self, context: Expression, statement: With, frame: Frame) -> Iterator[Effect]:
        yield from self._expression(context, frame, statement.is_async)
        for value in self.evaluator.evaluate(context, frame):
            if isinstance(value, Generator) and value.function.manages:
                inner = (effect for effect in self.of(value.frame) if effect.kind is not Kind.YIELD)
                yield from (effect.called_from(Site(frame, context)) for effect in inner)
            if isinstance(value, Instance):
                for name in ("__aenter__", "__enter__"):
                    for method in self.evaluator.classes.method(value.cls, name, (value,)):
                        yield from self._run(method, (), Site(frame, context))
        deadline = self._guards.deadline(context, frame)
        if deadline is not None and deadline.raises:
            yield Effect(Kind.DEADLINE, deadline.name, (Site(frame, context),), fails=True)

    def _for(self, statement: For, frame: Frame, within: Handler | None) -> Iterator[Effect]:
        yield from self._expression(statement.iterable, frame, statement.is_async)
        yield from self._iterated(statement.iterable, frame)
        yield from self._driven.by_loop(statement, frame)
        yield from self._endless.by_loop(statement, frame)
        yield from self._block(statement.body, frame, within)
        yield from self._block(statement.orelse, frame, within)

    def _iterated(self, iterable: Expression, frame: Frame) -> Iterator[Effect]:
        for value in self.evaluator.evaluate(iterable, frame):
            if isinstance(value, Generator):
                inner = (effect for effect in self.of(value.frame) if effect.kind is not Kind.YIELD)
                yield from (effect.called_from(Site(frame, iterable)) for effect in inner)

    def _raise(self, statement: Raise, frame: Frame, within: Handler | None) -> Iterator[Effect]:
        if statement.exception is None and (within is None or self._guards.reraises(within)):
            return
        if within is not None and self._guards.reraises(within) and self._guards.is_reraise(statement, within):
            return
        raised = () if statement.exception is None else self.evaluator.evaluate(statement.exception, frame)
        if any(getattr(value, "name", getattr(value, "type", "")) == _UNWRITTEN for value in raised):
            # Whoever calls it means another class, which has the method.
            return
        yield Effect(Kind.RAISE, "raise", (Site(frame, statement),), raised=raised, fails=True)

    # --- expressions --------------------------------------------------------------------------------------------------

    def _expression(self, expression: Expression, frame: Frame, awaited: bool = False) -> Iterator[Effect]:
        match expression:
            case Await():
                yield from self._expression(expression.value, frame, True)
                yield from self._awaited(expression, frame)
            case Call():
                yield from self._call(expression, frame, awaited)
            case Yield():
                for child in children(expression):
                    yield from self._expression(child, frame)
                yield Effect(Kind.YIELD, "yield", (Site(frame, expression),), fails=True)
            case Comprehension():
                for clause in expression.clauses:
                    yield from self._expression(clause.iterable, frame, clause.is_async)
                    yield from self._iterated(clause.iterable, frame)
                    for condition in clause.conditions:
                        yield from self._expression(condition, frame)
                yield from self._expression(expression.element, frame)
            case _:
                for child in children(expression):
                    yield from self._expression(child, frame)

    def _awaited(self, expression: Await, frame: Frame) -> Iterator[Effect]:
        """What the coroutines do that are awaited here."""
        if isinstance(expression.value, Call) and self._is_runner(expression.value, frame):
            return
        site = Site(frame, expression.value if isinstance(expression.value, Call) else expression)
        yield from self._coroutines(self.evaluator.evaluate(expression.value, frame), site)

    def _coroutines(self, values: Values, site: Site) -> Iterator[Effect]:
        for value in values:
            if isinstance(value, Coroutine):
                yield from (effect.called_from(site) for effect in self.of_function(value.function, value.frame))
            elif isinstance(value, Data) and value.type in ("list", "tuple", "generator", "set"):
                yield from self._coroutines(tuple(v for _, found in value.items for v in found), site)

    def _is_runner(self, call: Call, frame: Frame) -> bool:
        return any(row is not None and row.runs and not row.wraps for _, row in self._rows(call, frame))

    def _rows(self, call: Call, frame: Frame) -> Iterator[tuple[Value, Row | None]]:
        for callee in self.evaluator.evaluate(call.function, frame):
            yield callee, self.row(callee)

    def row(self, callee: Value) -> Row | None:
        """What the table says of a callable."""
        table = self.evaluator.table
        match callee:
            case External(name=name):
                return table.row(name)
            case ExternalMethod():
                return table.method(callee.receiver.type, callee.name)
            case ExternalInstance():
                return table.method(callee.type, "__call__")
            case Function() | Class():
                taught = self.evaluator.taught(callee)
                return table.row(taught) if taught is not None else None
            case _:
                return None

    def _call(self, call: Call, frame: Frame, awaited: bool) -> Iterator[Effect]:
        yield from self._driven.by_call(call, frame)
        callees = list(self._rows(call, frame))
        runners = [row for _, row in callees if row is not None and row.runs and not row.wraps]
        if runners:
            yield from self._runner(call, runners[0], frame, awaited)
            return
        for child in children(call):
            yield from self._expression(child, frame)
        given = self.evaluator.calls.given(call, frame)
        for callee, _ in callees:
            yield from self._run(callee, given, Site(frame, call), awaited)

    def _run(self, callee: Value, given: tuple[Given, ...], site: Site, awaited: bool = False) -> Iterator[Effect]:
        """What calling a value does; a coroutine function does nothing until it is awaited."""
        taught = self.row(callee) if isinstance(callee, Function) else None
        match callee:
            case Function() if taught is not None and taught.decorator is None:
                yield from self._library(callee, given, site, awaited)
            case Function(definition=definition):
                if isinstance(definition, FunctionDef) and (definition.is_async or definition.is_generator):
                    return
                frame = self.evaluator.calls.enter(callee, given, site)
                yield from (effect.called_from(site) for effect in self.of_function(callee, frame))
            case Class():
                for method in self.evaluator.classes.method(callee, "__init__", (Instance(callee),)):
                    yield from self._run(method, given, site)
            case Instance():
                for method in self.evaluator.classes.method(callee.cls, "__call__", (callee,)):
                    yield from self._run(method, given, site)
            case Partial():
                for function in callee.function:
                    yield from self._run(function, (*callee.given, *given), site, awaited)
            case External() | ExternalMethod() | ExternalInstance():
                yield from self._library(callee, given, site, awaited)

    def _library(self, callee: Value, given: tuple[Given, ...], site: Site, awaited: bool) -> Iterator[Effect]:
        if isinstance(callee, ExternalInstance):
            yield from self._wrapped(callee, given, site, awaited)
        row = self.row(callee)
        if _name(callee) in ENDS:
            yield from _leaving(_name(callee), site)
            return
        if row is not None and awaited and row.awaitable == "no" and row.blocks:
            # What is awaited is not this: of a connection that may be either, the code knows which.
            return
        receiver = callee.receiver if isinstance(callee, ExternalMethod) else None
        if row is None:
            outside = awaited and not _is_plain(callee)
            if _last(callee) in _ENDING:
                return
            if outside or (receiver is not None and self._from_fallible(receiver)):
                yield Effect(Kind.CALL, _name(callee), (site,), receiver=receiver, fails=True, awaited=awaited)
            return
        bound = self._timings.of(row, given, receiver)
        yield Effect(
            Kind.CALL,
            self.evaluator.table.canonical(_name(callee)),
            (site,),
            row=row,
            receiver=receiver,
            fails=row.fails and not row.cleanup and _last(callee) not in _ENDING,
            awaited=awaited or row.awaitable != "no",
            timing=bound.timing,
            client=bound.client,
        )

    def _wrapped(
        self, callee: ExternalInstance, given: tuple[Given, ...], site: Site, awaited: bool
    ) -> Iterator[Effect]:
        """What an object does that runs what it was made of: `async_to_sync(f)(x)`, `sync_to_async(f)(x)`."""
        found = self.evaluator.calls.library.wrapped(callee)
        if found is None:
            return
        row, functions = found
        yield Effect(Kind.CALL, f"{callee.type}.__call__", (site,), row=row, awaited=awaited)
        if row.runs == "new-loop":
            made = self.evaluator.calls.call(functions, given, site)
            yield from (effect.moved(Side.NEW_LOOP) for effect in self._coroutines(made, site))
            return
        for function in functions:
            yield from (effect.moved(Side.THREAD) for effect in self._run(function, given, site))

    def _from_fallible(self, receiver: ExternalInstance) -> bool:
        """The object was returned by a call that can fail: so can its methods."""
        if not isinstance(receiver.origin, Made) or not isinstance(receiver.origin.site.fact, Call):
            return False
        site = receiver.origin.site
        assert isinstance(site.fact, Call)
        rows = [row for _, row in self._rows(site.fact, site.frame)]
        return any(row is not None and row.kind in _FALLIBLE and row.fails for row in rows)

    # --- runners ------------------------------------------------------------------------------------------------------

    def _runner(self, call: Call, row: Row, frame: Frame, awaited: bool) -> Iterator[Effect]:
        """What a runner makes happen, on which side and within which deadline."""
        site = Site(frame, call)
        given = self.evaluator.calls.given(call, frame)
        bounded = self._guards.bounds(row, given)
        quiet = _collects_exceptions(given)
        for effect in self._ran(call, row, given, site):
            if bounded:
                effect = effect.within_deadline()
            yield effect.caught() if quiet else effect
        callee = next((value for value, found in self._rows(call, frame) if found is row), None)
        name = self.evaluator.table.canonical(_name(callee)) if callee is not None else ""
        receiver = callee.receiver if isinstance(callee, ExternalMethod) else None
        if bounded and row.deadline_raises:
            yield Effect(Kind.DEADLINE, name, (site,), fails=True)
        bound = self._timings.of(row, given, None) if row.deadline is None else None
        timing = bound.timing if bound is not None else Timing.NO_WAIT
        yield Effect(Kind.CALL, name, (site,), row=row, receiver=receiver, awaited=awaited, timing=timing)

    def _ran(self, call: Call, row: Row, given: tuple[Given, ...], site: Site) -> Iterator[Effect]:
        frame = site.frame
        for child in children(call):
            yield from self._expression(child, frame, row.runs in ("await", "loop", "new-loop"))
        if row.runs == "schedule" or row.detached:
            # It is handed over, and who does so neither waits for it nor hears of it.
            return
        if row.runs in ("await", "loop", "new-loop"):
            targets = [g for g in given if g.keyword is None] if row.runs_argument == "*" else [handed(row, given)[0]]
            side = Side.NEW_LOOP if row.runs == "new-loop" else Side.HERE
            for target in targets:
                if target is not None:
                    place = Site(frame, target.expression) if target.expression is not None else site
                    where = place if isinstance(target.expression, Call) else site
                    # `anyio.run` takes the function where others take its coroutine.
                    functions = tuple(value for value in target.values if isinstance(value, Function | Partial))
                    made = self.evaluator.calls.call(functions, handed(row, given)[1], where)
                    yield from (effect.moved(side) for effect in self._coroutines((*target.values, *made), where))
            return
        target, rest = handed(row, given)
        if target is None or row.runs == "process":
            return
        for value in target.values:
            for effect in self._run(value, rest if row.forwards else (), site):
                yield effect.moved(Side.THREAD) if row.runs == "thread" else effect


def _leaving(name: str, site: Site) -> Iterator[Effect]:
    if name in _AT_ONCE:
        yield Effect(Kind.EXIT, name, (site,))
        return
    yield Effect(Kind.RAISE, name, (site,), raised=(External("builtins.SystemExit"),), fails=True)


def _collects_exceptions(given: tuple[Given, ...]) -> bool:
    return any(
        argument.keyword == "return_exceptions"
        and any(isinstance(value, Literal) and value.value is True for value in argument.values)
        for argument in given
    )


def _name(callee: Value) -> str:
    match callee:
        case External(name=name):
            return name
        case ExternalMethod():
            return callee.qualified
        case ExternalInstance(type=name):
            return f"{name}.__call__"
        case Function(definition=FunctionDef() as definition):
            return definition.name
        case _:
            return ""


def _last(callee: Value) -> str:
    return _name(callee).rpartition(".")[2]


def _is_plain(callee: Value) -> bool:
    """Nothing that is awaited, whatever the code says: a built-in, or an object whose type nobody knows."""
    return _name(callee).startswith(("builtins.", "types."))


def _shortest(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Each effect once, by the shortest of the chains that lead to it."""
    kept: dict[tuple[object, ...], Effect] = {}
    for effect in effects:
        leaf = effect.leaf
        key = (leaf.frame.module, leaf.fact.at, effect.what, effect.side, effect.fails, effect.bounded, effect.timing)
        known = kept.get(key)
        if known is None or len(effect.chain) < len(known.chain):
            kept[key] = effect
        if len(kept) >= _MOST:
            break
    return tuple(kept.values())
