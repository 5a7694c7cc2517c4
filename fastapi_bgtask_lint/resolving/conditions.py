"""Under which tests a statement runs, and whether a test holds in a context."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    BoolOp,
    Break,
    Call,
    Continue,
    Expression,
    FunctionDef,
    If,
    Lambda,
    Name,
    Operation,
    Raise,
    Return,
    Statement,
)
from fastapi_bgtask_lint.reading.traversal import blocks
from fastapi_bgtask_lint.resolving.bindings import Bound
from fastapi_bgtask_lint.resolving.values import (
    UNKNOWN,
    Class,
    Context,
    ExternalInstance,
    Function,
    Instance,
    Literal,
    Partial,
    Value,
    Values,
    known,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

Condition: TypeAlias = tuple[Expression, bool]
"""A test and the answer that leads to the statement."""

_ASYNC_TESTS = frozenset(
    {
        "asyncio.iscoroutinefunction",
        "inspect.iscoroutinefunction",
        "asyncio.coroutines.iscoroutinefunction",
        "starlette._utils.is_async_callable",
    }
)


_ASYNC_QUESTIONS = frozenset(name.rpartition(".")[2] for name in _ASYNC_TESTS)


def conditions(body: tuple[Statement, ...]) -> dict[int, tuple[Condition, ...]]:
    """For each statement of a function, by its ordinal, the tests that must have gone one way for it to run."""
    found: dict[int, tuple[Condition, ...]] = {}
    stack: list[tuple[tuple[Statement, ...], tuple[Condition, ...]]] = [(body, ())]
    while stack:
        block, held = stack.pop()
        for statement in block:
            found[statement.at] = held
            if not isinstance(statement, If):
                stack.extend((inner, held) for inner in blocks(statement))
                continue
            refused = held
            for branch in statement.branches:
                stack.append((branch.body, (*refused, (branch.test, True))))
                refused = (*refused, (branch.test, False))
            stack.append((statement.orelse, refused))
            if all(_leaves(branch.body) for branch in statement.branches) and not statement.orelse:
                held = refused
    return found


def _leaves(body: tuple[Statement, ...]) -> bool:
    return bool(body) and (isinstance(body[-1], Return | Raise | Break | Continue))


def holds(evaluator: Evaluator, test: Expression, context: Context) -> bool | None:
    """Whether a test is known to be true or false in a context."""
    match test:
        case Operation(operator="not", operands=(operand,)):
            verdict = holds(evaluator, operand, context)
            return None if verdict is None else not verdict
        case Operation(operator="is" | "==" | "is not" | "!=" as operator, operands=(Name() as left, right)):
            if not _is_argument(evaluator, left, context):
                return None
            same = _same(evaluator.evaluate(left, context), evaluator.evaluate(right, context))
            return same if same is None or operator in ("is", "==") else not same
        case BoolOp(operator=operator, values=parts):
            verdicts = [holds(evaluator, part, context) for part in parts]
            decisive = operator == "or"
            if decisive in verdicts:
                return decisive
            return None if None in verdicts else not decisive
        case Call():
            return _call_holds(evaluator, test, context)
        case Name():
            return _truth(evaluator.evaluate(test, context)) if _is_argument(evaluator, test, context) else None
        case _:
            return None


def possible(evaluator: Evaluator, held: tuple[Condition, ...], context: Context) -> bool:
    """No test on the way is known to go the other way."""
    return all(holds(evaluator, test, context) in (None, answer) for test, answer in held)


def _same(left: Values, right: Values) -> bool | None:
    if not (known(left) and known(right)) or len(right) != 1 or not isinstance(right[0], Literal):
        return None
    verdicts = {_equals(value, right[0]) for value in left}
    return verdicts.pop() if len(verdicts) == 1 else None


def _equals(value: Value, literal: Literal) -> bool | None:
    if isinstance(value, Literal):
        return value.value is literal.value or (value.value == literal.value and value.value is not None)
    if literal.value is None and isinstance(value, Function | Class | Instance | ExternalInstance | Partial):
        return False
    return None


def _truth(values: Values) -> bool | None:
    if not known(values):
        return None
    verdicts = {_truth_of(value) for value in values}
    return verdicts.pop() if len(verdicts) == 1 else None


def _truth_of(value: Value) -> bool | None:
    if isinstance(value, Literal):
        return bool(value.value)
    return True if isinstance(value, Function | Class | Partial) else None


def _is_argument(evaluator: Evaluator, name: Name, context: Context) -> bool:
    """Only what a caller hands over is known better in one context than in another."""
    bindings = evaluator.reaching(context).at_use.get(name.at)
    return context.parent is not None and (not bindings or all(isinstance(binding, Bound) for binding in bindings))


def _call_holds(evaluator: Evaluator, test: Call, context: Context) -> bool | None:
    asked = test.function.attr if isinstance(test.function, Attribute) else getattr(test.function, "id", "")
    if asked not in _ASYNC_QUESTIONS:
        return None
    names = {getattr(value, "name", None) for value in evaluator.evaluate(test.function, context)}
    if len(names) != 1 or len(test.arguments) != 1:
        return None
    if names & _ASYNC_TESTS:
        verdicts = {is_async(value) for value in evaluator.evaluate(test.arguments[0].value, context)}
        return verdicts.pop() if len(verdicts) == 1 else None
    return None


def is_async(value: Value) -> bool | None:
    """Whether a callable is a coroutine function, as `inspect.iscoroutinefunction` sees it."""
    match value:
        case Function(definition=FunctionDef() as definition):
            return definition.is_async and not definition.is_generator and not value.hides_async and not value.manages
        case Function(definition=Lambda()):
            return False
        case Partial(function=functions):
            verdicts = {is_async(function) for function in functions}
            return verdicts.pop() if len(verdicts) == 1 else None
        case Class():
            return False
        case _ if value == UNKNOWN:
            return None
        case _:
            return None
