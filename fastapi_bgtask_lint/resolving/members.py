"""What values give: their attributes, what awaiting, entering and iterating them gives."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving import limits
from fastapi_bgtask_lint.resolving.annotations import owned
from fastapi_bgtask_lint.resolving.ordering import as_shared, union
from fastapi_bgtask_lint.resolving.routes import request_methods
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    TOP,
    Awaitable,
    Class,
    Coroutine,
    Data,
    EnumMember,
    External,
    ExternalInstance,
    ExternalMethod,
    FromParameter,
    FromWith,
    Function,
    Generator,
    Instance,
    Literal,
    ModuleValue,
    Super,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_REQUESTS = (".Request", ".WebSocket", ".HTTPConnection")
_STATE = "starlette.datastructures.State"


class Members:
    """Works on values, not on expressions."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    # --- attributes ---------------------------------------------------------------------------------------------------

    def attributes(self, values: Values, name: str) -> Values:
        """An attribute of any of these."""
        return union(*(as_shared(self.attribute(value, name)) for value in values))

    def attribute(self, value: Value, name: str) -> Values:
        """An attribute of a value."""
        match value:
            case ModuleValue():
                return self._evaluator.names.member(value, name)
            case External():
                return self._of_external(value, name)
            case Class():
                return self._of_class(value, name)
            case EnumMember():
                return self._evaluator.classes.enum_attribute(value, name)
            case Instance():
                admitted = self._evaluator.validators.admitted(value.cls, name)
                return admitted or self._evaluator.classes.attribute(value, name)
            case ExternalInstance():
                return self._of_library_object(value, name)
            case Data():
                has_it = hasattr(getattr(builtins, value.type, None), name)
                return (External(f"builtins.{value.type}.{name}"),) if has_it else TOP
            case Literal(value=None):
                return BOTTOM
            case Super():
                return self._evaluator.classes.super_attribute(value, name)
            case Generator(function=Function(definition=FunctionDef(is_async=True))):
                return (ExternalMethod(ExternalInstance("types.AsyncGeneratorType"), name),)
            case _:
                return TOP

    def _of_external(self, value: External, name: str) -> Values:
        if value.name.count(".") >= limits.DOTTED_NAME:
            return TOP
        return (External(self._evaluator.table.canonical(f"{value.name}.{name}")),)

    def _of_class(self, cls: Class, name: str) -> Values:
        classes = self._evaluator.classes
        if classes.is_enum_member(cls, name):
            return (EnumMember(cls, name),)
        if classes.members(cls, name) is not None:
            return classes.method(cls, name, (cls,))
        for base in classes.external_bases(cls):
            if isinstance(base, External) and self._evaluator.table.method(base.name, name) is not None:
                return (External(f"{self._evaluator.table.canonical(base.name)}.{name}"),)
        return TOP

    def _of_library_object(self, value: ExternalInstance, name: str) -> Values:
        if value.type.endswith(_REQUESTS):
            if name == "state":
                return (ExternalInstance(_STATE, value.origin),)
            if name == "method" and isinstance(value.origin, FromParameter):
                methods = request_methods(value.origin.context)
                if methods:
                    return tuple(Data("str", method) for method in methods)
        if value.type == _STATE:
            return TOP
        kind = self._evaluator.table.attribute(value.type, name)
        return (ExternalInstance(kind, value.origin),) if kind else (ExternalMethod(value, name),)

    # --- awaiting, entering, iterating --------------------------------------------------------------------------------

    def awaited(self, values: Values) -> Values:
        """What awaiting gives; what is no awaitable is given back."""
        results: list[Values] = []
        for value in values:
            match value:
                case Coroutine():
                    results.append(self._evaluator.calls.returns(value.function, value.context))
                case Awaitable():
                    results.append(value.result)
                case _:
                    results.append((value,))
        return union(*results)

    def entered(self, values: Values, origin: FromWith) -> Values:
        """What `with value as name` binds."""
        results: list[Values] = []
        for value in self.awaited(values):
            match value:
                case ExternalInstance():
                    results.append(self._evaluator.calls.entered_external(value, origin))
                case Instance():
                    results.append(self._entered_instance(value, origin))
                case Generator(function=Function(manages=True)):
                    results.append(self._evaluator.calls.yields(value.function, value.context))
                case Data(type="context", items=items):
                    results.append(tuple(owned(v, origin) for _, found in items for v in found))
                case _:
                    results.append(TOP)
        return union(*results)

    def _entered_instance(self, value: Instance, origin: FromWith) -> Values:
        classes = self._evaluator.classes
        for name in ("__aenter__", "__enter__"):
            if classes.members(value.cls, name) is not None:
                methods = classes.method(value.cls, name, (value,))
                return self.awaited(self._evaluator.calls.call(methods, (), None))
        for base in classes.external_bases(value.cls):
            if isinstance(base, External) and self._evaluator.table.type(base.name) is not None:
                return (Instance(value.cls, value.arguments, origin),)
        return TOP

    def items(self, values: Values) -> Values:
        """What iterating gives."""
        results: list[Values] = []
        for value in values:
            match value:
                case Data(type="dict", items=items) if items:
                    results.append(tuple(Data("str", name) for name, _ in items) if "*" not in dict(items) else TOP)
                case Data(items=items) if items:
                    results.append(union(*(found for _, found in items)))
                case Generator():
                    results.append(self._evaluator.calls.yields(value.function, value.context))
                case ExternalInstance():
                    results.append(self._evaluator.calls.method_result(value, "__iter__"))
                case _:
                    results.append(TOP)
        return union(*results)
