"""What a function does, worked out once a context: everything below it with the handlers and deadlines on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fastapi_bgtask_lint.effects.effect import Effect, EffectKind, Side, Timing
from fastapi_bgtask_lint.effects.endless import Endless
from fastapi_bgtask_lint.effects.guards import Guards
from fastapi_bgtask_lint.effects.partially_consumed import Driven
from fastapi_bgtask_lint.effects.timing import Timings
from fastapi_bgtask_lint.framework.outcomes import ENDS, Outcomes
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Await,
    Call,
    ClassDef,
    Comprehension,
    ExceptHandler,
    Expression,
    For,
    FunctionDef,
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
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import offloaded_callable
from fastapi_bgtask_lint.resolving.rows import qualified_name, row_of
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    Class,
    Context,
    Coroutine,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    Function,
    Generator,
    Instance,
    Literal,
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
    _known: dict[Context, tuple[Effect, ...]] = field(default_factory=dict)
    _timings: Timings = field(init=False)
    _guards: Guards = field(init=False)
    _driven: Driven = field(init=False)
    _endless: Endless = field(init=False)

    def __post_init__(self) -> None:
        self._timings = Timings(self.evaluator)
        self._guards = Guards(self.evaluator, self.outcomes, self)
        self._driven = Driven(self.evaluator)
        self._endless = Endless(self.evaluator)

    def of(self, context: Context) -> tuple[Effect, ...]:
        """Everything that running the body of a function does; nothing for a function that is being worked out."""
        if context not in self._known:
            self._known[context] = ()
            self._known[context] = _shortest(self._body(context))
        return self._known[context]

    def of_function(self, function: Function, context: Context) -> Iterator[Effect]:
        """What running a function does, within the decorators that the configuration speaks of."""
        rows = [self.evaluator.table.row(name) for name in function.configured]
        for effect in self.of(context):
            for row in rows:
                if row is not None and row.catches:
                    effect = effect.caught()
                if row is not None and row.deadline is not None:
                    effect = effect.within_deadline()
            yield effect

    def _body(self, context: Context) -> Iterator[Effect]:
        scope = context.scope
        if isinstance(scope, Lambda):
            yield from self._expression(scope.body, context)
            for value in self.evaluator.evaluate(scope.body, context):
                if isinstance(value, Coroutine):
                    continue
        elif isinstance(scope, FunctionDef) and not self.evaluator.classes.is_abstract(scope):
            yield from self._endless.by_decorators(scope, context)
            yield from self._block(scope.body, context, None)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _block(self, body: Sequence[Statement], context: Context, within: ExceptHandler | None) -> Iterator[Effect]:
        scope = context.scope
        reached = self.evaluator.reaching(context).reached
        for statement in body:
            if statement.at in reached and self.evaluator.feasibility.is_possible(statement.at, context):
                yield from self._statement(statement, context, within)

    def _statement(self, statement: Statement, context: Context, within: ExceptHandler | None) -> Iterator[Effect]:
        match statement:
            case Try():
                yield from self._try(statement, context, within)
            case With():
                yield from self._with(statement, context, within)
            case Raise():
                yield from self._expressions(statement, context)
                yield from self._raise(statement, context, within)
            case For():
                yield from self._for(statement, context, within)
            case FunctionDef() | ClassDef():
                return
            case If() | While() | Match():
                yield from self._expressions(statement, context)
                yield from self._endless.by_loop(statement, context)
                for block in blocks(statement):
                    yield from self._block(block, context, within)
            case _:
                yield from self._expressions(statement, context)

    def _expressions(self, statement: Statement, context: Context) -> Iterator[Effect]:
        targets = statement.targets if isinstance(statement, Assign) else ()
        for expression in expressions(statement):
            if not (expression in targets and isinstance(expression, Name)):
                yield from self._expression(expression, context)

    def _try(self, statement: Try, context: Context, within: ExceptHandler | None) -> Iterator[Effect]:
        guards = False
        for effect in self._block(statement.body, context, within):
            guards = guards or (effect.fails and effect.kind is EffectKind.CALL)
            yield self._guards.through_handlers(effect, statement.handlers, context)
        for handler in statement.handlers:
            if self._guards.takes_much(handler, context):
                yield Effect(EffectKind.HANDLER, "except", (Site(context, handler),), attempt=statement, guards=guards)
            yield from self._block(handler.body, context, handler)
        yield from self._block(statement.orelse, context, within)
        yield from self._block(statement.final, context, within)

    def _with(self, statement: With, context: Context, within: ExceptHandler | None) -> Iterator[Effect]:
        for item in statement.items:
            yield from self._context(item.context_expr, statement, context)
        effects: Iterable[Effect] = self._block(statement.body, context, within)
        for effect in effects:
            for item in reversed(statement.items):
                effect = self._guards.through_context(effect, item.context_expr, context)
            yield effect

    def _context(self, context_expr: Expression, statement: With, context: Context) -> Iterator[Effect]:
        yield from self._expression(context_expr, context, statement.is_async)
        for value in self.evaluator.evaluate(context_expr, context):
            if isinstance(value, Generator) and value.function.manages:
                inner = (effect for effect in self.of(value.context) if effect.kind is not EffectKind.YIELD)
                yield from (effect.called_from(Site(context, context_expr)) for effect in inner)
            if isinstance(value, Instance):
                for name in ("__aenter__", "__enter__"):
                    for method in self.evaluator.classes.method(value.cls, name, (value,)):
                        yield from self._run(method, (), Site(context, context_expr))
        deadline = self._guards.deadline(context_expr, context)
        if deadline is not None and deadline.raises:
            yield Effect(EffectKind.DEADLINE, deadline.name, (Site(context, context_expr),), fails=True)

    def _for(self, statement: For, context: Context, within: ExceptHandler | None) -> Iterator[Effect]:
        yield from self._expression(statement.iterable, context, statement.is_async)
        yield from self._iterated(statement.iterable, context)
        yield from self._driven.by_loop(statement, context)
        yield from self._endless.by_loop(statement, context)
        yield from self._block(statement.body, context, within)
        yield from self._block(statement.orelse, context, within)

    def _iterated(self, iterable: Expression, context: Context) -> Iterator[Effect]:
        for value in self.evaluator.evaluate(iterable, context):
            if isinstance(value, Generator):
                inner = (effect for effect in self.of(value.context) if effect.kind is not EffectKind.YIELD)
                yield from (effect.called_from(Site(context, iterable)) for effect in inner)

    def _raise(self, statement: Raise, context: Context, within: ExceptHandler | None) -> Iterator[Effect]:
        if statement.exception is None and (within is None or self._guards.reraises(within)):
            return
        if within is not None and self._guards.reraises(within) and self._guards.is_reraise(statement, within):
            return
        raised = () if statement.exception is None else self.evaluator.evaluate(statement.exception, context)
        if any(getattr(value, "name", getattr(value, "type", "")) == _UNWRITTEN for value in raised):
            # Whoever calls it means another class, which has the method.
            return
        yield Effect(EffectKind.RAISE, "raise", (Site(context, statement),), raised=raised, fails=True)

    # --- expressions --------------------------------------------------------------------------------------------------

    def _expression(self, expression: Expression, context: Context, awaited: bool = False) -> Iterator[Effect]:
        match expression:
            case Await():
                yield from self._expression(expression.value, context, True)
                yield from self._awaited(expression, context)
            case Call():
                yield from self._call(expression, context, awaited)
            case Yield():
                for child in children(expression):
                    yield from self._expression(child, context)
                yield Effect(EffectKind.YIELD, "yield", (Site(context, expression),), fails=True)
            case Comprehension():
                for clause in expression.clauses:
                    yield from self._expression(clause.iterable, context, clause.is_async)
                    yield from self._iterated(clause.iterable, context)
                    for condition in clause.conditions:
                        yield from self._expression(condition, context)
                yield from self._expression(expression.element, context)
            case _:
                for child in children(expression):
                    yield from self._expression(child, context)

    def _awaited(self, expression: Await, context: Context) -> Iterator[Effect]:
        """What the coroutines do that are awaited here."""
        if isinstance(expression.value, Call) and self._is_runner(expression.value, context):
            return
        site = Site(context, expression.value if isinstance(expression.value, Call) else expression)
        yield from self._coroutines(self.evaluator.evaluate(expression.value, context), site)

    def _coroutines(self, values: Values, site: Site) -> Iterator[Effect]:
        for value in values:
            if isinstance(value, Coroutine):
                yield from (effect.called_from(site) for effect in self.of_function(value.function, value.context))
            elif isinstance(value, Data) and value.type in ("list", "tuple", "generator", "set"):
                yield from self._coroutines(tuple(v for _, found in value.items for v in found), site)

    def _is_runner(self, call: Call, context: Context) -> bool:
        return any(row is not None and row.runs and not row.wraps for _, row in self._rows(call, context))

    def _rows(self, call: Call, context: Context) -> Iterator[tuple[Value, Row | None]]:
        for callee in self.evaluator.evaluate(call.function, context):
            yield callee, self.row(callee)

    def row(self, callee: Value) -> Row | None:
        """What the table says of a callable."""
        return row_of(self.evaluator, callee)

    def _call(self, call: Call, context: Context, awaited: bool) -> Iterator[Effect]:
        yield from self._driven.by_call(call, context)
        callees = list(self._rows(call, context))
        runners = [row for _, row in callees if row is not None and row.runs and not row.wraps]
        if runners:
            yield from self._runner(call, runners[0], context, awaited)
            return
        for child in children(call):
            yield from self._expression(child, context)
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        for callee, _ in callees:
            yield from self._run(callee, arguments, Site(context, call), awaited)

    def _run(
        self, callee: Value, arguments: tuple[CallArgument, ...], site: Site, awaited: bool = False
    ) -> Iterator[Effect]:
        """What calling a value does; a coroutine function does nothing until it is awaited."""
        configured = self.row(callee) if isinstance(callee, Function) else None
        match callee:
            case Function() if configured is not None and configured.decorator is None:
                yield from self._library(callee, arguments, site, awaited)
            case Function(definition=definition):
                if isinstance(definition, FunctionDef) and (definition.is_async or definition.is_generator):
                    return
                context = self.evaluator.calls.enter(callee, arguments, site)
                yield from (effect.called_from(site) for effect in self.of_function(callee, context))
            case Class():
                for method in self.evaluator.classes.method(callee, "__init__", (Instance(callee),)):
                    yield from self._run(method, arguments, site)
            case Instance():
                for method in self.evaluator.classes.method(callee.cls, "__call__", (callee,)):
                    yield from self._run(method, arguments, site)
            case Partial():
                for function in callee.function:
                    yield from self._run(function, (*callee.arguments, *arguments), site, awaited)
            case External() | ExternalMethod() | ExternalInstance():
                yield from self._library(callee, arguments, site, awaited)

    def _library(
        self, callee: Value, arguments: tuple[CallArgument, ...], site: Site, awaited: bool
    ) -> Iterator[Effect]:
        if isinstance(callee, ExternalInstance):
            yield from self._wrapped(callee, arguments, site, awaited)
        row = self.row(callee)
        if qualified_name(callee) in ENDS:
            yield from _leaving(qualified_name(callee), site)
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
                yield Effect(
                    EffectKind.CALL, qualified_name(callee), (site,), receiver=receiver, fails=True, awaited=awaited
                )
            return
        bound = self._timings.of(row, arguments, receiver)
        yield Effect(
            EffectKind.CALL,
            self.evaluator.table.canonical(qualified_name(callee)),
            (site,),
            row=row,
            receiver=receiver,
            fails=row.fails and not row.cleanup and _last(callee) not in _ENDING,
            awaited=awaited or row.awaitable != "no",
            timing=bound.timing,
            client=bound.client,
        )

    def _wrapped(
        self, callee: ExternalInstance, arguments: tuple[CallArgument, ...], site: Site, awaited: bool
    ) -> Iterator[Effect]:
        """What an object does that runs what it was made of: `async_to_sync(f)(x)`, `sync_to_async(f)(x)`."""
        found = self.evaluator.calls.library.wrapped(callee)
        if found is None:
            return
        row, functions = found
        yield Effect(EffectKind.CALL, f"{callee.type}.__call__", (site,), row=row, awaited=awaited)
        if row.runs == "new-loop":
            made = self.evaluator.calls.call(functions, arguments, site)
            yield from (effect.moved(Side.NEW_LOOP) for effect in self._coroutines(made, site))
            return
        for function in functions:
            yield from (effect.moved(Side.THREAD) for effect in self._run(function, arguments, site))

    def _from_fallible(self, receiver: ExternalInstance) -> bool:
        """The object was returned by a call that can fail: so can its methods."""
        if not isinstance(receiver.origin, FromCall) or not isinstance(receiver.origin.site.fact, Call):
            return False
        site = receiver.origin.site
        assert isinstance(site.fact, Call)
        rows = [row for _, row in self._rows(site.fact, site.context)]
        return any(row is not None and row.kind in _FALLIBLE and row.fails for row in rows)

    # --- runners ------------------------------------------------------------------------------------------------------

    def _runner(self, call: Call, row: Row, context: Context, awaited: bool) -> Iterator[Effect]:
        """What a runner makes happen, on which side and within which deadline."""
        site = Site(context, call)
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        bounded = self._guards.bounds(row, arguments)
        quiet = _collects_exceptions(arguments)
        for effect in self._ran(call, row, arguments, site):
            if bounded:
                effect = effect.within_deadline()
            yield effect.caught() if quiet else effect
        callee = next((value for value, found in self._rows(call, context) if found is row), None)
        name = self.evaluator.table.canonical(qualified_name(callee)) if callee is not None else ""
        receiver = callee.receiver if isinstance(callee, ExternalMethod) else None
        if bounded and row.deadline_raises:
            yield Effect(EffectKind.DEADLINE, name, (site,), fails=True)
        bound = self._timings.of(row, arguments, None) if row.deadline is None else None
        timing = bound.timing if bound is not None else Timing.NO_WAIT
        yield Effect(EffectKind.CALL, name, (site,), row=row, receiver=receiver, awaited=awaited, timing=timing)

    def _ran(self, call: Call, row: Row, arguments: tuple[CallArgument, ...], site: Site) -> Iterator[Effect]:
        context = site.context
        for child in children(call):
            yield from self._expression(child, context, row.runs in ("await", "loop", "new-loop"))
        if row.runs == "schedule" or row.detached:
            # It is handed over, and who does so neither waits for it nor hears of it.
            return
        if row.runs in ("await", "loop", "new-loop"):
            targets = (
                [g for g in arguments if g.keyword is None]
                if row.runs_argument == "*"
                else [offloaded_callable(row, arguments)[0]]
            )
            side = Side.NEW_LOOP if row.runs == "new-loop" else Side.HERE
            for target in targets:
                if target is not None:
                    place = Site(context, target.expression) if target.expression is not None else site
                    where = place if isinstance(target.expression, Call) else site
                    # `anyio.run` takes the function where others take its coroutine.
                    functions = tuple(value for value in target.values if isinstance(value, Function | Partial))
                    made = self.evaluator.calls.call(functions, offloaded_callable(row, arguments)[1], where)
                    yield from (effect.moved(side) for effect in self._coroutines((*target.values, *made), where))
            return
        target, rest = offloaded_callable(row, arguments)
        if target is None or row.runs == "process":
            return
        for value in target.values:
            for effect in self._run(value, rest if row.forwards else (), site):
                yield effect.moved(Side.THREAD) if row.runs == "thread" else effect


def _leaving(name: str, site: Site) -> Iterator[Effect]:
    if name in _AT_ONCE:
        yield Effect(EffectKind.EXIT, name, (site,))
        return
    yield Effect(EffectKind.RAISE, name, (site,), raised=(External("builtins.SystemExit"),), fails=True)


def _collects_exceptions(arguments: tuple[CallArgument, ...]) -> bool:
    return any(
        argument.keyword == "return_exceptions"
        and any(isinstance(value, Literal) and value.value is True for value in argument.values)
        for argument in arguments
    )


def _last(callee: Value) -> str:
    return qualified_name(callee).rpartition(".")[2]


def _is_plain(callee: Value) -> bool:
    """Nothing that is awaited, whatever the code says: a built-in, or an object whose type nobody knows."""
    return qualified_name(callee).startswith(("builtins.", "types."))


def _shortest(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Each effect once, by the shortest of the chains that lead to it."""
    kept: dict[tuple[object, ...], Effect] = {}
    for effect in effects:
        leaf = effect.leaf
        key = (leaf.context.module, leaf.fact.at, effect.what, effect.side, effect.fails, effect.bounded, effect.timing)
        known = kept.get(key)
        if known is None or len(effect.chain) < len(known.chain):
            kept[key] = effect
        if len(kept) >= _MOST:
            break
    return tuple(kept.values())
