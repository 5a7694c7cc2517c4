"""What stands between a failure or a wait and the caller: handlers, context managers, deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.effects.effect import Effect, EffectKind
from fastapi_bgtask_lint.framework.outcomes import Outcomes, catches, caught_by
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import (
    Break,
    Call,
    Continue,
    ExceptHandler,
    Expression,
    FunctionDef,
    Name,
    Raise,
    Return,
)
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    Context,
    External,
    ExternalInstance,
    ExternalMethod,
    Function,
    Generator,
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

    def through_handlers(self, effect: Effect, handlers: tuple[ExceptHandler, ...], context: Context) -> Effect:
        """The effect outside a `try` with these handlers.

        A handler that does not raise again handles any failure of a call, whatever it names; an explicit `raise` only
        when it can take it.
        """
        if not effect.fails:
            return effect
        for handler in handlers:
            verdict = self._takes(handler, effect, context)
            if verdict is False:
                continue
            if not self.reraises(handler):
                return effect.caught()
            if verdict is True and effect.kind is EffectKind.RAISE:
                return effect
        return effect

    def _takes(self, handler: ExceptHandler, effect: Effect, context: Context) -> bool | None:
        if handler.catches is None:
            return True
        if effect.kind is not EffectKind.RAISE:
            return None
        caught = caught_by(self.evaluator, handler, context)
        return catches(self.evaluator, caught, effect.raised)

    def takes_much(self, handler: ExceptHandler, context: Context) -> bool:
        """The handler is for every exception, or for cancellation."""
        if handler.catches is None:
            return True
        caught = caught_by(self.evaluator, handler, context)
        return any(isinstance(value, External) and value.name.rpartition(".")[2] in _MUCH for value in caught)

    def reraises(self, handler: ExceptHandler) -> bool:
        """The handler ends in raising what it caught, on every way."""
        if not handler.body or not self.is_reraise(handler.body[-1], handler):
            return False
        return not any(isinstance(found, Return | Break | Continue) for found in statements(handler.body))

    @staticmethod
    def is_reraise(statement: object, handler: ExceptHandler) -> bool:
        """`raise`, or `raise error` with the handler's own name."""
        if not isinstance(statement, Raise):
            return False
        exception = statement.exception
        return exception is None or (isinstance(exception, Name) and exception.id == handler.name)

    # --- context managers ---------------------------------------------------------------------------------------------

    def through_context(self, effect: Effect, context_expr: Expression, context: Context) -> Effect:
        """The effect outside a `with`."""
        if self.deadline(context_expr, context) is not None:
            effect = effect.within_deadline()
        effect = self._through_taught(effect, context_expr, context)
        for value in self.evaluator.evaluate(context_expr, context):
            match value:
                case Generator(function=Function(manages=True)):
                    effect = self._through_generator(effect, value)
                case Instance():
                    if effect.fails and self._exit_swallows(value):
                        effect = effect.caught()
                case External() | ExternalInstance() | ExternalMethod():
                    effect = self._through_library(effect, value, context_expr, context)
        return effect

    def _through_taught(self, effect: Effect, context_expr: Expression, context: Context) -> Effect:
        """A context manager of the project of which the configuration says what it does."""
        named = context_expr.function if isinstance(context_expr, Call) else context_expr
        for value in self.evaluator.evaluate(named, context):
            name = self.evaluator.configured(value)
            row = self.evaluator.table.row(name) if name is not None else None
            if row is not None and row.catches:
                effect = effect.caught()
            if row is not None and row.deadline is not None:
                effect = effect.within_deadline()
        return effect

    def _through_generator(self, effect: Effect, value: Generator) -> Effect:
        """A project's `@contextmanager`: what happens to a failure at its `yield` happens to the block's."""
        ends = [found for found in self.summaries.of(value.context) if found.kind is EffectKind.YIELD]
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
                context = self.evaluator.calls.enter(method, (), None)
                returned = self.evaluator.calls.returns(method, context)
                if any(not (isinstance(v, Literal) and not v.value) for v in returned):
                    return True
        return False

    def _through_library(self, effect: Effect, value: Value, context_expr: Expression, context: Context) -> Effect:
        row = self._context_row(value)
        if row is None:
            return effect
        if row.catches and effect.fails and self._suppresses(row, context_expr, effect, context):
            return effect.caught()
        return effect

    def _suppresses(self, row: Row, context_expr: Expression, effect: Effect, context: Context) -> bool:
        if effect.kind is not EffectKind.RAISE or row.catches != ("arguments",) or not isinstance(context_expr, Call):
            return True
        caught = [v for g in self.evaluator.calls.evaluated_arguments(context_expr, context) for v in g.values]
        return catches(self.evaluator, tuple(caught), effect.raised) is not False

    def _context_row(self, value: Value) -> Row | None:
        name = ""
        match value:
            case External(name=found) | ExternalInstance(type=found):
                name = found
            case ExternalMethod():
                name = value.qualified
        return self.evaluator.table.row(name.removesuffix("()"))

    def deadline(self, context_expr: Expression, context: Context) -> Deadline | None:
        """The deadline that a context sets; none when its seconds may be None."""
        if not isinstance(context_expr, Call):
            return None
        arguments = self.evaluator.calls.evaluated_arguments(context_expr, context)
        for callee in self.evaluator.evaluate(context_expr.function, context):
            row = self._context_row(callee)
            if row is not None and row.deadline is not None and self.bounds(row, arguments):
                name = callee.name if isinstance(callee, External) else "a deadline"
                return Deadline(name, row.deadline_raises)
        return None

    @staticmethod
    def bounds(row: Row, arguments: tuple[CallArgument, ...]) -> bool:
        """The deadline's argument is given and is not None."""
        if row.deadline is None:
            return False
        positional = [argument for argument in arguments if argument.keyword is None]
        found = next((a for a in arguments if a.keyword in (row.deadline, row.timeout) and a.keyword), None)
        if found is None and isinstance(row.deadline, int) and row.deadline < len(positional):
            found = positional[row.deadline]
        if found is None and any(argument.keyword for argument in arguments):
            found = next(argument for argument in arguments if argument.keyword)
        return found is not None and not any(isinstance(v, Literal) and v.value is None for v in found.values)
