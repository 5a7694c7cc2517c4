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
    FromCall,
    FromWith,
    Function,
    Instance,
    Literal,
    Loaded,
    Site,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.knowledge import Table
    from fastapi_bgtask_lint.resolving.project import Module

Arguments = tuple[tuple[str, Values], ...]
Assumptions = tuple[Assumption, ...]


class Contexts:
    """Makes contexts, each once."""

    def __init__(self, table: Table) -> None:
        self._table = table
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
        values = canonical(tuple(UNKNOWN if self._is_opaque(value) else value for value in values))
        kept = tuple(value for value in values if not is_plain(value))
        if is_tested:
            is_known = all(map(_is_known, values))
            kept = values if is_known else canonical((*kept, UNKNOWN))
        return canonical(tuple(self._as_argument(value) for value in kept))

    def _is_opaque(self, value: Value) -> bool:
        """The result of a library's function of which the table knows nothing, or a method of it."""
        match value:
            case ExternalInstance(type=name) if name.endswith("()"):
                return self._table.row(name.removesuffix("()")) is None
            case ExternalMethod():
                return self._is_opaque(value.receiver)
            case _:
                return False

    def _as_argument(self, value: Value) -> Value:
        return self.by_allocation_site(self.cut(_without_long_text(value)))

    def by_allocation_site(self, value: Value) -> Value:
        """The value with an origin that knows where it was made, but not by which calls the code came there.

        Otherwise the contexts in which objects are made would multiply those of the functions that get them.
        """
        match value:
            case Instance(origin=FromCall() | FromWith() | Loaded() as origin):
                arguments = tuple((name, tuple(map(self.by_allocation_site, held))) for name, held in value.arguments)
                return replace(value, arguments=arguments, origin=self._site_only(origin))
            case ExternalInstance(origin=FromCall() | FromWith() | Loaded() as origin):
                return replace(value, origin=self._site_only(origin))
            case ExternalMethod():
                receiver = self.by_allocation_site(value.receiver)
                return replace(value, receiver=receiver) if isinstance(receiver, ExternalInstance) else value
            case _:
                return value

    def _site_only(self, origin: FromCall | FromWith | Loaded) -> FromCall | FromWith | Loaded:
        context = origin.site.context
        if not context.arguments and not context.assumptions:
            return origin
        return replace(origin, site=Site(self.context_free(context), origin.site.fact))

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
