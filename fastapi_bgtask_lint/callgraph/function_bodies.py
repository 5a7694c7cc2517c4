"""The statements of a function's body as parts of the call graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fastapi_bgtask_lint.callgraph.alternatives import Alternatives
from fastapi_bgtask_lint.callgraph.body import Body, CallPlace, Edge, Part
from fastapi_bgtask_lint.callgraph.calling import Calling
from fastapi_bgtask_lint.callgraph.covers import UNCOVERED, Cover, Covers
from fastapi_bgtask_lint.callgraph.endless import EndlessLoops
from fastapi_bgtask_lint.callgraph.exits import ExitAnalysis
from fastapi_bgtask_lint.callgraph.expressions import Expressions
from fastapi_bgtask_lint.callgraph.handlers import cover_of, is_broad, is_reraise, reraises
from fastapi_bgtask_lint.callgraph.import_time import ImportTime
from fastapi_bgtask_lint.callgraph.leaves import Leaf, LeafKind
from fastapi_bgtask_lint.callgraph.library_calls import LibraryCalls
from fastapi_bgtask_lint.callgraph.managers import Managers
from fastapi_bgtask_lint.callgraph.partially_consumed import PartialConsumption
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    ClassDef,
    ExceptHandler,
    Expression,
    ExprStmt,
    For,
    FunctionDef,
    If,
    Lambda,
    Name,
    Raise,
    Statement,
    Try,
    While,
    With,
)
from fastapi_bgtask_lint.reading.traversal import blocks, expressions
from fastapi_bgtask_lint.requirements import Requirements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Generator, Instance, Site

_UNWRITTEN = "builtins.NotImplementedError"


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a block stands."""

    context: Context
    covers: Covers = UNCOVERED
    handler: ExceptHandler | None = None
    """The innermost handler that the block is part of."""

    def within(self, cover: Cover) -> _Scope:
        """The same, inside a further statement."""
        return replace(self, covers=self.covers.within(cover))


