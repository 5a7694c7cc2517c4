"""How a function can end after a place in it: which returns and raises can be reached from there."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.callers import CallPath
from fastapi_bgtask_lint.callgraph.exceptions import catches, caught_by
from fastapi_bgtask_lint.reading.facts import (
    Assert,
    Assign,
    Await,
    Call,
    ExceptHandler,
    Expression,
    ExprStmt,
    For,
    FunctionDef,
    Pass,
    Raise,
    Return,
    Statement,
    With,
)
from fastapi_bgtask_lint.reading.traversal import expressions, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.flow import Outcome, Walk
from fastapi_bgtask_lint.resolving.scopes import body_of
from fastapi_bgtask_lint.resolving.values import (
    Context,
    External,
    ExternalInstance,
    Function,
    Instance,
    Site,
    Value,
    Values,
)

ENDS = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"})


@dataclass(frozen=True, slots=True)
class Exits:
    """The ways out of a function after a place in it."""

    returns: tuple[Return, ...]
    raises: tuple[Raise | ExprStmt, ...]
    falls_through: bool

    @property
    def always_raises(self) -> bool:
        """Every way out is a `raise`, or a call that never returns."""
        return bool(self.raises) and not self.returns and not self.falls_through


class ExitAnalysis:
    """Follows control from a place to the ways out."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.never_returns = evaluator.solver.query(self._never_returns, False, operator.or_)
        """Every way out of the function of a context is a `raise`."""

    def after(self, context: Context, call: Call) -> Exits:
        """The ways out of the context's function that can be reached after a call in it."""
        return self._exits(context, call, raising=None)

    def lost(self, call_path: CallPath, call: Call) -> bool:
        """After the call the handler at the head of the way is bound to raise, and nothing on the way catches it."""
        context = call_path.context
        exits = self._exits(context, call, None)
        for caller in reversed(call_path.calls):
            ends = []
            if exits.returns or exits.falls_through:
                ends.append(self._exits(caller.context, caller.call, None))
            ends += [self._exits(caller.context, caller.call, (raised, context)) for raised in exits.raises]
            exits = Exits(
                tuple(dict.fromkeys(r for end in ends for r in end.returns)),
                tuple(dict.fromkeys(r for end in ends for r in end.raises)),
                any(end.falls_through for end in ends),
            )
            context = caller.context
        return exits.always_raises

    def passes(self, context: Context, first: Expression, second: Expression) -> bool:
        """After one expression of the context's function another can be reached."""
        passage = _Passage(self, self._evaluator, context, first, None)
        passage.sought = second
        passage.block(body_of(context), False)
        return passage.found

    def ends(self, statement: ExprStmt, context: Context) -> bool:
        """A statement of the context's function is a call that never returns."""
        return _Passage(self, self._evaluator, context, None, None).never_returns(statement)

    def reaches(self, context: Context, call: Expression) -> bool:
        """No call before it that never returns rules out that an expression of the function is reached."""
        passage = _Passage(self, self._evaluator, context, None, None)
        passage.sought = call
        passage.block(body_of(context), True)
        return passage.found

    def _never_returns(self, context: Context) -> bool:
        scope = context.scope
        if not isinstance(scope, FunctionDef) or self._evaluator.classes.is_abstract(scope):
            return False
        outcome = _Passage(self, self._evaluator, context, None, None).block(scope.body, False)
        return outcome.normal is None and not outcome.returned and bool(outcome.raised)

    def _exits(self, context: Context, call: Call, raising: tuple[Raise | ExprStmt, Context] | None) -> Exits:
        passage = _Passage(self, self._evaluator, context, call, raising)
        outcome = passage.block(body_of(context), False)
        returns = {statement.at: statement for statement, passed in outcome.returned if passed}
        raises = {cause.at: cause for cause, passed in outcome.raised if passed and cause is not None}
        return Exits(
            tuple(returns[at] for at in sorted(returns)),
            tuple(raises[at] for at in sorted(raises)),
            outcome.normal is True,
        )


class _Passage(Walk[bool]):
    """Carries one bit along: the place has been passed."""

    def __init__(
        self,
        analysis: ExitAnalysis,
        evaluator: Evaluator,
        context: Context,
        call: Expression | None,
        raising: tuple[Raise | ExprStmt, Context] | None,
    ) -> None:
        self._analysis = analysis
        self._evaluator = evaluator
        self._context = context
        self._call = call
        self._raising = raising
        self.sought: Expression | None = None
        self.found = False

    def block(self, body: Sequence[Statement], state: bool) -> Outcome[bool]:
        if self._raising is None or self._call is None:
            return super().block(body, state)
        outcome: Outcome[bool] = Outcome(state)
        for statement in body:
            if outcome.normal is None:
                break
            if self._stands_in(statement):
                outcome.raised.append((self._raising[0], True))
                outcome.normal = None
                break
            step = super().block([statement], outcome.normal)
            outcome.absorb(step)
            outcome.normal = step.normal
        return outcome

    def _stands_in(self, statement: Statement) -> bool:
        return any(found is self._call for top in expressions(statement) for found in walk(top))

    def join(self, states: Sequence[bool]) -> bool:
        # A way that has not passed the place says nothing about it, so it may not blur one that has.
        return any(states)

    def evaluate(self, expression: Expression, state: bool) -> bool:
        if state and self.sought is not None and not self.found:
            self.found = any(found is self.sought for found in walk(expression))
        if state or self._call is None:
            return state
        return any(found is self._call for found in walk(expression))

    def bind(self, statement: Statement | ExceptHandler, state: bool) -> bool:
        return state

    def never_returns(self, statement: ExprStmt) -> bool:
        call = statement.value.value if isinstance(statement.value, Await) else statement.value
        if not isinstance(call, Call):
            return False
        callees = self._evaluator.evaluate(call.function, self._context)
        return bool(callees) and all(self._ends(callee, call, isinstance(statement.value, Await)) for callee in callees)

    def _ends(self, callee: Value, call: Call, awaited: bool) -> bool:
        if isinstance(callee, External):
            return callee.name in ENDS
        if not isinstance(callee, Function) or not isinstance(callee.definition, FunctionDef):
            return False
        if callee.definition.is_generator or callee.definition.is_async != awaited:
            return False
        if isinstance(callee.definition.body[-1], Return | Assign | For | Pass | Assert):
            return False
        arguments = self._evaluator.calls.evaluated_arguments(call, self._context)
        context = self._evaluator.calls.enter(callee, arguments, Site(self._context, call))
        return self._analysis.never_returns(context)

    def suppresses(self, statement: With) -> bool | None:
        verdicts = [
            self._suppresses(v)
            for i in statement.items
            for v in self._evaluator.evaluate(i.context_expr, self._context)
        ]
        return True if True in verdicts else None if None in verdicts else False

    @staticmethod
    def _suppresses(value: Value) -> bool | None:
        if isinstance(value, ExternalInstance):
            return value.type in ("contextlib.suppress", "contextlib.suppress()")
        return None if isinstance(value, Instance) else False

    def catches(self, handler: ExceptHandler, cause: Raise | ExprStmt | None) -> bool | None:
        if handler.catches is None:
            return True
        if cause is None:
            return None
        context = self._raising[1] if self._raising is not None and cause is self._raising[0] else self._context
        return catches(
            self._evaluator, caught_by(self._evaluator, handler, self._context), self._raised(cause, context)
        )

    def _raised(self, cause: Raise | ExprStmt, context: Context) -> Values:
        if isinstance(cause, Raise) and cause.exception is not None:
            return self._evaluator.evaluate(cause.exception, context)
        return ()
