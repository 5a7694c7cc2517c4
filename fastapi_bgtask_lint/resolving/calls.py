"""Calls of the project's own code: arguments to parameters, results, decorators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, overload

from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    Constant,
    Expression,
    FunctionDef,
    Lambda,
    Parameter,
    ParameterKind,
    Return,
    Statement,
    Yield,
)
from fastapi_bgtask_lint.reading.traversal import expressions, statements, walk
from fastapi_bgtask_lint.resolving.constants import item
from fastapi_bgtask_lint.resolving.contexts import is_informative, is_plain
from fastapi_bgtask_lint.resolving.library import Library
from fastapi_bgtask_lint.resolving.ordering import union
from fastapi_bgtask_lint.resolving.signatures import mismatch
from fastapi_bgtask_lint.resolving.values import (
    BOTTOM,
    NONE,
    TOP,
    UNKNOWN,
    UNPACKED,
    CallArgument,
    Class,
    Context,
    Coroutine,
    Data,
    EnumMember,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    FromWith,
    Function,
    Generator,
    Instance,
    Literal,
    Partial,
    Site,
    Value,
    Values,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_ROUTES = frozenset({"get", "post", "put", "patch", "delete", "options", "head", "trace", "api_route", "websocket"})
_POSITIONAL = (ParameterKind.POSITIONAL_ONLY, ParameterKind.POSITIONAL)


class _Later(Sequence[CallArgument]):
    """The arguments of a call, evaluated when they are first asked for: most libraries' calls are told without them."""

    def __init__(self, evaluate: Callable[[], tuple[CallArgument, ...]]) -> None:
        self._evaluate = evaluate

    @cached_property
    def _arguments(self) -> tuple[CallArgument, ...]:
        return self._evaluate()

    @overload
    def __getitem__(self, index: int) -> CallArgument: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[CallArgument, ...]: ...
    def __getitem__(self, index: int | slice) -> CallArgument | tuple[CallArgument, ...]:
        return self._arguments[index]

    def __len__(self) -> int:
        return len(self._arguments)

    def __iter__(self) -> Iterator[CallArgument]:
        return iter(self._arguments)


