"""What annotations and parameters say: types as instances, and what FastAPI would inject."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import (
    Call,
    ClassDef,
    FunctionDef,
    Parameter,
    ParameterKind,
)
from fastapi_bgtask_lint.resolving.ordering import union
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    TOP,
    UNKNOWN,
    Alias,
    Class,
    Context,
    Data,
    External,
    ExternalInstance,
    FromCall,
    FromParameter,
    Generator,
    Injected,
    Instance,
    Literal,
    Origin,
    Site,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_TRANSPARENT = frozenset({"Optional", "Union", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly"})
_SEQUENCES = frozenset(
    {"list", "List", "Sequence", "set", "Set", "frozenset", "tuple", "Tuple", "Iterable", "Collection", "deque"}
)
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "DefaultDict", "defaultdict", "OrderedDict"})
_ITERATORS = frozenset(
    {
        "Generator",
        "Iterator",
        "AsyncGenerator",
        "AsyncIterator",
        "AsyncIterable",
        "AbstractContextManager",
        "AbstractAsyncContextManager",
        "ContextManager",
        "AsyncContextManager",
    }
)
_PLAIN = frozenset({"str", "int", "float", "bool", "bytes", "dict", "list", "set", "tuple", "frozenset", "complex"})
_VAGUE = frozenset({"Any", "object", "Callable", "Awaitable", "Coroutine", "TypeVar", "Self", "Hashable", "Protocol"})
_MARKERS = frozenset({"Depends", "Security"})
_BODY = frozenset({"Body", "Form", "File"})
PARAMETERS = frozenset({"Depends", "Security", "Query", "Header", "Cookie", "Path", "Body", "Form", "File"})
"""What FastAPI replaces by a value of the request, in the functions that it calls itself."""


def is_marker(value: Value) -> bool:
    """The value is what `Depends(...)` or `Security(...)` of FastAPI returns."""
    return isinstance(value, ExternalInstance) and value.type.startswith("fastapi") and _last(value.type) in _MARKERS


def is_parameter(value: Value, names: frozenset[str]) -> bool:
    """The value is what one of these functions of FastAPI returns: `Query(...)`, `Body(...)`."""
    if not isinstance(value, ExternalInstance) or not value.type.startswith("fastapi."):
        return False
    return _last(value.type).removesuffix("()") in names


def _last(name: str) -> str:
    return name.rpartition(".")[2]


class Annotations:
    """Reads annotations and parameters."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    # --- types --------------------------------------------------------------------------------------------------------

    def instances(self, types: Values, origin: Origin) -> Values:
        """Objects of these types, as an annotation with these values promises them; None is left out."""
        return union(*(self._instance(value, origin) for value in types))

    def _instance(self, value: Value, origin: Origin) -> Values:
        match value:
            case Class():
                return (Instance(value, (), origin),)
            case External():
                return self._external(value.name, origin)
            case Alias():
                return self._alias(value, origin)
            case Literal(value=None):
                return BOTTOM
            case _:
                return TOP

    def _external(self, name: str, origin: Origin) -> Values:
        last = _last(name)
        if name.startswith("builtins."):
            return (Data(last),) if last in _PLAIN else TOP if last == "object" else (ExternalInstance(name, origin),)
        if name.startswith(("typing", "collections.abc.")) and last in _VAGUE:
            return TOP
        if name.startswith("typing") and last[:1].islower() is False and last in _SEQUENCES | _MAPPINGS:
            return (Data(last.lower()),)
        return (ExternalInstance(self._evaluator.table.canonical(name), origin),)

    def _alias(self, alias: Alias, origin: Origin) -> Values:
        if alias.cls is not None:
            return (Instance(alias.cls, (), origin),)
        last, indices = _last(alias.base), alias.expression.indices
        if last in _TRANSPARENT:
            used = indices[:1] if last != "Union" else indices
            return union(*(self.instances(self._evaluator.evaluate(i, alias.context), origin) for i in used))
        if last in ("type", "Type"):
            return self._evaluator.evaluate(indices[0], alias.context) if indices else TOP
        if last in _SEQUENCES:
            return (Data("list", items=(("*", self._parameter_of(alias, 0, origin)),)),)
        if last in _MAPPINGS:
            return (Data("dict", items=(("*", self._parameter_of(alias, 1, origin)),)),)
        if last in _ITERATORS:
            kind = "context" if last.endswith("ContextManager") else "generator"
            return (Data(kind, items=(("*", self._parameter_of(alias, 0, origin)),)),)
        if last in _VAGUE:
            return TOP
        if last == "Literal":
            return union(*(self._evaluator.evaluate(index, alias.context) for index in indices))
        return self._external(alias.base, origin)

    def _parameter_of(self, alias: Alias, index: int, origin: Origin) -> Values:
        indices = alias.expression.indices
        if index >= len(indices):
            return TOP
        return self.instances(self._evaluator.evaluate(indices[index], alias.context), origin) or TOP

    def iterated(self, types: Values) -> Values:
        """What iterating, or entering, an annotated iterator gives: `X` of `AsyncGenerator[X, None]`."""
        known = _ITERATORS | _SEQUENCES
        aliases = [value for value in types if isinstance(value, Alias) and _last(value.base) in known]
        return union(*(self._parameter_of(alias, 0, None) for alias in aliases))

    def returned(self, function: FunctionDef, context: Context) -> Values:
        """What the return annotation of a function promises."""
        if function.returns is None:
            return TOP
        types = self._evaluator.evaluate(function.returns, context)
        return (self.instances(types, None) or TOP) if types else BOTTOM

    # --- parameters ---------------------------------------------------------------------------------------------------

    def parameter(self, parameter: Parameter, context: Context) -> Values:
        """What a parameter can be: what the caller gave, what FastAPI injects, what it is annotated with."""
        arguments = context.argument(parameter.name)
        if arguments is not None:
            return arguments
        if parameter.kind == ParameterKind.VAR_POSITIONAL:
            return (Data("tuple", items=(("*", TOP),)),)
        if parameter.kind == ParameterKind.VAR_KEYWORD:
            return (Data("dict", items=(("*", TOP),)),)
        this = self._this(parameter, context)
        if this:
            return this
        provider = self.provider(parameter, context)
        if provider:
            return self._injected(parameter, context, provider)
        if parameter.annotation is not None:
            types = self._evaluator.evaluate(parameter.annotation, self._outside(context))
            return (self.instances(types, FromParameter(context, parameter)) or TOP) if types else BOTTOM
        if parameter.default is not None:
            return union(self._evaluator.evaluate(parameter.default, self._outside(context)), TOP)
        return TOP

    @staticmethod
    def _outside(context: Context) -> Context:
        return context.parent if context.parent is not None else context

    def _this(self, parameter: Parameter, context: Context) -> Values:
        """`self` or `cls` of a method, where nobody said more."""
        scope, parent = context.scope, context.parent
        if not isinstance(scope, FunctionDef) or parent is None or not isinstance(parent.scope, ClassDef):
            return BOTTOM
        if not scope.parameters or scope.parameters[0] is not parameter or parent.parent is None:
            return BOTTOM
        kinds = self._evaluator.classes.decorators(scope, parent)
        if "builtins.staticmethod" in kinds:
            return BOTTOM
        cls = Class(parent.scope, parent.module, parent.parent)
        return (cls,) if "builtins.classmethod" in kinds or scope.name == "__new__" else (Instance(cls),)

    def provider(self, parameter: Parameter, context: Context) -> Values:
        """The callables that `Depends(...)` or `Security(...)` of a parameter name; nothing when it has none."""
        outside = self._outside(context)
        for marker in self.markers(parameter, context):
            call = marker.origin.site.fact if isinstance(marker.origin, FromCall) else None
            if not isinstance(marker.origin, FromCall) or not isinstance(call, Call):
                return TOP
            if call.arguments:
                return self._evaluator.evaluate(call.arguments[0].value, marker.origin.site.context)
            if parameter.annotation is not None:
                return self._annotated_class(self._evaluator.evaluate(parameter.annotation, outside))
            return TOP
        return BOTTOM

    def _annotated_class(self, types: Values) -> Values:
        for value in types:
            if isinstance(value, Alias) and _last(value.base) == "Annotated":
                return self._annotated_class(self._evaluator.evaluate(value.expression.indices[0], value.context))
        return types

    def markers(self, parameter: Parameter, context: Context) -> tuple[ExternalInstance, ...]:
        """The `Depends(...)` and `Security(...)` of a parameter, as its default or in `Annotated`."""
        return tuple(value for value in self.described(parameter, context) if is_marker(value))

    def body_markers(self, parameter: Parameter, context: Context) -> tuple[ExternalInstance, ...]:
        """The `Body(...)`, `Form(...)` and `File(...)` of a parameter."""
        return tuple(value for value in self.described(parameter, context) if is_parameter(value, _BODY))

    def described(self, parameter: Parameter, context: Context) -> tuple[ExternalInstance, ...]:
        """The default of a parameter and what stands in its `Annotated`, as far as a library made it."""
        outside = self._outside(context)
        found: Values = BOTTOM
        if parameter.default is not None:
            found = self._evaluator.evaluate(parameter.default, outside)
        if parameter.annotation is not None:
            found = union(found, self.metadata(self._evaluator.evaluate(parameter.annotation, outside)))
        return tuple(value for value in found if isinstance(value, ExternalInstance))

    def metadata(self, types: Values) -> Values:
        """What stands in `Annotated[...]` after the type, through aliases."""
        results = []
        for value in types:
            if not isinstance(value, Alias) or _last(value.base) not in _TRANSPARENT:
                continue
            first, *rest = value.expression.indices or (None,)
            if _last(value.base) == "Annotated":
                results += [self._evaluator.evaluate(index, value.context) for index in rest]
            if first is not None:
                results.append(self.metadata(self._evaluator.evaluate(first, value.context)))
        return union(*results)

    def _injected(self, parameter: Parameter, context: Context, provider: Values) -> Values:
        origin = Injected(context, parameter, provider)
        provided = self.provided(provider, origin)
        if provided and UNKNOWN not in provided:
            return provided
        if parameter.annotation is None:
            return provided
        types = self._evaluator.evaluate(parameter.annotation, self._outside(context))
        known = tuple(value for value in provided if value != UNKNOWN)
        return union(known, self.instances(types, origin)) or TOP

    def provided(self, provider: Values, origin: Injected) -> Values:
        """What a dependency gives: what it yields, owned by the request, or what it returns, which keeps its origin."""
        results = []
        for value in provider:
            made = self._evaluator.calls.call((value,), (), Site(origin.context, origin.parameter))
            made = self._evaluator.awaited(made)
            for result in made:
                if isinstance(result, Generator):
                    yielded = self._evaluator.calls.yields(result.function, result.context)
                    results.append(tuple(owned(item, origin) for item in yielded))
                else:
                    results.append((owned(result, origin) if getattr(result, "origin", ()) is None else result,))
        return union(*results)


def owned(value: Value, origin: Origin) -> Value:
    """The value with another origin, where it has one."""
    match value:
        case Instance() | ExternalInstance():
            return replace(value, origin=origin)
        case _:
            return value
