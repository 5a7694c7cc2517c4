"""What stands between a failure or a wait and the caller: handlers, context managers, deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.effects.effect import Effect, Kind
from fastapi_bgtask_lint.framework.outcomes import Outcomes, catches, caught_by
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import (
    Call,
    Expression,
    FunctionDef,
    Handler,
    Jump,
    Name,
    Raise,
    Return,
)
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Generator,
    Given,
    Instance,
    Literal,
    Value,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.effects.summaries import Summaries


_MUCH = frozenset({"Exception", "BaseException", "CancelledError"})


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline that a context manager sets."""

    name: str
    raises: bool


@dataclass(frozen=True, slots=True)
class Guards:
    """Says what of an effect is left outside a guard."""

    evaluator: Evaluator
    outcomes: Outcomes
    summaries: Summaries

    # --- handlers -----------------------------------------------------------------------------------------------------

    def through_handlers(self, effect: Effect, handlers: tuple[Handler, ...], frame: Frame) -> Effect:
        """The effect outside a `try` with these handlers.

        A handler that does not raise again handles any failure of a call, whatever it names; an explicit `raise` only
        when it can take it.
        """
        if not effect.fails:
            return effect
        for handler in handlers:
            verdict = self._takes(handler, effect, frame)
            if verdict is False:
                continue
            if not self.reraises(handler):
                return effect.caught()
            if verdict is True and effect.kind is Kind.RAISE:
                return effect
        return effect

    def _takes(self, handler: Handler, effect: Effect, frame: Frame) -> bool | None:
        if handler.catches is None:
            return True
        if effect.kind is not Kind.RAISE:
            return None
        caught = caught_by(self.evaluator, handler, frame)
        return catches(self.evaluator, caught, effect.raised)

    def takes_much(self, handler: Handler, frame: Frame) -> bool:
        """The handler is for every exception, or for cancellation."""
        if handler.catches is None:
            return True
        caught = caught_by(self.evaluator, handler, frame)
        return any(isinstance(value, External) and value.name.rpartition(".")[2] in _MUCH for value in caught)

    def reraises(self, handler: Handler) -> bool:
        """The handler ends in raising what it caught, on every way."""
        if not handler.body or not self.is_reraise(handler.body[-1], handler):
            return False
        return not any(
            isinstance(found, Return) or (isinstance(found, Jump) and found.kind != "pass")
            for found in statements(handler.body)
        )

    @staticmethod
    def is_reraise(statement: object, handler: Handler) -> bool:
        """`raise`, or `raise error` with the handler's own name."""
        if not isinstance(statement, Raise):
            return False
        exception = statement.exception
        return exception is None or (isinstance(exception, Name) and exception.id == handler.name)

    # --- context managers ---------------------------------------------------------------------------------------------

    def through_context(self, effect: Effect, context: Expression, frame: Frame) -> Effect:
        """The effect outside a `with`."""
        if self.deadline(context, frame) is not None:
            effect = effect.within_deadline()
        effect = self._through_taught(effect, context, frame)
        for value in self.evaluator.evaluate(context, frame):
            match value:
                case Generator(function=Function(manages=True)):
                    effect = self._through_generator(effect, value)
                case Instance():
                    if effect.fails and self._exit_swallows(value):
                        effect = effect.caught()
                case External() | ExternalInstance() | ExternalMethod():
                    effect = self._through_library(effect, value, context, frame)
        return effect

    def _through_taught(self, effect: Effect, context: Expression, frame: Frame) -> Effect:
        """A context manager of the project of which the configuration says what it does."""
        named = context.function if isinstance(context, Call) else context
        for value in self.evaluator.evaluate(named, frame):
            name = self.evaluator.taught(value)
            row = self.evaluator.table.row(name) if name is not None else None
            if row is not None and row.catches:
                effect = effect.caught()
            if row is not None and row.deadline is not None:
                effect = effect.within_deadline()
        return effect

    def _through_generator(self, effect: Effect, value: Generator) -> Effect:
        """A project's `@contextmanager`: what happens to a failure at its `yield` happens to the block's."""
        ends = [found for found in self.summaries.of(value.frame) if found.kind is Kind.YIELD]
        if ends and all(not end.fails for end in ends):
            effect = effect.caught()
        if ends and all(end.bounded for end in ends):
            effect = effect.within_deadline()
        return effect

    def _exit_swallows(self, value: Instance) -> bool:
        """`__exit__` may return something true."""
        for name in ("__aexit__", "__exit__"):
            for method in self.evaluator.classes.method(value.cls, name, (value,)):
                if not isinstance(method, Function) or not isinstance(method.definition, FunctionDef):
                    return True
                frame = self.evaluator.calls.enter(method, (), None)
                returned = self.evaluator.calls.returns(method, frame)
                if any(not (isinstance(v, Literal) and not v.value) for v in returned):
                    return True
        return False

    def _through_library(self, effect: Effect, value: Value, context: Expression, frame: Frame) -> Effect:
        row = self._context_row(value)
        if row is None:
            return effect
        if row.catches and effect.fails and self._suppresses(row, context, effect, frame):
            return effect.caught()
        return effect

    def _suppresses(self, row: Row, context: Expression, effect: Effect, frame: Frame) -> bool:
        if effect.kind is not Kind.RAISE or row.catches != ("arguments",) or not isinstance(context, Call):
            return True
        caught = [v for g in self.evaluator.calls.given(context, frame) for v in g.values]
        return catches(self.evaluator, tuple(caught), effect.raised) is not False

    def _context_row(self, value: Value) -> Row | None:
        name = ""
        match value:
            case External(name=found) | ExternalInstance(type=found):
                name = found
            case ExternalMethod():
                name = value.qualified
        return self.evaluator.table.row(name.removesuffix("()"))

    def deadline(self, context: Expression, frame: Frame) -> Deadline | None:
        """The deadline that a context sets; none when its seconds may be None."""
        if not isinstance(context, Call):
            return None
        given = self.evaluator.calls.given(context, frame)
        for callee in self.evaluator.evaluate(context.function, frame):
            row = self._context_row(callee)
            if row is not None and row.deadline is not None and self.bounds(row, given):
                name = callee.name if isinstance(callee, External) else "a deadline"
                return Deadline(name, row.deadline_raises)
        return None

    @staticmethod
    def bounds(row: Row, given: tuple[Given, ...]) -> bool:
        """The deadline's argument is given and is not None."""
        if row.deadline is None:
            return False
        positional = [argument for argument in given if argument.keyword is None]
        found = next((a for a in given if a.keyword in (row.deadline, row.timeout) and a.keyword), None)
        if found is None and isinstance(row.deadline, int) and row.deadline < len(positional):
            found = positional[row.deadline]
        if found is None and any(argument.keyword for argument in given):
            found = next(argument for argument in given if argument.keyword)
        return found is not None and not any(isinstance(v, Literal) and v.value is None for v in found.values)
