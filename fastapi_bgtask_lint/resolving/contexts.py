"""Contexts: one object for each scope and what is known of its parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import ClassDef, FunctionDef, Lambda
from fastapi_bgtask_lint.resolving import limits
from fastapi_bgtask_lint.resolving.comparison import is_exact
from fastapi_bgtask_lint.resolving.ordering import canonical, deepest, nesting
from fastapi_bgtask_lint.resolving.values import (
    TOP,
    UNKNOWN,
    Assumption,
    Class,
    Context,
    Data,
    EnumMember,
    ExternalInstance,
    ExternalMethod,
    Function,
    Instance,
    Literal,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.project import Module

Arguments = tuple[tuple[str, Values], ...]
Assumptions = tuple[Assumption, ...]


class Contexts:
    """Makes contexts, each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Context] = {}

    def make(
        self,
        module: Module,
        scope: FunctionDef | Lambda | ClassDef | None,
        parent: Context | None,
        arguments: Arguments = (),
        assumptions: Assumptions = (),
    ) -> Context:
        """The one context of this scope with these arguments and assumptions."""
        key = (module, scope, parent, arguments, assumptions)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Context(module, scope, parent, arguments, assumptions)
        return found

    def context_free(self, context: Context) -> Context:
        """The same scope when nothing is known of what calls it, or what calls the functions around it."""
        parent = None if context.parent is None else self.context_free(context.parent)
        return self.make(context.module, context.scope, parent)

    # --- limits -------------------------------------------------------------------------------------------------------

    def as_argument(self, values: Values, is_tested: bool) -> Values:
        """What a callee is given of an argument: plain values only where it tests them, nothing that nests too deep."""
        if len(values) > limits.MOST_ARGUMENT_VALUES:
            return TOP
        kept = tuple(value for value in values if not is_plain(value))
        if is_tested:
            is_known = all(map(_is_known, values))
            kept = values if is_known else canonical((*kept, UNKNOWN))
        return canonical(tuple(_without_long_text(self.cut(value)) for value in kept))

    def widen(self, values: Values) -> Values:
        """The values, or TOP where there are too many; what nests too deep is cut."""
        if len(values) > limits.MOST_VALUES:
            return TOP
        if deepest(values) <= limits.NESTING:
            return values
        return canonical(tuple(self.cut(value) for value in values))

    def cut(self, value: Value) -> Value:
        """The value without what nests too deep."""
        if nesting(value) <= limits.NESTING:
            return value
        match value:
            case Data():
                return Data(value.type, value.text, exact=value.exact)
            case Instance():
                return Instance(self._cut_class(value.cls))
            case ExternalInstance():
                return ExternalInstance(value.type)
            case ExternalMethod():
                return replace(value, receiver=ExternalInstance(value.receiver.type))
            case Class():
                return self._cut_class(value)
            case Function():
                receiver = tuple(self.cut(bound) for bound in value.receiver)
                return replace(value, parent=self.context_free(value.parent), receiver=receiver)
            case _:
                return UNKNOWN

    def _cut_class(self, cls: Class) -> Class:
        return replace(cls, parent=self.context_free(cls.parent))


def is_plain(value: Value) -> bool:
    """A number, a text, None, a member of an enumeration, or a collection of such: it holds nothing that acts."""
    match value:
        case Literal() | EnumMember():
            return True
        case Data():
            return all(is_plain(inner) or inner == UNKNOWN for _, found in value.items for inner in found)
        case _:
            return False


def is_informative(values: Values) -> bool:
    """Something is known of the values."""
    return bool(values) and values != TOP


def _is_known(value: Value) -> bool:
    """A test of the value can be decided, or has nothing to do with a plain value."""
    return not is_plain(value) or (is_exact(value) and not (isinstance(value, Literal) and value.computed))


def _without_long_text(value: Value) -> Value:
    if isinstance(value, Data) and value.text is not None and len(value.text) > limits.TEXT:
        return replace(value, text=None)
    return value
