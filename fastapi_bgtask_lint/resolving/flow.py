"""How control passes through a body: one walk over the statements, for any kind of state.

A subclass says what its state is and how expressions and bindings change it; the walk takes care of branches, loops,
`try`
and the ways out. States are never changed in place.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fastapi_bgtask_lint.reading.facts import (
    Assert,
    Assign,
    Break,
    ClassDef,
    Constant,
    Continue,
    Delete,
    ExceptHandler,
    Expression,
    ExprStmt,
    For,
    FunctionDef,
    If,
    Import,
    ImportFrom,
    Match,
    Name,
    Pass,
    Raise,
    Return,
    Statement,
    Try,
    While,
    With,
)

S = TypeVar("S")


@dataclass
class Outcome(Generic[S]):
    """How a block can end: by falling through, by a jump, or by leaving the function."""

    normal: S | None = None
    broken: list[S] = field(default_factory=list)
    continued: list[S] = field(default_factory=list)
    returned: list[tuple[Return, S]] = field(default_factory=list)
    raised: list[tuple[Raise | ExprStmt | None, S]] = field(default_factory=list)
    """By a `raise` or a call that never returns; None where any call may raise."""

    def absorb(self, other: Outcome[S]) -> None:
        """Takes over every end of another but its falling through."""
        self.broken += other.broken
        self.continued += other.continued
        self.returned += other.returned
        self.raised += other.raised


class Walk(abc.ABC, Generic[S]):
    """A walk over a function's body with a state."""

    _protected = 0
    """How many `try` bodies are round the place."""

    # --- what a subclass says -----------------------------------------------------------------------------------------

    @abc.abstractmethod
    def join(self, states: Sequence[S]) -> S:
        """The state where several ways meet."""

    @abc.abstractmethod
    def evaluate(self, expression: Expression, state: S) -> S:
        """The state after an expression."""

    @abc.abstractmethod
    def bind(self, statement: Statement | ExceptHandler, state: S) -> S:
        """The state after the statement's own bindings."""

    def visit(self, statement: Statement, state: S) -> None:
        """Called for every statement that can be reached, each time it is."""

    def never_returns(self, statement: ExprStmt) -> bool:
        """A call as a statement that is known to raise or to end the process."""
        return False

    def catches(self, handler: ExceptHandler, cause: Raise | ExprStmt | None) -> bool | None:
        """Whether a handler takes what was raised; None when that can't be known."""
        return None

    def suppresses(self, statement: With) -> bool | None:
        """Whether a `with` swallows what is raised in it; None when that can't be known."""
        return False

    # --- the walk -----------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[Statement], state: S) -> Outcome[S]:
        """Walks the statements one after another."""
        outcome: Outcome[S] = Outcome(state)
        for statement in body:
            if outcome.normal is None:
                break
            before = outcome.normal
            self.visit(statement, before)
            step = self._statement(statement, before)
            outcome.absorb(step)
            if self._protected and not isinstance(statement, Break | Continue | Pass | FunctionDef | Raise):
                outcome.raised.append((None, before))
            outcome.normal = step.normal
        return outcome

    def _statement(self, statement: Statement, state: S) -> Outcome[S]:
        match statement:
            case Return():
                return Outcome(returned=[(statement, self._all([statement.value], state))])
            case Raise():
                return Outcome(raised=[(statement, self._all([statement.exception, statement.cause], state))])
            case Break():
                return Outcome(broken=[state])
            case Continue():
                return Outcome(continued=[state])
            case If():
                return self._if(statement, state)
            case While():
                return self._while(statement, state)
            case For():
                return self._for(statement, state)
            case With():
                return self._with(statement, state)
            case Try():
                return self._try(statement, state)
            case Match():
                return self._match(statement, state)
            case _:
                return self._simple(statement, state)

    def _simple(self, statement: Statement, state: S) -> Outcome[S]:
        match statement:
            case ExprStmt():
                state = self.evaluate(statement.value, state)
                if self.never_returns(statement):
                    return Outcome(raised=[(statement, state)])
            case Assign():
                state = self._all([statement.value, *(t for t in statement.targets if not isinstance(t, Name))], state)
            case Assert():
                state = self._all([statement.test], state)
            case Delete():
                state = self._all([t for t in statement.targets if not isinstance(t, Name)], state)
            case FunctionDef():
                defaults = [parameter.default for parameter in statement.parameters]
                state = self._all([*statement.decorators, *defaults], state)
            case ClassDef():
                keywords = [keyword.value for keyword in statement.keywords]
                state = self._all([*statement.decorators, *statement.bases, *keywords], state)
            case Import() | ImportFrom():
                pass
        return Outcome(self.bind(statement, state))

    def _all(self, expressions: Iterable[Expression | None], state: S) -> S:
        for expression in expressions:
            if expression is not None:
                state = self.evaluate(expression, state)
        return state

    def _merge(self, states: Sequence[S | None]) -> S | None:
        present = [state for state in states if state is not None]
        if not present:
            return None
        return present[0] if len(present) == 1 else self.join(present)

    def _if(self, statement: If, state: S) -> Outcome[S]:
        outcome: Outcome[S] = Outcome()
        ends: list[S | None] = []
        current: S | None = state
        for branch in statement.branches:
            if current is None:
                break
            current = self.evaluate(branch.test, current)
            verdict = constant_truth(branch.test)
            if verdict is not False:
                step = self.block(branch.body, current)
                outcome.absorb(step)
                ends.append(step.normal)
            if verdict is True:
                current = None
        if current is not None:
            step = self.block(statement.orelse, current)
            outcome.absorb(step)
            ends.append(step.normal)
        outcome.normal = self._merge(ends)
        return outcome

    def _while(self, statement: While, state: S) -> Outcome[S]:
        endless = constant_truth(statement.test) is True
        head = self.evaluate(statement.test, state)
        first = self.block(statement.body, head)
        again = self._merge([head, first.normal, *first.continued])
        assert again is not None
        head = self.evaluate(statement.test, again)
        step = self.block(statement.body, head)
        outcome: Outcome[S] = Outcome(returned=step.returned, raised=step.raised)
        done = None if endless else self._merge([head, step.normal, *step.continued])
        return self._loop_end(outcome, done, statement.orelse, step.broken)

    def _for(self, statement: For, state: S) -> Outcome[S]:
        start = self.evaluate(statement.iterable, state)
        first = self.block(statement.body, self.bind(statement, start))
        again = self._merge([start, first.normal, *first.continued])
        assert again is not None
        step = self.block(statement.body, self.bind(statement, again))
        outcome: Outcome[S] = Outcome(returned=step.returned, raised=step.raised)
        done = self._merge([start, step.normal, *step.continued])
        return self._loop_end(outcome, done, statement.orelse, step.broken)

    def _loop_end(
        self, outcome: Outcome[S], done: S | None, orelse: tuple[Statement, ...], broken: Sequence[S]
    ) -> Outcome[S]:
        if done is not None and orelse:
            step = self.block(orelse, done)
            outcome.absorb(step)
            done = step.normal
        outcome.normal = self._merge([done, *broken])
        return outcome

    def _with(self, statement: With, state: S) -> Outcome[S]:
        for item in statement.items:
            state = self.evaluate(item.context_expr, state)
        outcome = self.block(statement.body, self.bind(statement, state))
        verdict = self.suppresses(statement)
        if verdict is False:
            return outcome
        swallowed = [state for _, state in outcome.raised]
        outcome.normal = self._merge([outcome.normal, *swallowed])
        if verdict is True:
            outcome.raised = []
        return outcome

    def _match(self, statement: Match, state: S) -> Outcome[S]:
        state = self.bind(statement, self.evaluate(statement.subject, state))
        outcome: Outcome[S] = Outcome()
        ends: list[S | None] = []
        for case in statement.cases:
            guarded = state if case.guard is None else self.evaluate(case.guard, state)
            step = self.block(case.body, guarded)
            outcome.absorb(step)
            ends.append(step.normal)
        if not any(case.irrefutable for case in statement.cases):
            ends.append(state)
        outcome.normal = self._merge(ends)
        return outcome

    def _try(self, statement: Try, state: S) -> Outcome[S]:
        self._protected += 1
        tried = self.block(statement.body, state)
        self._protected -= 1
        outcome: Outcome[S] = Outcome(broken=tried.broken, continued=tried.continued, returned=tried.returned)
        ends: list[S | None] = []
        entries = self._dispatch(statement.handlers, tried, outcome)
        for handler, states in entries:
            entry = self._merge(states)
            if entry is None:
                continue
            step = self.block(handler.body, self.bind(handler, entry))
            outcome.absorb(step)
            ends.append(step.normal)
        if tried.normal is not None:
            step = self.block(statement.orelse, tried.normal)
            outcome.absorb(step)
            ends.append(step.normal)
        outcome.normal = self._merge(ends)
        return self._finally(statement.final, outcome) if statement.final else outcome

    def _dispatch(
        self, handlers: tuple[ExceptHandler, ...], tried: Outcome[S], outcome: Outcome[S]
    ) -> list[tuple[ExceptHandler, list[S | None]]]:
        entries: list[tuple[ExceptHandler, list[S | None]]] = [(handler, []) for handler in handlers]
        for cause, raised in self._gathered(tried.raised):
            caught = False
            for handler, states in entries:
                verdict = self.catches(handler, cause)
                if verdict is False:
                    continue
                states.append(raised)
                if verdict is True:
                    caught = True
                    break
            if not caught:
                outcome.raised.append((cause, raised))
        return entries

    def _gathered(self, raised: list[tuple[Raise | ExprStmt | None, S]]) -> list[tuple[Raise | ExprStmt | None, S]]:
        """What was raised, with all that any call may raise as one."""
        implicit = self._merge([state for cause, state in raised if cause is None])
        explicit = [pair for pair in raised if pair[0] is not None]
        return explicit if implicit is None else [*explicit, (None, implicit)]

    def _finally(self, final: tuple[Statement, ...], before: Outcome[S]) -> Outcome[S]:
        after: Outcome[S] = Outcome()

        def through(state: S) -> S | None:
            step = self.block(final, state)
            after.absorb(step)
            return step.normal

        if before.normal is not None:
            after.normal = through(before.normal)
        after.broken += [end for state in before.broken if (end := through(state)) is not None]
        after.continued += [end for state in before.continued if (end := through(state)) is not None]
        after.returned += [(exit_, end) for exit_, state in before.returned if (end := through(state)) is not None]
        for cause, state in self._gathered(before.raised):
            end = through(state)
            if end is not None:
                after.raised.append((cause, end))
        return after


def constant_truth(test: Expression) -> bool | None:
    """Whether a test is always true or always false, by its literal; `TYPE_CHECKING` is not judged."""
    if isinstance(test, Constant) and test.kind in ("bool", "int", "none", "str"):
        return bool(test.value)
    return None
