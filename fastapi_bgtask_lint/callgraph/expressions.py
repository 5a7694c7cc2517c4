"""The expressions of a function's body as parts of the call graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.alternatives import Alternatives, beside_each_other
from fastapi_bgtask_lint.callgraph.body import CallPlace, Part
from fastapi_bgtask_lint.callgraph.calling import Calling, Runner
from fastapi_bgtask_lint.callgraph.covers import Covers
from fastapi_bgtask_lint.callgraph.leaves import Leaf, LeafKind
from fastapi_bgtask_lint.callgraph.partially_consumed import PartialConsumption
from fastapi_bgtask_lint.reading.facts import (
    Await,
    BoolOp,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Yield,
)
from fastapi_bgtask_lint.reading.traversal import children
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Site, Values


@dataclass(frozen=True, slots=True)
class Expressions:
    """Reads them. What a test that is known rules out has no parts."""

    evaluator: Evaluator
    calling: Calling
    consumption: PartialConsumption
    alternatives: Alternatives

    def parts(self, expression: Expression, context: Context, covers: Covers) -> Iterator[Part]:
        """What evaluating an expression does."""
        match expression:
            case Await(value=Call() as call):
                yield from self._call(call, CallPlace(Site(context, call), covers, awaited=True))
            case Await():
                yield from self.parts(expression.value, context, covers)
                place = CallPlace(Site(context, expression), covers)
                yield from self.calling.awaited(self.evaluator.evaluate(expression.value, context), place)
            case Call():
                yield from self._call(expression, CallPlace(Site(context, expression), covers))
            case Yield():
                yield from self._all(children(expression), context, covers)
                site = Site(context, expression)
                yield Leaf(LeafKind.YIELD, "yield", site, fallible=True, awaited=True, covers=covers)
            case Comprehension():
                yield from self._comprehension(expression, context, covers)
            case _:
                yield from self._all(self._evaluated(expression, context), context, covers)

    def awaited(self, expression: Expression, context: Context, covers: Covers) -> Iterator[Part]:
        """What evaluating an expression does whose value is awaited by other means: `async for`, a runner."""
        if isinstance(expression, Call):
            yield from self._direct(expression, CallPlace(Site(context, expression), covers, awaited=True))
        else:
            yield from self.parts(expression, context, covers)

    def _all(self, expressions: Iterable[Expression], context: Context, covers: Covers) -> Iterator[Part]:
        for expression in expressions:
            yield from self.parts(expression, context, covers)

    def _evaluated(self, expression: Expression, context: Context) -> Iterator[Expression]:
        """The expressions directly inside one that may be evaluated."""
        match expression:
            case Conditional():
                verdict = self.evaluator.truth(expression.test, context)
                yield expression.test
                if verdict is not False:
                    yield expression.body
                if verdict is not True:
                    yield expression.orelse
            case BoolOp():
                ends = expression.operator == "or"
                for value in expression.values:
                    yield value
                    if self.evaluator.truth(value, context) is ends:
                        return
            case _:
                yield from children(expression)

    def _comprehension(self, expression: Comprehension, context: Context, covers: Covers) -> Iterator[Part]:
        for clause in expression.clauses:
            read = self.awaited if clause.is_async else self.parts
            yield from read(clause.iterable, context, covers)
            yield from self.iterated(clause.iterable, context, covers)
            for condition in clause.conditions:
                yield from self.parts(condition, context, covers)
                if self.evaluator.truth(condition, context) is False:
                    return
        yield from self.parts(expression.element, context, covers)

    def iterated(self, iterable: Expression, context: Context, covers: Covers) -> Iterator[Part]:
        """What iterating over an expression does."""
        place = CallPlace(Site(context, iterable), covers)
        yield from self.calling.iterated(self.evaluator.evaluate(iterable, context), place)

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, call: Call, place: CallPlace) -> Iterator[Part]:
        """What a call does, and what its coroutine does where it is awaited on the spot."""
        runner = self.calling.runner(call, place.site)
        if runner is not None:
            yield from self._runner(call, runner, place)
            return
        callees = self.alternatives.callees(call, place.site.context)
        if callees:
            yield from self._chosen(call, callees, place)
            return
        yield from self._plain(call, place)
        if place.awaited:
            yield from self.calling.awaited(self.evaluator.evaluate(call, place.site.context), place)

    def _chosen(self, call: Call, callees: Values, place: CallPlace) -> Iterator[Part]:
        """A call of which a setting chooses the callee."""
        context = place.site.context
        yield from self._all(children(call), context, place.covers)
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        found: list[list[Part]] = []
        for callee in callees:
            parts = list(self.calling.parts((callee,), arguments, place))
            if place.awaited:
                made = self.evaluator.calls.call((callee,), arguments, place.site)
                parts += self.calling.awaited(made, place)
            found.append(parts)
        yield from beside_each_other(found)

    def _direct(self, call: Call, place: CallPlace) -> Iterator[Part]:
        """What a call does itself: who awaits its coroutine says what that does."""
        runner = self.calling.runner(call, place.site)
        if runner is not None:
            yield from self._runner(call, runner, place)
        else:
            yield from self._plain(call, place)

    def _plain(self, call: Call, place: CallPlace) -> Iterator[Part]:
        context = place.site.context
        yield from self.consumption.by_call(call, context)
        yield from self._all(children(call), context, place.covers)
        callees = self.evaluator.evaluate(call.function, context)
        arguments = self.evaluator.calls.evaluated_arguments(call, context)
        yield from self.calling.parts(callees, arguments, place)

    def _runner(self, call: Call, runner: Runner, place: CallPlace) -> Iterator[Part]:
        inside = place.covers.within(runner.cover)
        read = self.awaited if runner.takes_coroutines else self.parts
        for child in children(call):
            yield from read(child, place.site.context, inside)
        yield from self.calling.run(runner, inside)
        yield from self.calling.runner_leaves(runner, place)
