"""Which parameters a function tests, itself or in what it hands them to: only these make its contexts differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fastapi_bgtask_lint.reading.facts import (
    Argument,
    Assert,
    Assign,
    Attribute,
    BoolOp,
    Call,
    ClassDef,
    Comprehension,
    Conditional,
    Expression,
    For,
    FunctionDef,
    If,
    Lambda,
    Match,
    Name,
    NamedExpr,
    Operation,
    Return,
    Statement,
    Subscript,
    While,
)
from fastapi_bgtask_lint.reading.traversal import children, expressions, statements, walk
from fastapi_bgtask_lint.resolving import limits
from fastapi_bgtask_lint.resolving.rows import row_of
from fastapi_bgtask_lint.resolving.values import Class, Context, External, ExternalMethod, Function, Instance, Value

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator

Members: TypeAlias = frozenset[str]
"""What of a parameter is tested: `.attribute`, or the empty text for the parameter itself."""

_COMPARISONS = frozenset({"not", "in", "not in", "is", "is not", "==", "!=", "<", ">", "<=", ">="})
_QUESTIONS = frozenset({"isinstance", "issubclass", "callable", "bool", "hasattr", "iscoroutinefunction"})
_NOTHING: Members = frozenset()
_ITSELF: Members = frozenset({""})


class _Scan(NamedTuple):
    """What a function does with names, nested functions included."""

    tested: frozenset[str]
    """Names, and `name.attribute`, in tests."""
    handed: Mapping[str, tuple[Call, ...]]
    """The calls that are given a name, as an argument or as the receiver."""
    mentioned: frozenset[str]


class Relevances:
    """Finds out what functions test and mention of their parameters."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._tested = evaluator.solver.query(self._find_tested, _NOTHING)
        self._scan = evaluator.solver.query(_scan, _Scan(_NOTHING, {}, _NOTHING))

    def tested(self, function: Function, parameter: str) -> Members:
        """What of a parameter decides what the function does, by a test in it or in what it hands the parameter to."""
        return self._tested_within(function, parameter, limits.HANDED_ON)

    def mentioned(self, definition: FunctionDef | Lambda) -> frozenset[str]:
        """The names that occur in a function, nested ones included."""
        return self._scan(definition).mentioned

    def _tested_within(self, function: Function, parameter: str, calls: int) -> Members:
        context = self._evaluator.context(function.module, function.definition, function.parent)
        return self._tested((self._evaluator.contexts.context_free(context), parameter, calls))

    def _find_tested(self, key: tuple[Context, str, int]) -> Members:
        """What is tested in the function itself, or in so many calls further."""
        context, parameter, further = key
        assert isinstance(context.scope, FunctionDef | Lambda)
        scan = self._scan(context.scope)
        split = (name.partition(".") for name in scan.tested)
        found = frozenset(f"{dot}{attribute}" for head, dot, attribute in split if head == parameter)
        if "" in found or not further:
            return found
        calls = scan.handed.get(parameter, ())
        return found.union(*(self._tested_by_callees(call, context, parameter, further - 1) for call in calls))

    def _tested_by_callees(self, call: Call, context: Context, name: str, further: int) -> Members:
        callees = self._evaluator.evaluate(call.function, context)
        return _NOTHING.union(*(self._tested_by(callee, call, name, further) for callee in callees))

    def _tested_by(self, callee: Value, call: Call, name: str, further: int) -> Members:
        match callee:
            case External() | ExternalMethod():
                return _ITSELF if row_of(self._evaluator, callee) is not None else _NOTHING
            case Class():
                initialisers = self._evaluator.classes.method(callee, "__init__", (Instance(callee),))
                return _NOTHING.union(*(self._tested_by(found, call, name, further) for found in initialisers))
            case Function():
                parameters = _given_to(callee, call, name)
                return _NOTHING.union(*(self._tested_within(callee, one, further) for one in parameters))
            case _:
                return _NOTHING


