"""Which exceptions a handler takes: exception matching, as far as the classes are known."""

from __future__ import annotations

import builtins

from fastapi_bgtask_lint.reading.facts import ExceptHandler
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    UNKNOWN,
    Class,
    Context,
    Data,
    External,
    ExternalInstance,
    Instance,
    Value,
    Values,
)

_EXCEPTION, _BASE = "builtins.Exception", "builtins.BaseException"
BEYOND_EXCEPTION = frozenset({"SystemExit", "KeyboardInterrupt", "GeneratorExit", "CancelledError"})
"""Exceptions that are no `Exception`."""


def caught_by(evaluator: Evaluator, handler: ExceptHandler, context: Context) -> Values:
    """The classes that a handler names, those of a tuple too; nothing for one that names none."""
    if handler.catches is None:
        return ()
    values = evaluator.evaluate(handler.catches, context)
    return tuple(item for v in values for item in (evaluator.items((v,)) if isinstance(v, Data) else (v,)))


def catches(evaluator: Evaluator, caught: Values, raised: Values) -> bool | None:
    """Whether handlers of these classes take what is raised; None when that can't be known."""
    names = {value.name for value in caught if isinstance(value, External)}
    if _BASE in names or (_EXCEPTION in names and not _is_beyond(raised)):
        return True
    if not raised or not caught:
        return None
    verdicts = [_catches(evaluator, one, value) for value in raised for one in caught]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _is_beyond(raised: Values) -> bool:
    """Everything that is raised passes `except Exception`."""
    names = [getattr(value, "name", getattr(value, "type", "")) for value in raised]
    return bool(names) and all(name.rpartition(".")[2] in BEYOND_EXCEPTION for name in names)


def _catches(evaluator: Evaluator, caught: Value, raised: Value) -> bool | None:
    cls = raised.cls if isinstance(raised, Instance) else raised
    match cls, caught:
        case Class(), Class():
            if cls.definition is caught.definition:
                return True
            line = evaluator.classes.line(cls)
            if any(isinstance(base, Class) and base.definition is caught.definition for base in line):
                return True
            return None if UNKNOWN in line else False
        case Class(), External():
            return _external_line(evaluator, cls, caught.name)
        case ((External() | ExternalInstance()), External()):
            name = cls.name if isinstance(cls, External) else cls.type
            return is_exception_subclass(evaluator, name, caught.name)
        case ((External() | ExternalInstance()), Class()):
            return False
        case _:
            return None


def _external_line(evaluator: Evaluator, cls: Class, name: str) -> bool | None:
    answer: bool | None = False
    for base in evaluator.classes.external_bases(cls):
        verdict = is_exception_subclass(evaluator, base.name, name) if isinstance(base, External) else None
        if verdict:
            return True
        answer = None if verdict is None else answer
    return answer


def is_exception_subclass(evaluator: Evaluator, name: str, base: str) -> bool | None:
    """Whether a library's exception class derives from another, by Python itself for the built-in ones."""
    if _same_exception(name, base):
        return True
    one = getattr(builtins, name.removeprefix("builtins."), None) if name.startswith("builtins.") else None
    other = getattr(builtins, base.removeprefix("builtins."), None) if base.startswith("builtins.") else None
    if isinstance(one, type) and isinstance(other, type):
        return issubclass(one, other)
    if isinstance(one, type) and other is None:
        return False
    return evaluator.table.is_subtype(name, base) or (False if _is_http(name) and isinstance(other, type) else None)


def _is_http(name: str) -> bool:
    return name.startswith(("fastapi", "starlette")) and name.endswith("HTTPException")


def _same_exception(name: str, base: str) -> bool:
    return name == base or (_is_http(name) and _is_http(base))
