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
from fastapi_bgtask_lint.resolving.conditions import Condition, conditions, possible
from fastapi_bgtask_lint.resolving.library import Library
from fastapi_bgtask_lint.resolving.values import (
    ANYTHING,
    NONE,
    NOTHING,
    UNKNOWN,
    Class,
    Coroutine,
    Data,
    Entered,
    External,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Generator,
    Given,
    Instance,
    Literal,
    Made,
    Partial,
    Site,
    Value,
    Values,
    union,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

_ROUTES = frozenset({"get", "post", "put", "patch", "delete", "options", "head", "trace", "api_route", "websocket"})
_POSITIONAL = (ParameterKind.POSITIONAL_ONLY, ParameterKind.POSITIONAL)
_MANY = 6
"""An argument with more values than this may be anything."""


class _Later(Sequence[Given]):
    """The arguments of a call, evaluated when they are first asked for: most libraries' calls are told without them."""

    def __init__(self, evaluate: Callable[[], tuple[Given, ...]]) -> None:
        self._evaluate = evaluate

    @cached_property
    def _given(self) -> tuple[Given, ...]:
        return self._evaluate()

    @overload
    def __getitem__(self, index: int) -> Given: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Given, ...]: ...
    def __getitem__(self, index: int | slice) -> Given | tuple[Given, ...]:
        return self._given[index]

    def __len__(self) -> int:
        return len(self._given)

    def __iter__(self) -> Iterator[Given]:
        return iter(self._given)


