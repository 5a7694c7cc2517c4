"""Which way a test goes: by the values of what it tests, and by what is known from the call of the function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    BoolOp,
    Call,
    ClassPattern,
    Collection,
    Constant,
    Expression,
    FString,
    FunctionDef,
    Name,
    NamedExpr,
    Operation,
    Subscript,
)
from fastapi_bgtask_lint.resolving.assumptions import Assumed
from fastapi_bgtask_lint.resolving.comparison import equals, is_async, is_exact, is_instance, truth_of
from fastapi_bgtask_lint.resolving.conditions import Conditions, MatchTest, Test, conditions
from fastapi_bgtask_lint.resolving.constants import is_constant
from fastapi_bgtask_lint.resolving.values import (
    Class,
    Context,
    Data,
    External,
    Instance,
    Literal,
    Value,
    Values,
)
from fastapi_bgtask_lint.solving.solver import FINAL

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_ASYNC_TESTS = frozenset(
    {
        "asyncio.iscoroutinefunction",
        "inspect.iscoroutinefunction",
        "asyncio.coroutines.iscoroutinefunction",
        "starlette._utils.is_async_callable",
    }
)
_CALLS = frozenset({"isinstance", "callable", "bool", "iscoroutinefunction", "is_async_callable"})
_NO_CONDITIONS: Conditions = {}
_NOTHING: frozenset[int] = frozenset()


class Feasibility:
    """Decides tests. None is "may go both ways"."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._conditions = evaluator.solver.query(conditions, _NO_CONDITIONS)
        self.assumed = Assumed(evaluator, self)
        self._contradicted = evaluator.solver.query(self.assumed.contradicted, _NOTHING)

    def conditions(self, definition: FunctionDef) -> Conditions:
        """The tests that must have gone one way for a statement, or a call in an arm of an expression, to run."""
        return self._conditions(definition)

    def is_possible(self, at: int, context: Context) -> bool:
        """No test on the way to a statement or call of the context's function is known to go the other way."""
        if not isinstance(context.scope, FunctionDef):
            return True
        held = self.conditions(context.scope).get(at, ())
        if len(held) > 1 and at in self._contradicted(self._evaluator.contexts.context_free(context)):
            return False
        return all(self.truth(test, context) in (None, answer) for test, answer in held)

    def is_call_possible(self, call: Call, context: Context) -> bool:
        """A call of the context's function can be reached: neither a jump nor a test on its way rules it out."""
        if not isinstance(context.scope, FunctionDef):
            return True
        held = self.conditions(context.scope)
        at = self.assumed.statement_at(call, context.scope)
        if at not in self._evaluator.reaching(context).reached:
            return False
        return self.is_possible(call.at if call.at in held else at, context)

    def truth(self, test: Test, context: Context) -> bool | None:
        """Whether a test is known to be true or false in a context. The answer is kept when it is final."""
        solver = self._evaluator.solver
        if test.at in context.truths:
            solver.reads |= context.reads
            return context.truths[test.at]
        outer, solver.lowest = solver.lowest, FINAL
        verdict = self._truth(test, context)
        if solver.lowest == FINAL:
            context.truths[test.at] = verdict
            context.reads |= solver.reads
        solver.lowest = min(outer, solver.lowest)
        return verdict

    def _truth(self, test: Test, context: Context) -> bool | None:
        match test:
            case Constant(kind="bool" | "int" | "float" | "none" | "str"):
                return bool(test.value)
            case Operation(operator="not", operands=(operand,)):
                verdict = self.truth(operand, context)
                return None if verdict is None else not verdict
            case BoolOp():
                return self._bool_op(test, context)
            case NamedExpr():
                return self.truth(test.value, context)
        assumed = self.assumed.answer(test, context)
        if assumed is not None:
            return assumed
        match test:
            case Operation(operands=(left, right)):
                return self._comparison(test.operator, left, right, context)
            case MatchTest():
                return self._matched(test.subject, test.pattern, context)
            case Call():
                verdict = self._question(test, context)
                return verdict if verdict is not None else self._truth_of_values(test, context)
            case Name() | Attribute() | Subscript():
                return self._truth_of_values(test, context)
            case _:
                return None

    def where(self, values: Values, answer: bool) -> Values:
        """The values that are not known to be of the other truth."""
        return tuple(value for value in values if truth_of(value) is not (not answer))

    def _bool_op(self, test: BoolOp, context: Context) -> bool | None:
        decisive = test.operator == "or"
        verdicts = {self.truth(operand, context) for operand in test.values}
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive

    def _comparison(self, operator: str, left: Expression, right: Expression, context: Context) -> bool | None:
        match operator:
            case "is" | "==":
                return self._same(left, right, context)
            case "is not" | "!=":
                verdict = self._same(left, right, context)
                return None if verdict is None else not verdict
            case "in" | "not in":
                verdict = self._contained(left, right, context)
                return verdict if verdict is None or operator == "in" else not verdict
            case _:
                return None

    def _matched(self, subject: Expression, pattern: Expression, context: Context) -> bool | None:
        """Whether a pattern takes the subject."""
        if isinstance(pattern, BoolOp):
            verdicts = {self._matched(subject, alternative, context) for alternative in pattern.values}
            return True if True in verdicts else None if None in verdicts else False
        if not isinstance(pattern, ClassPattern):
            return self._same(subject, pattern, context)
        classes = self._evaluator.evaluate(pattern.cls, context)
        values = self.operand(subject, context)
        verdicts = {is_instance(self._evaluator, value, cls) for value in values or () for cls in classes}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _contained(self, left: Expression, right: Expression, context: Context) -> bool | None:
        if not isinstance(right, Collection):
            return self._is_key(left, right, context)
        listed = [self.operand(item, context) for item in right.items]
        verdicts = {self._is_listed(value, listed) for value in self.operand(left, context) or ()}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _is_key(self, left: Expression, right: Expression, context: Context) -> bool | None:
        """`"mode" in options`, where all keys are known."""
        keys, holders = self.operand(left, context), self.operand(right, context)
        verdicts = {
            any(name == key.text for name, _ in holder.items)
            if isinstance(key, Data) and key.text is not None and isinstance(holder, Data) and _has_all_keys(holder)
            else None
            for key in keys or ()
            for holder in holders or ()
        }
        return verdicts.pop() if len(verdicts) == 1 else None

    def _is_listed(self, value: Value, listed: Sequence[Values | None]) -> bool | None:
        found = [{equals(self._evaluator, value, item) for item in items or ()} for items in listed]
        if {True} in found:
            return True
        return False if all(verdicts == {False} for verdicts in found) else None

    def _same(self, left: Expression, right: Expression, context: Context) -> bool | None:
        one, other = self.operand(left, context), self.operand(right, context)
        if one is None or other is None:
            return None
        verdicts = {equals(self._evaluator, a, b) for a in one for b in other}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _truth_of_values(self, test: Expression, context: Context) -> bool | None:
        values = self.operand(test, context)
        verdicts = {self._truth_of(value) for value in values or ()}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _truth_of(self, value: Value) -> bool | None:
        """An object counts as true where its class says nothing else."""
        if not isinstance(value, Instance):
            return truth_of(value)
        classes = self._evaluator.classes
        bases = classes.line(value.cls)
        is_plain = all(isinstance(base, Class) for base in bases)
        says = any(classes.members(value.cls, name) is not None for name in ("__bool__", "__len__"))
        return True if is_plain and not says else None

    def _question(self, test: Call, context: Context) -> bool | None:
        name = test.function.attr if isinstance(test.function, Attribute) else getattr(test.function, "id", "")
        if name not in _CALLS or not test.arguments:
            return None
        callees = {getattr(value, "name", None) for value in self._evaluator.evaluate(test.function, context)}
        values = self.operand(test.arguments[0].value, context)
        if values is None or len(callees) != 1:
            return None
        verdicts = {self._answer(callees, value, test, context) for value in values}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _answer(self, callees: set[str | None], value: Value, test: Call, context: Context) -> bool | None:
        if callees & _ASYNC_TESTS:
            return is_async(value)
        if callees == {"builtins.bool"}:
            return truth_of(value)
        if callees != {"builtins.isinstance"} or len(test.arguments) != 2:
            return None
        classes = self._evaluator.evaluate(test.arguments[1].value, context)
        listed = tuple(
            c for found in classes for c in (self._evaluator.items((found,)) if isinstance(found, Data) else (found,))
        )
        verdicts = {is_instance(self._evaluator, value, cls) for cls in listed}
        if True in verdicts:
            return True
        return None if None in verdicts or not verdicts else False

    # --- what may be tested -------------------------------------------------------------------------------------------

    def operand(self, expression: Expression, context: Context) -> Values | None:
        """The values of an operand, where these are all that it can have."""
        if not self._is_settled(expression, context):
            return None
        values = self._evaluator.evaluate(expression, context)
        return values if values and all(map(is_exact, values)) else None

    def _is_settled(self, expression: Expression, context: Context) -> bool:
        """Nothing but the bindings that are seen gives the expression its value."""
        match expression:
            case Constant() | FString():
                return True
            case Operation():
                return is_constant(expression)
            case Name():
                return self._is_settled_name(expression, context)
            case Attribute():
                return self._evaluator.classes.is_settled(expression, context)
            case Call() | Collection():
                return True
            case _:
                return self._is_settled_item(expression, context)

    def _is_settled_name(self, name: Name, context: Context) -> bool:
        found = self._evaluator.lookup(name, context)
        if found is None or found.context.scope is None:
            return name.id.isupper() or self._is_class_or_function(name, context)
        return name.id not in self._evaluator.reaching(found.context).nonlocal_writes

    def _is_settled_item(self, expression: Expression, context: Context) -> bool:
        """`options["mode"]`, where the function itself changes no item."""
        while isinstance(expression, Subscript):
            expression = expression.value
        return isinstance(expression, Name) and self._is_settled_name(expression, context)

    def _is_class_or_function(self, name: Name, context: Context) -> bool:
        values = self._evaluator.evaluate(name, context)
        return all(isinstance(value, External) or not isinstance(value, Literal | Data) for value in values)


def _has_all_keys(holder: Data) -> bool:
    return holder.type == "dict" and holder.complete
