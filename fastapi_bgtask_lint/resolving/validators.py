"""What a validator of a field of a model or of the settings admits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import (
    Call,
    Collection,
    Constant,
    DeferredDefinition,
    Expression,
    FunctionDef,
    If,
    Name,
    Operation,
    Raise,
    Return,
)
from fastapi_bgtask_lint.reading.traversal import last_name, statements
from fastapi_bgtask_lint.resolving.values import BOTTOM, Class, Data, Values

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_VALIDATORS = frozenset({"field_validator", "validator"})
_NONE_ADMITTED: dict[str, Values] = {}


class Validators:
    """Reads `if value not in ("a", "b"): raise ...` in validators that give back what they are given."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._admitted = evaluator.solver.query(self._find_admitted, _NONE_ADMITTED)

    def admitted(self, cls: Class, field: str) -> Values:
        """All values that a field of settings can have; none where that is not known."""
        if not self._evaluator.classes.is_settings(cls):
            return BOTTOM
        return self._admitted(cls).get(field, BOTTOM)

    def _find_admitted(self, cls: Class) -> dict[str, Values]:
        if b"validator(" not in self._evaluator.project.text(cls.module.path):
            return _NONE_ADMITTED
        found: dict[str, Values] = {}
        for statement in cls.definition.body:
            if isinstance(statement, FunctionDef | DeferredDefinition):
                definition = cls.module.definition(statement)
                if isinstance(definition, FunctionDef):
                    found |= dict.fromkeys(_fields(definition), _allowed(definition))
        return {name: values for name, values in found.items() if values}


def _fields(definition: FunctionDef) -> Iterator[str]:
    """The fields that a function validates."""
    for decorator in definition.decorators:
        if isinstance(decorator, Call) and last_name(decorator.function) in _VALIDATORS:
            for argument in decorator.arguments:
                if argument.keyword == "mode" and getattr(argument.value, "value", None) != "after":
                    return
            values = [argument.value for argument in decorator.arguments if argument.keyword is None]
            yield from (str(value.value) for value in values if isinstance(value, Constant))


def _allowed(definition: FunctionDef) -> Values:
    """The texts that a validator does not refuse."""
    names = [parameter.name for parameter in definition.parameters[1:2]]
    body = list(statements(definition.body))
    if not names or any(isinstance(s, Return) and not _is_name(s.value, names[0]) for s in body):
        return BOTTOM
    for statement in definition.body:
        match statement:
            case If(branches=(branch,)) if isinstance(branch.body[-1], Raise):
                return _listed(branch.test, names[0])
    return BOTTOM


def _listed(test: Expression, name: str) -> Values:
    match test:
        case Operation(operator="not in", operands=(value, Collection(items=items))) if _is_name(value, name):
            texts = [item.value for item in items if isinstance(item, Constant) and item.kind == "str"]
            return tuple(Data("str", str(text)) for text in sorted(map(str, texts))) if len(texts) == len(items) else ()
        case _:
            return BOTTOM


def _is_name(expression: Expression | None, name: str) -> bool:
    return isinstance(expression, Name) and expression.id == name