class Calls:
    """Works out calls."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.library = Library(evaluator)
        self._returns = evaluator.solver.query(self._returned, BOTTOM, union)
        self._yields = evaluator.solver.query(self._yielded, BOTTOM, union)

    # --- results ------------------------------------------------------------------------------------------------------

    def result(self, call: Call, context: Context) -> Values:
        """The values of a call expression."""
        arguments = _Later(partial(self.evaluated_arguments, call, context))
        of_dict = self._of_dict(call, arguments, context)
        if of_dict is not None:
            return of_dict
        return self.call(self._evaluator.evaluate(call.function, context), arguments, Site(context, call))

    def _of_dict(self, call: Call, arguments: Sequence[CallArgument], context: Context) -> Values | None:
        """`mapping.get(key, default)`, `.values()` and `.items()` of a dict whose items are known."""
        function = call.function
        if not isinstance(function, Attribute) or function.attr not in ("get", "values", "items"):
            return None
        owners = self._evaluator.evaluate(function.value, context)
        dicts = [
            owner for owner in owners if isinstance(owner, Data) and owner.type == "dict" and _is_known_dict(owner)
        ]
        if not dicts or len(dicts) != len(owners):
            return None
        held = union(*(values for owner in dicts for _, values in owner.items))
        if function.attr == "values":
            return (Data("list", items=(("*", held),) if held else ()),)
        if function.attr == "items":
            return (Data("list", items=(("*", (Data("tuple", items=(("0", TOP), ("1", held))),)),)),)
        default = arguments[1].values if len(arguments) > 1 else (NONE,)
        keys = arguments[0].values if arguments else TOP
        return union(*(item(owner, key, union(held, default), default) for owner in dicts for key in keys))

    def call(self, callees: Values, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        """What calling any of these with these arguments gives."""
        return union(*(self._call(callee, arguments, site) for callee in callees))

    def _call(self, callee: Value, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        match callee:
            case Function():
                return self._call_function(callee, arguments, site)
            case Class():
                member = self._evaluator.classes.member_of_value(callee, arguments)
                if member is not None:
                    return (member,)
                initialisers = self._evaluator.classes.method(callee, "__init__", (Instance(callee),))
                if initialisers and all(mismatch(found, tuple(arguments)) for found in initialisers):
                    return BOTTOM
                return (self._construct(callee, arguments, site),)
            case External():
                return self.library.call(callee.name, arguments, site)
            case ExternalMethod():
                return self.library.call_method(callee, arguments, site)
            case ExternalInstance():
                return self.library.call_instance(callee, arguments, site)
            case Partial():
                return self.call(callee.function, (*callee.arguments, *arguments), site)
            case Instance():
                if self._evaluator.classes.members(callee.cls, "__call__") is None:
                    return TOP
                methods = self._evaluator.classes.method(callee.cls, "__call__", (callee,))
                return self.call(methods, arguments, site)
            case Literal(value=None):
                return BOTTOM
            case _:
                return TOP

    def _call_function(self, function: Function, arguments: Sequence[CallArgument], site: Site | None) -> Values:
        context = self.enter(function, arguments, site)
        definition = function.definition
        if isinstance(definition, FunctionDef) and definition.is_generator:
            return (Generator(function, context),)
        if isinstance(definition, FunctionDef) and definition.is_async:
            return (Coroutine(function, context),)
        return self.returns(function, context)

    def _construct(self, cls: Class, arguments: Sequence[CallArgument], site: Site | None) -> Instance:
        origin = FromCall(site) if site is not None else None
        keep = self._evaluator.contexts.as_argument
        for initialiser in self._evaluator.classes.method(cls, "__init__", (Instance(cls),)):
            if isinstance(initialiser, Function) and isinstance(initialiser.definition, FunctionDef):
                first = {parameter.name for parameter in initialiser.definition.parameters[:1]}
                bound = self._bind(initialiser, arguments, site)
                held = ((name, keep(values, is_tested=True)) for name, values in bound if name not in first)
                return Instance(cls, tuple(pair for pair in held if is_informative(pair[1])), origin)
        names = [*self._evaluator.classes.field_names(cls)]
        fields = {a.keyword or (names.pop(0) if names else ""): keep(a.values, is_tested=True) for a in arguments}
        if any(argument.star for argument in arguments):
            fields = {UNPACKED: (NONE,)}
        given = sorted((name, values or TOP) for name, values in fields.items() if name)
        return Instance(cls, tuple(given), origin)

    def returns(self, function: Function, context: Context) -> Values:
        """What the body returns (after awaiting, of an async function), in a context of it."""
        return self._returns((function.parent, context))

    def _returned(self, key: tuple[Context, Context]) -> Values:
        outside, context = key
        definition = context.scope
        if isinstance(definition, Lambda):
            return self._evaluator.evaluate(definition.body, context)
        assert isinstance(definition, FunctionDef)
        if self._evaluator.classes.is_abstract(definition):
            return self._evaluator.annotations.returned(definition, outside)
        values = union(
            *(self._return_value(statement, context) for statement in self.possible_returns(definition, context))
        )
        if self._evaluator.reaching(context).falls_through:
            values = union(values, (NONE,))
        if UNKNOWN not in values:
            return values
        promised = self._evaluator.annotations.returned(definition, outside)
        return union(tuple(value for value in values if value != UNKNOWN), promised)

    def possible_returns(self, definition: FunctionDef, context: Context) -> tuple[Return, ...]:
        """The return statements that the tests on their way allow in this context."""
        is_possible = self._evaluator.feasibility.is_possible
        returns = self._evaluator.reaching(context).returns
        return tuple(statement for statement in returns if is_possible(statement.at, context))

    def _return_value(self, statement: Return, context: Context) -> Values:
        return (NONE,) if statement.value is None else self._evaluator.evaluate(statement.value, context)

    def yields(self, function: Function, context: Context) -> Values:
        """What a generator function yields."""
        return self._yields((function.parent, context))

    def _yielded(self, key: tuple[Context, Context]) -> Values:
        outside, context = key
        definition = context.scope
        if not isinstance(definition, FunctionDef):
            return TOP
        results: list[Values] = []
        for found in yields(definition):
            if found.value is None:
                results.append((NONE,))
                continue
            value = self._evaluator.evaluate(found.value, context)
            results.append(self._evaluator.items(value) if found.delegates else value)
        values = union(*results)
        if UNKNOWN not in values or definition.returns is None:
            return values
        types = self._evaluator.evaluate(definition.returns, outside)
        promised = self._evaluator.annotations.iterated(types) or TOP
        return union(tuple(value for value in values if value != UNKNOWN), promised)

    def method_result(self, value: ExternalInstance, method: str) -> Values:
        """What a special method of a library's object gives, by the table."""
        return self.library.call_method(ExternalMethod(value, method), (), None)

    def entered_external(self, value: ExternalInstance, origin: FromWith) -> Values:
        """What `with` on a library's object binds."""
        return self.library.entered(value, origin)

    # --- arguments ----------------------------------------------------------------------------------------------------

    def evaluated_arguments(self, call: Call, context: Context) -> tuple[CallArgument, ...]:
        """The arguments of a call, evaluated; `*` and `**` of known content are spread."""
        found: list[CallArgument] = []
        for argument in call.arguments:
            values = self._evaluator.evaluate(argument.value, context)
            spread = self._spread(values, argument.star) if argument.star else None
            if spread is not None:
                found += spread
            else:
                found.append(CallArgument(values, argument.keyword, argument.star, argument.value))
        return tuple(found)

    @staticmethod
    def _spread(values: Values, star: str) -> list[CallArgument] | None:
        if len(values) != 1 or not isinstance(values[0], Data):
            return None
        items = values[0].items
        if any(key == "*" for key, _ in items) or (not items and values[0].type not in ("tuple", "dict")):
            return None
        if star == "*":
            return [CallArgument(found) for _, found in items] if values[0].type != "dict" else None
        return [CallArgument(found, keyword=key) for key, found in items] if values[0].type == "dict" else None

    def enter(self, function: Function, arguments: Sequence[CallArgument], site: Site | None) -> Context:
        """The context of a function's body for these arguments: what it can look at of them."""
        mentioned = self._evaluator.relevances.mentioned(function.definition)
        bound = self._bind(function, arguments, site)
        kept = ((name, self._as_argument(function, name, values)) for name, values in bound if name in mentioned)
        known = tuple((name, values) for name, values in kept if is_informative(values))
        assumed = () if site is None else self._evaluator.feasibility.assumed.made_by(site, function, arguments)
        return self._evaluator.context(function.module, function.definition, function.parent, known, assumed)

    def _as_argument(self, function: Function, name: str, values: Values) -> Values:
        """What the function can look at of an argument; plain values only where it tests them."""
        is_tested = any(map(is_plain, values)) and bool(self._evaluator.relevances.tested(function, name))
        return self._evaluator.contexts.as_argument(values, is_tested)

    def _bind(
        self, function: Function, arguments: Sequence[CallArgument], site: Site | None
    ) -> tuple[tuple[str, Values], ...]:
        """What each parameter gets, by name; parameters of which nothing is known are left out.

        A call in the source leaves the other parameters their defaults; what FastAPI calls gets what it injects.
        """
        parameters = list(function.definition.parameters)
        bound: dict[str, Values] = {}
        if function.receiver and parameters:
            bound[parameters.pop(0).name] = function.receiver
        rest = self._positional(parameters, arguments, bound)
        keywords = self._keywords(parameters, arguments, bound)
        if arguments or (site is not None and isinstance(site.fact, Call)):
            self._defaults(function, parameters, arguments, bound)
        for parameter in parameters:
            if parameter.kind == ParameterKind.VAR_POSITIONAL:
                is_known = all(key != "*" for key, _ in rest)
                bound[parameter.name] = (Data("tuple", items=rest, exact=True, complete=is_known),)
            if parameter.kind == ParameterKind.VAR_KEYWORD:
                is_known = all(key != "*" for key, _ in keywords)
                bound[parameter.name] = (Data("dict", items=keywords, exact=True, complete=is_known),)
        order = [parameter.name for parameter in function.definition.parameters]
        return tuple((name, bound[name]) for name in order if name in bound and is_informative(bound[name]))

    @staticmethod
    def _positional(
        parameters: list[Parameter], arguments: Sequence[CallArgument], bound: dict[str, Values]
    ) -> tuple[tuple[str, Values], ...]:
        free = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
        rest: list[tuple[str, Values]] = []
        unknown = False
        for argument in arguments:
            if argument.keyword is not None or argument.star == "**":
                continue
            if argument.star == "*" or unknown:
                unknown = True
                rest.append(("*", TOP))
            elif free:
                bound[free.pop(0).name] = argument.values
            else:
                rest.append((str(len(rest)), argument.values))
        return tuple(rest)

    @staticmethod
    def _keywords(
        parameters: list[Parameter], arguments: Sequence[CallArgument], bound: dict[str, Values]
    ) -> tuple[tuple[str, Values], ...]:
        names = {p.name for p in parameters if p.kind in (ParameterKind.POSITIONAL, ParameterKind.KEYWORD_ONLY)}
        rest: list[tuple[str, Values]] = []
        for argument in arguments:
            if argument.star == "**":
                rest.append(("*", TOP))
            elif argument.keyword is not None and argument.keyword in names:
                bound[argument.keyword] = argument.values
            elif argument.keyword is not None:
                rest.append((argument.keyword, argument.values))
        return tuple(rest)

    def _defaults(
        self,
        function: Function,
        parameters: list[Parameter],
        arguments: Sequence[CallArgument],
        bound: dict[str, Values],
    ) -> None:
        if any(argument.star for argument in arguments):
            return
        for parameter in parameters:
            if parameter.name not in bound and parameter.default is not None:
                values = self._evaluator.evaluate(parameter.default, function.parent)
                if all(map(_is_immutable, values)):
                    bound[parameter.name] = values

    # --- decorators ---------------------------------------------------------------------------------------------------

    def decorated(self, decorator: Expression, values: Values, context: Context) -> Values:
        """What a decorator makes of a function."""
        if self._is_route(decorator):
            return values
        named = decorator.function if isinstance(decorator, Call) else decorator
        configured = [name for v in self._evaluator.evaluate(named, context) if (name := self._evaluator.configured(v))]
        if configured:
            return tuple(
                replace(v, configured=(*v.configured, *configured)) if isinstance(v, Function) else v for v in values
            )
        decorators = self._evaluator.evaluate(decorator, context)
        return union(*(self._decorate(found, values, Site(context, decorator)) for found in decorators))

    def _decorate(self, decorator: Value, values: Values, site: Site) -> Values:
        match decorator:
            case External() | ExternalInstance() | ExternalMethod():
                return self.library.decorated(decorator, values)
            case Function() | Class() | Instance() | Partial():
                return self.call((decorator,), (CallArgument(values),), site)
            case _:
                return TOP

    @staticmethod
    def _is_route(decorator: Expression) -> bool:
        """`@router.get("/path")` gives the function back, whatever the router is."""
        return (
            isinstance(decorator, Call)
            and isinstance(decorator.function, Attribute)
            and decorator.function.attr in _ROUTES
            and bool(decorator.arguments)
            and (decorator.arguments[0].keyword in ("path", None))
            and _is_path(decorator.arguments[0].value)
        )


def _is_immutable(value: Value) -> bool:
    """A default that nothing can change."""
    return isinstance(value, Literal | EnumMember) or (isinstance(value, Data) and value.text is not None)


def _is_path(expression: Expression) -> bool:
    return not isinstance(expression, Constant) or (
        isinstance(expression.value, str) and (expression.value == "" or expression.value.startswith("/"))
    )


def _is_known_dict(value: Data) -> bool:
    return bool(value.items) or value.complete


def own_expressions(definition: FunctionDef) -> list[tuple[Statement, Expression]]:
    """Every expression of a function's own body with its statement, in the order of the source."""
    return [
        (statement, expression)
        for statement in statements(definition.body)
        for top in expressions(statement)
        for expression in walk(top)
    ]


def yields(definition: FunctionDef) -> list[Yield]:
    """The `yield`s of a function's own body."""
    return [expression for _, expression in own_expressions(definition) if isinstance(expression, Yield)]