class FunctionBodies:
    """Reads the bodies of functions, in one context each."""

    def __init__(
        self,
        evaluator: Evaluator,
        requirements: Requirements,
        import_time: ImportTime,
        by_generator: Callable[[Context], Cover],
    ) -> None:
        self._evaluator = evaluator
        self._import_time = import_time
        self._calling = Calling(evaluator, LibraryCalls(evaluator, requirements), import_time)
        self._consumption = PartialConsumption(evaluator)
        self._expressions = Expressions(evaluator, self._calling, self._consumption, Alternatives(evaluator))
        self._managers = Managers(evaluator, by_generator)
        self._exits = ExitAnalysis(evaluator)
        self._endless = EndlessLoops(evaluator)

    def read(self, context: Context) -> Body:
        """The parts of a body in the order of the source."""
        edges: list[Edge] = []
        leaves: list[Leaf] = []
        for part in self._body(context):
            if isinstance(part, Edge):
                edges.append(part)
            else:
                leaves.append(part)
        edges.sort(key=lambda edge: edge.site.fact.at)
        leaves.sort(key=lambda leaf: leaf.site.fact.at)
        return Body(tuple(edges), tuple(leaves))

    def _body(self, context: Context) -> Iterator[Part]:
        scope = context.scope
        if isinstance(scope, Lambda):
            yield from self._expressions.parts(scope.body, context, UNCOVERED)
        elif isinstance(scope, FunctionDef) and not self._evaluator.classes.is_abstract(scope):
            yield from self._endless.by_decorators(scope, context)
            yield from self._block(scope.body, _Scope(context))

    # --- statements ---------------------------------------------------------------------------------------------------

    def _block(self, body: tuple[Statement, ...], scope: _Scope) -> Iterator[Part]:
        for statement in body:
            if self._evaluator.is_reachable(statement, scope.context):
                yield from self._statement(statement, scope)
                if self._is_last(statement, scope.context):
                    return

    def _is_last(self, statement: Statement, context: Context) -> bool:
        """What follows a loop that never ends, or a call that never returns, is not reached."""
        if isinstance(statement, For):
            return any(True for _ in self._endless.by_loop(statement, context))
        return isinstance(statement, ExprStmt) and self._exits.ends(statement, context)

    def _statement(self, statement: Statement, scope: _Scope) -> Iterator[Part]:
        match statement:
            case FunctionDef() | ClassDef():
                return
            case Try():
                yield from self._try(statement, scope)
            case With():
                yield from self._with(statement, scope)
            case Raise():
                yield from self._own_expressions(statement, scope)
                yield from self._raise(statement, scope)
            case For():
                yield from self._for(statement, scope)
            case If():
                yield from self._if(statement, scope)
            case While():
                yield from self._while(statement, scope)
            case _:
                yield from self._own_expressions(statement, scope)
                for block in blocks(statement):
                    yield from self._block(block, scope)

    def _own_expressions(self, statement: Statement, scope: _Scope) -> Iterator[Part]:
        targets = statement.targets if isinstance(statement, Assign) else ()
        for expression in expressions(statement):
            if not (expression in targets and isinstance(expression, Name)):
                yield from self._expressions.parts(expression, scope.context, scope.covers)

    def _if(self, statement: If, scope: _Scope) -> Iterator[Part]:
        for branch in statement.branches:
            yield from self._expressions.parts(branch.test, scope.context, scope.covers)
            if not self._import_time.has_filled(branch, scope.context):
                yield from self._block(branch.body, scope)
            if self._evaluator.truth(branch.test, scope.context) is True:
                return
        yield from self._block(statement.orelse, scope)

    def _while(self, statement: While, scope: _Scope) -> Iterator[Part]:
        yield from self._expressions.parts(statement.test, scope.context, scope.covers)
        if self._evaluator.truth(statement.test, scope.context) is not False:
            yield from self._loops(statement, scope)
            yield from self._block(statement.body, scope)
        yield from self._block(statement.orelse, scope)

    def _for(self, statement: For, scope: _Scope) -> Iterator[Part]:
        read = self._expressions.awaited if statement.is_async else self._expressions.parts
        yield from read(statement.iterable, scope.context, scope.covers)
        yield from self._expressions.iterated(statement.iterable, scope.context, scope.covers)
        yield from self._consumption.by_loop(statement, scope.context)
        yield from self._loops(statement, scope)
        yield from self._block(statement.body, scope)
        yield from self._block(statement.orelse, scope)

    def _loops(self, statement: For | While, scope: _Scope) -> Iterator[Leaf]:
        for leaf in self._endless.by_loop(statement, scope.context):
            yield replace(leaf, covers=scope.covers)

    def _try(self, statement: Try, scope: _Scope) -> Iterator[Part]:
        context = scope.context
        yield from self._block(statement.body, scope.within(cover_of(self._evaluator, statement, context)))
        for handler in statement.handlers:
            if is_broad(self._evaluator, handler, context):
                yield Leaf(LeafKind.HANDLER, "except", Site(context, handler), attempt=statement)
            yield from self._block(handler.body, replace(scope, handler=handler))
        yield from self._block(statement.orelse, scope)
        yield from self._block(statement.final, scope)

    def _raise(self, statement: Raise, scope: _Scope) -> Iterator[Leaf]:
        handler, exception = scope.handler, statement.exception
        if handler is not None and reraises(handler) and is_reraise(statement, handler):
            return
        if exception is None and handler is None:
            return
        raised = () if exception is None else self._evaluator.evaluate(exception, scope.context)
        if any(getattr(value, "name", getattr(value, "type", "")) == _UNWRITTEN for value in raised):
            # Whoever calls it means another class, which has the method.
            return
        site = Site(scope.context, statement)
        yield Leaf(LeafKind.RAISE, "raise", site, raised=raised, fallible=True, covers=scope.covers)

    # --- context managers ---------------------------------------------------------------------------------------------

    def _with(self, statement: With, scope: _Scope) -> Iterator[Part]:
        inside = scope
        for item in statement.items:
            read = self._expressions.awaited if statement.is_async else self._expressions.parts
            yield from read(item.context_expr, scope.context, scope.covers)
            yield from self._entered(item.context_expr, scope)
            inside = inside.within(self._managers.cover(statement, item.context_expr, scope.context))
        yield from self._block(statement.body, inside)

    def _entered(self, context_expr: Expression, scope: _Scope) -> Iterator[Part]:
        """What entering a context manager does, and the deadline that it sets."""
        place = CallPlace(Site(scope.context, context_expr), scope.covers)
        for value in self._evaluator.evaluate(context_expr, scope.context):
            if isinstance(value, Generator) and value.function.manages:
                yield from self._calling.iterated((value,), place)
            if isinstance(value, Instance):
                for name in ("__aenter__", "__enter__"):
                    methods = self._evaluator.classes.method(value.cls, name, (value,))
                    yield from self._calling.parts(methods, (), place)
        deadline = self._managers.deadline(context_expr, scope.context)
        if deadline is not None and deadline.raises:
            yield Leaf(LeafKind.DEADLINE, deadline.name, place.site, fallible=True, covers=scope.covers)
