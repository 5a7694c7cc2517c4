"""Comparisons of values: truth, equality, class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import Call, FunctionDef, Lambda
from fastapi_bgtask_lint.reading.traversal import last_name
from fastapi_bgtask_lint.resolving.values import (
    Awaitable,
    Class,
    Coroutine,
    Data,
    EnumMember,
    External,
    ExternalInstance,
    FromCall,
    Function,
    Generator,
    Instance,
    Literal,
    Partial,
    Value,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_IMMUTABLE = frozenset({"tuple", "frozenset", "str", "bytes"})
_CONCRETE = frozenset({"pathlib", "datetime", "decimal", "uuid", "fastapi", "starlette", "pydantic"})
"""Modules whose classes are neither those of plain values nor protocols."""
_OBJECTS = (Function, Class, Partial, Coroutine, Generator, Awaitable)


def truth_of(value: Value) -> bool | None:
    """Whether a value counts as true in a test; None when that is not known."""
    match value:
        case Literal():
            return bool(value.value)
        case Data(type="str", text=str() as text):
            return bool(text)
        case Data(type="tuple") if value.items and all(name != "*" for name, _ in value.items):
            return True
        case Data(type="tuple" | "list" | "dict" | "set", complete=True):
            return bool(value.items)
        case EnumMember():
            return True
        case _:
            return True if isinstance(value, _OBJECTS) else None


def equals(evaluator: Evaluator, one: Value, other: Value) -> bool | None:
    """Whether two values are equal; None when that is not known. For literals, members of enumerations and classes this
    is also whether they are the same object.
    """
    match one, other:
        case Literal(), Literal():
            return one.value is other.value or (one.value == other.value and None not in (one.value, other.value))
        case Data(type="str", text=str() as left), Data(type="str", text=str() as right):
            return left == right
        case EnumMember(), EnumMember():
            same_class = one.cls.definition is other.cls.definition
            return evaluator.classes.same_member(one, other) if same_class else None
        case (EnumMember() as member, plain) | (plain, EnumMember() as member):
            return _member_equals(evaluator, member, plain)
        case (Literal(value=None), _) | (_, Literal(value=None)):
            rest = other if isinstance(one, Literal) and one.value is None else one
            return None if isinstance(rest, Literal) and rest.value is None else _differs_from_none(rest)
        case (Literal(), Data(type="str", text=str())) | (Data(type="str", text=str()), Literal()):
            return False
        case Class(), Class():
            return one.definition is other.definition
        case _:
            return None


def _differs_from_none(value: Value) -> bool | None:
    """False for a value that surely is not None."""
    return False if is_exact(value) else None


def is_exact(value: Value) -> bool:
    """The code makes this very value: no annotation promises it, so that it could be None or of a subclass."""
    match value:
        case Literal() | EnumMember():
            return True
        case Data():
            return value.exact or value.text is not None
        case Instance():
            return isinstance(value.origin, FromCall)
        case ExternalInstance():
            return _is_constructed(value)
        case External(name=name):
            return name.startswith("builtins.")
        case _:
            return isinstance(value, _OBJECTS)


def _is_constructed(value: ExternalInstance) -> bool:
    """The object is the result of calling its class by name."""
    if not isinstance(value.origin, FromCall) or not isinstance(value.origin.site.fact, Call):
        return False
    return last_name(value.origin.site.fact.function) == value.type.rpartition(".")[2]


def _member_equals(evaluator: Evaluator, member: EnumMember, plain: Value) -> bool | None:
    """A member of an enumeration of strings or numbers equals its value."""
    if isinstance(plain, Literal) and plain.value is None:
        return False
    if not isinstance(plain, Literal | Data):
        return None
    if not evaluator.classes.is_plain_enum(member.cls):
        return False if isinstance(plain, Literal) or plain.text is not None else None
    verdicts = {equals(evaluator, value, plain) for value in evaluator.classes.enum_attribute(member, "value")}
    return verdicts.pop() if len(verdicts) == 1 else None


def is_instance(evaluator: Evaluator, value: Value, cls: Value) -> bool | None:
    """Whether `isinstance(value, cls)` is true; None when that is not known."""
    match value, cls:
        case ((Instance() | EnumMember()), Class()):
            return _derives(evaluator, value.cls, cls)
        case Instance(), External(name=name):
            return True if name == "builtins.object" else evaluator.classes.is_subclass(value.cls, name)
        case ((Literal() | Data()), External(name=name)) if name.partition(".")[0] in _CONCRETE:
            return False
        case Literal(), External(name=name):
            return _is_number(value, name.removeprefix("builtins."))
        case Data(), External(name=name) if name.startswith("builtins."):
            return True if name == "builtins.object" else _is_data(value, name.removeprefix("builtins."))
        case ((Literal() | Data()), Class()):
            return False
        case ExternalInstance(type=kind), External(name=name) if not kind.endswith("()"):
            return evaluator.table.is_subtype(kind, name)
        case _:
            return None


def _is_number(value: Literal, name: str) -> bool | None:
    if name == "object":
        return True
    if value.value is None:
        return name == "NoneType"
    return isinstance(value.value, (int, float, bool)) and name in _names_of(value.value)


def _names_of(value: bool | float) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("bool", "int")
    return ("int",) if isinstance(value, int) else ("float",)


def _is_data(value: Data, name: str) -> bool | None:
    if value.type in ("number", "generator", "context"):
        return None
    return value.type == name or (value.type == "bool" and name == "int")


def _derives(evaluator: Evaluator, cls: Class, base: Class) -> bool | None:
    line = evaluator.classes.line(cls)
    if any(isinstance(one, Class) and one.definition is base.definition for one in line):
        return True
    return False if all(isinstance(one, Class | External) for one in line) else None


def is_async(value: Value) -> bool | None:
    """Whether a callable is a coroutine function, as `inspect.iscoroutinefunction` sees it."""
    match value:
        case Function(definition=FunctionDef() as definition):
            return definition.is_async and not definition.is_generator and not value.hides_async and not value.manages
        case Function(definition=Lambda()) | Class():
            return False
        case Partial(function=functions):
            verdicts = {is_async(function) for function in functions}
            return verdicts.pop() if len(verdicts) == 1 else None
        case _:
            return None