class Calls:
    """Works out calls."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.library = Library(evaluator)
        self._returns: dict[tuple[FunctionDef | Lambda, Frame], Values] = {}
        self._yields: dict[tuple[FunctionDef | Lambda, Frame], Values] = {}
        self._conditions: dict[FunctionDef, dict[int, tuple[Condition, ...]]] = {}

    # --- results ------------------------------------------------------------------------------------------------------

    def result(self, call: Call, frame: Frame) -> Values:
        """The values of a call expression."""
        given = _Later(partial(self.given, call, frame))
        return self.call(self._evaluator.evaluate(call.function, frame), given, Site(frame, call))

    def call(self, callees: Values, given: Sequence[Given], site: Site | None) -> Values:
        """What calling any of these with these arguments gives."""
        return union(*(self._call(callee, given, site) for callee in callees))

    def _call(self, callee: Value, given: Sequence[Given], site: Site | None) -> Values:
        match callee:
            case Function():
                return self._call_function(callee, given, site)
            case Class():
                return (self._construct(callee, given, site),)
            case External():
                return self.library.call(callee.name, given, site)
            case ExternalMethod():
                return self.library.call_method(callee, given, site)
            case ExternalInstance():
                return self.library.call_instance(callee, given, site)
            case Partial():
                return self.call(callee.function, (*callee.given, *given), site)
            case Instance():
                return (
                    self.call(self._evaluator.classes.method(callee.cls, "__call__", (callee,)), given, site)
                    or ANYTHING
                )
            case _:
                return ANYTHING

    def _call_function(self, function: Function, given: Sequence[Given], site: Site | None) -> Values:
        frame = self.enter(function, given, site)
        definition = function.definition
        if isinstance(definition, FunctionDef) and definition.is_generator:
            return (Generator(function, frame),)
        if isinstance(definition, FunctionDef) and definition.is_async:
            return (Coroutine(function, frame),)
        return self.returns(function, frame)

    def _construct(self, cls: Class, given: Sequence[Given], site: Site | None) -> Instance:
        origin = Made(site) if site is not None else None
        initialisers = self._evaluator.classes.method(cls, "__init__", (Instance(cls),))
        for initialiser in initialisers:
            if isinstance(initialiser, Function) and isinstance(initialiser.definition, FunctionDef):
                bound = self.arguments(initialiser, given, site)
                first = initialiser.definition.parameters[:1]
                skipped = {parameter.name for parameter in first}
                return Instance(cls, tuple((name, values) for name, values in bound if name not in skipped), origin)
        fields = tuple((g.keyword, slim(g.values)) for g in given if g.keyword is not None and _telling(g.values))
        return Instance(cls, fields, origin)

    def returns(self, function: Function, frame: Frame) -> Values:
        """What the body returns (after awaiting, of an async function), in a frame of it."""
        key = (function.definition, frame)
        if key not in self._returns:
            self._returns[key] = NOTHING
            self._returns[key] = self._returned(function, frame)
        return self._returns[key]

    def _returned(self, function: Function, frame: Frame) -> Values:
        definition = function.definition
        if isinstance(definition, Lambda):
            return self._evaluator.evaluate(definition.body, frame)
        if self._evaluator.classes.is_abstract(definition):
            return self._evaluator.annotations.returned(definition, function.parent)
        values = union(
            *(self._return_value(statement, frame) for statement in self.possible_returns(definition, frame))
        )
        if self._evaluator.reaching(frame).falls_through:
            values = union(values, (NONE,))
        if UNKNOWN not in values:
            return values
        promised = self._evaluator.annotations.returned(definition, function.parent)
        return union(tuple(value for value in values if value != UNKNOWN), promised)

    def possible_returns(self, definition: FunctionDef, frame: Frame) -> tuple[Return, ...]:
        """The return statements that the tests on their way allow in this frame."""
        held = self.conditions(definition)
        return tuple(
            statement
            for statement in self._evaluator.reaching(frame).returns
            if possible(self._evaluator, held.get(statement.at, ()), frame)
        )

    def conditions(self, definition: FunctionDef) -> dict[int, tuple[Condition, ...]]:
        """The tests on the way to each statement of a function."""
        if definition not in self._conditions:
            self._conditions[definition] = conditions(definition.body)
        return self._conditions[definition]

    def _return_value(self, statement: Return, frame: Frame) -> Values:
        return (NONE,) if statement.value is None else self._evaluator.evaluate(statement.value, frame)

    def yields(self, function: Function, frame: Frame) -> Values:
        """What a generator function yields."""
        key = (function.definition, frame)
        if key not in self._yields:
            self._yields[key] = NOTHING
            self._yields[key] = self._yielded(function, frame)
        return self._yields[key]

    def _yielded(self, function: Function, frame: Frame) -> Values:
        if not isinstance(function.definition, FunctionDef):
            return ANYTHING
        results: list[Values] = []
        for found in yields(function.definition):
            if found.value is None:
                results.append((NONE,))
                continue
            value = self._evaluator.evaluate(found.value, frame)
            results.append(self._evaluator.items(value) if found.delegates else value)
        values = union(*results)
        if UNKNOWN not in values or function.definition.returns is None:
            return values
        types = self._evaluator.evaluate(function.definition.returns, function.parent)
        promised = self._evaluator.annotations.iterated(types) or ANYTHING
        return union(tuple(value for value in values if value != UNKNOWN), promised)

    def method_result(self, value: ExternalInstance, method: str) -> Values:
        """What a special method of a library's object gives, by the table."""
        return self.library.call_method(ExternalMethod(value, method), (), None)

    def entered_external(self, value: ExternalInstance, origin: Entered) -> Values:
        """What `with` on a library's object binds."""
        return self.library.entered(value, origin)

    # --- arguments ----------------------------------------------------------------------------------------------------

    def given(self, call: Call, frame: Frame) -> tuple[Given, ...]:
        """The arguments of a call, evaluated; `*` and `**` of known content are spread."""
        found: list[Given] = []
        for argument in call.arguments:
            values = self._evaluator.evaluate(argument.value, frame)
            spread = self._spread(values, argument.star) if argument.star else None
            if spread is not None:
                found += spread
            else:
                found.append(Given(values, argument.keyword, argument.star, argument.value))
        return tuple(found)

    @staticmethod
    def _spread(values: Values, star: str) -> list[Given] | None:
        if len(values) != 1 or not isinstance(values[0], Data):
            return None
        items = values[0].items
        if any(key == "*" for key, _ in items) or (not items and values[0].type not in ("tuple", "dict")):
            return None
        if star == "*":
            return [Given(found) for _, found in items] if values[0].type != "dict" else None
        return [Given(found, keyword=key) for key, found in items] if values[0].type == "dict" else None

    def enter(self, function: Function, given: Sequence[Given], site: Site | None) -> Frame:
        """The frame of a function's body for these arguments."""
        depth = site.frame.depth + 1 if site is not None else 0
        arguments = self.arguments(function, given, site)
        return self._evaluator.context(function, arguments, depth)

    def arguments(
        self, function: Function, given: Sequence[Given], site: Site | None = None
    ) -> tuple[tuple[str, Values], ...]:
        """What each parameter gets, by name; parameters of which nothing is known are left out.

        A call in the source leaves the other parameters their defaults; what FastAPI calls gets what it injects.
        """
        parameters = list(function.definition.parameters)
        bound: dict[str, Values] = {}
        if function.receiver and parameters:
            bound[parameters.pop(0).name] = function.receiver
        rest = self._positional(parameters, given, bound)
        keywords = self._keywords(parameters, given, bound)
        if given or (site is not None and isinstance(site.fact, Call)):
            self._defaults(function, parameters, given, bound)
        for parameter in parameters:
            if parameter.kind == ParameterKind.VAR_POSITIONAL:
                bound[parameter.name] = (Data("tuple", items=rest),)
            if parameter.kind == ParameterKind.VAR_KEYWORD:
                bound[parameter.name] = (Data("dict", items=keywords),)
        order = [parameter.name for parameter in function.definition.parameters]
        return tuple((name, slim(bound[name])) for name in order if name in bound and _telling(bound[name]))

    @staticmethod
    def _positional(
        parameters: list[Parameter], given: Sequence[Given], bound: dict[str, Values]
    ) -> tuple[tuple[str, Values], ...]:
        free = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
        rest: list[tuple[str, Values]] = []
        unknown = False
        for argument in given:
            if argument.keyword is not None or argument.star == "**":
                continue
            if argument.star == "*" or unknown:
                unknown = True
                rest.append(("*", ANYTHING))
            elif free:
                bound[free.pop(0).name] = argument.values
            else:
                rest.append((str(len(rest)), argument.values))
        return tuple(rest)

    @staticmethod
    def _keywords(
        parameters: list[Parameter], given: Sequence[Given], bound: dict[str, Values]
    ) -> tuple[tuple[str, Values], ...]:
        names = {p.name for p in parameters if p.kind in (ParameterKind.POSITIONAL, ParameterKind.KEYWORD_ONLY)}
        rest: list[tuple[str, Values]] = []
        for argument in given:
            if argument.star == "**":
                rest.append(("*", ANYTHING))
            elif argument.keyword is not None and argument.keyword in names:
                bound[argument.keyword] = argument.values
            elif argument.keyword is not None:
                rest.append((argument.keyword, argument.values))
        return tuple(rest)

    def _defaults(
        self, function: Function, parameters: list[Parameter], given: Sequence[Given], bound: dict[str, Values]
    ) -> None:
        if any(argument.star for argument in given):
            return
        for parameter in parameters:
            if parameter.name not in bound and parameter.default is not None:
                values = self._evaluator.evaluate(parameter.default, function.parent)
                if all(isinstance(value, Literal) for value in values):
                    bound[parameter.name] = values

    # --- decorators ---------------------------------------------------------------------------------------------------

    def decorated(self, decorator: Expression, values: Values, frame: Frame) -> Values:
        """What a decorator makes of a function."""
        if self._is_route(decorator):
            return values
        named = decorator.function if isinstance(decorator, Call) else decorator
        taught = [name for v in self._evaluator.evaluate(named, frame) if (name := self._evaluator.taught(v))]
        if taught:
            return tuple(replace(v, taught=(*v.taught, *taught)) if isinstance(v, Function) else v for v in values)
        decorators = self._evaluator.evaluate(decorator, frame)
        return union(*(self._decorate(found, values, Site(frame, decorator)) for found in decorators)) or ANYTHING

    def _decorate(self, decorator: Value, values: Values, site: Site) -> Values:
        match decorator:
            case External() | ExternalInstance() | ExternalMethod():
                return self.library.decorated(decorator, values)
            case Function() | Class() | Instance() | Partial():
                return self.call((decorator,), (Given(values),), site)
            case _:
                return ANYTHING

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


def _is_path(expression: Expression) -> bool:
    return not isinstance(expression, Constant) or (
        isinstance(expression.value, str) and (expression.value == "" or expression.value.startswith("/"))
    )


def _telling(values: Values) -> bool:
    return bool(values) and values != ANYTHING


def slim(values: Values) -> Values:
    """The values without what makes contexts many and says little: texts, and the items of plain data."""
    if len(values) > _MANY:
        return ANYTHING
    return tuple(dict.fromkeys(_slim(value) for value in values))


def _slim(value: Value) -> Value:
    if not isinstance(value, Data):
        return value
    if all(isinstance(v, Data | Literal) or v == UNKNOWN for _, found in value.items for v in found):
        items = () if value.type not in ("tuple", "dict") else tuple((key, slim(found)) for key, found in value.items)
        return Data(value.type, items=items)
    return replace(value, text=None)


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
