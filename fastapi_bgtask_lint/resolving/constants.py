"""Values of literals, and of operations on literals."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Sequence

from fastapi_bgtask_lint.reading.facts import Attribute, Constant, Expression, Name, Operation
from fastapi_bgtask_lint.resolving.bindings import Path
from fastapi_bgtask_lint.resolving.ordering import union
from fastapi_bgtask_lint.resolving.values import NONE, TOP, UNKNOWN, Data, Literal, Value, Values

_GREATEST = 1e15
"""Numbers beyond this are not computed."""
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": operators.truediv,
    "//": operators.floordiv,
    "%": operators.mod,
}


def constant(expression: Constant) -> Value:
    """The value of a literal."""
    match expression.kind:
        case "none":
            return NONE
        case "bool" | "int" | "float" if expression.value is not None and not isinstance(expression.value, str):
            return Literal(expression.value)
        case "str":
            return Data("str", str(expression.value))
        case kind:
            return Data(kind, exact=True)


def as_text(values: Values) -> str | None:
    """What `str()` gives of a constant; None where that is not known."""
    match values:
        case (Literal(value=value),):
            return str(value)
        case (Data(type="str", text=text),):
            return text
        case _:
            return None


def is_constant(expression: Expression) -> bool:
    """Literals, names in capitals, and operations on such."""
    match expression:
        case Constant():
            return True
        case Name(id=name) | Attribute(attr=name):
            return name.isupper()
        case Operation():
            return all(is_constant(operand) for operand in expression.operands)
        case _:
            return False


def folded(expression: Operation, operands: Sequence[Values]) -> Values:
    """The value of an arithmetic operation: of numbers and texts that are known, else of its type."""
    result: Value | None = None
    for values in operands:
        value = values[0] if len(values) == 1 else None
        if value is None or (isinstance(value, Literal) and value.computed):
            return _typed(expression.operator, operands)
        result = value if result is None else _applied(expression.operator, result, value)
        if result is None:
            return _typed(expression.operator, operands)
    if result is None or is_constant(expression):
        return TOP if result is None else (result,)
    if isinstance(result, Literal):
        return (Literal(result.value, computed=True),)
    return _typed(expression.operator, operands)


def _applied(operator: str, left: Value, right: Value) -> Value | None:
    match left, right:
        case Literal(value=int() | float() as one), Literal(value=int() | float() as other):
            return _number(operator, one, other)
        case Data(type="str", text=str() as one), Data(type="str", text=str() as other) if operator == "+":
            return Data("str", one + other)
        case _:
            return None


def _number(operator: str, one: float, other: float) -> Value | None:
    apply = _ARITHMETIC.get(operator)
    if apply is None or max(abs(one), abs(other)) > _GREATEST:
        return None
    try:
        return Literal(apply(one, other))
    except (ArithmeticError, ValueError):
        return None


def _typed(operator: str, operands: Sequence[Values]) -> Values:
    if operator not in _ARITHMETIC and operator != "**":
        return TOP
    data = [value for value in operands[0] if isinstance(value, Data | Literal)]
    return (Data(data[0].type),) if data and isinstance(data[0], Data) else (UNKNOWN, Data("number"))


def item(value: Data, key: Value, every: Values, missing: Values | None = None) -> Values:
    """What a collection holds under a key; `every` where the key is not known, `missing` where there is none."""
    text = key.text if isinstance(key, Data) else str(key.value) if isinstance(key, Literal) else None
    if text is None:
        return every
    exact = [(index, found) for index, (name, found) in enumerate(value.items) if name == text]
    if not exact:
        return missing if missing is not None and value.complete else every
    index, found = exact[-1]
    return union(found, every) if any(name == "*" for name, _ in value.items[index + 1 :]) else found


def unpacked(values: Values, path: Path) -> Values:
    """What a target at a path into the value is bound to."""
    for index in path:
        results: list[Values] = []
        for value in values:
            if isinstance(value, Data) and value.items and value.type != "dict":
                exact = [found for key, found in value.items if key == str(index)]
                results.append(exact[0] if exact else union(*(found for _, found in value.items)))
            else:
                results.append(TOP)
        values = union(*results)
    return values