def _given_to(function: Function, call: Call, name: str) -> Iterator[str]:
    """The parameters of a function that a call gives a name's object."""
    names = [parameter.name for parameter in function.definition.parameters]
    if function.receiver and names:
        first = names.pop(0)
        if isinstance(call.function, Attribute) and getattr(call.function.value, "id", "") == name:
            yield first
    for parameter, argument in _paired(names, call.arguments):
        if getattr(argument.value, "id", "") == name:
            yield parameter


def _paired(names: list[str], arguments: tuple[Argument, ...]) -> Iterator[tuple[str, Argument]]:
    position = 0
    for argument in arguments:
        if argument.star:
            yield from ((name, argument) for name in names[position:])
            continue
        if argument.keyword is not None:
            yield argument.keyword, argument
        elif position < len(names):
            yield names[position], argument
            position += 1


def _scan(scope: FunctionDef | Lambda) -> _Scan:
    tests: list[Expression] = []
    calls: list[Call] = []
    body = () if isinstance(scope, Lambda) else scope.body
    tops = [scope.body] if isinstance(scope, Lambda) else []
    for statement in _all_statements(body):
        tests += _tests_of(statement)
        tops += expressions(statement)
    mentioned: set[str] = set()
    for expression in (part for top in tops for part in _walk_all(top)):
        tests += _tests_in(expression)
        if isinstance(expression, Name):
            mentioned.add(expression.id)
        if isinstance(expression, Call):
            calls.append(expression)
    tested = frozenset(name for test in tests for name in _tested_in(test))
    return _Scan(tested, _handed(calls), frozenset(mentioned))


def _handed(calls: list[Call]) -> dict[str, tuple[Call, ...]]:
    found: dict[str, dict[Call, None]] = {}
    for call in calls:
        receiver = call.function.value if isinstance(call.function, Attribute) else None
        for given in (receiver, *(argument.value for argument in call.arguments)):
            if isinstance(given, Name):
                found.setdefault(given.id, {})[call] = None
    return {name: tuple(given) for name, given in found.items()}


def _tests_of(statement: Statement) -> Iterable[Expression]:
    match statement:
        case If():
            return [branch.test for branch in statement.branches]
        case While() | Assert():
            return [statement.test]
        case Match():
            return [statement.subject, *(case.guard for case in statement.cases if case.guard is not None)]
        case For():
            return [statement.iterable]
        case Return() | Assign() if isinstance(statement.value, Name):
            return [statement.value]
        case _:
            return ()


def _tests_in(expression: Expression) -> Iterable[Expression]:
    match expression:
        case Conditional():
            return [expression.test]
        case BoolOp():
            return expression.values
        case Operation() if expression.operator in _COMPARISONS:
            return expression.operands
        case Comprehension():
            conditions = [condition for clause in expression.clauses for condition in clause.conditions]
            return [*conditions, *(c.iterable for c in expression.clauses if isinstance(c.iterable, Name))]
        case Subscript():
            return expression.indices
        case NamedExpr():
            return [expression.value]
        case Call(function=Name(id=name)) if name in _QUESTIONS:
            return [argument.value for argument in expression.arguments[:1]]
        case Call(function=Attribute(attr="get")):
            return [argument.value for argument in expression.arguments[:1]]
        case _:
            return ()


def _tested_in(test: Expression) -> Iterator[str]:
    """The names in a test, and the attributes of names."""
    stack = [test]
    while stack:
        current = stack.pop()
        match current:
            case Attribute(value=Name(id=name), attr=attribute):
                yield f"{name}.{attribute}"
            case Name(id=name):
                yield name
            case _:
                stack.extend(children(current))


def _walk_all(expression: Expression) -> Iterator[Expression]:
    """The expression and all inside it, the bodies of lambdas too."""
    stack = [expression]
    while stack:
        for part in walk(stack.pop()):
            yield part
            if isinstance(part, Lambda):
                stack.append(part.body)


def _all_statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """The statements of a body, those of nested functions and classes too."""
    stack = [body]
    while stack:
        for statement in statements(stack.pop()):
            yield statement
            if isinstance(statement, FunctionDef | ClassDef):
                stack.append(statement.body)
