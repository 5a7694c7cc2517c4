"""Which parameters a function tests, itself or in what it hands them to: only these make its contexts differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

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

Tested: TypeAlias = frozenset[str]
"""Names of parameters, and `parameter.attribute`."""

_COMPARISONS = frozenset({"not", "in", "not in", "is", "is not", "==", "!=", "<", ">", "<=", ">="})
_QUESTIONS = frozenset({"isinstance", "issubclass", "callable", "bool", "hasattr", "iscoroutinefunction"})
_NOTHING: Tested = frozenset()


class Relevances:
    """Finds the parameters that functions test and mention."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._tested = evaluator.solver.query(self._find_tested, _NOTHING)
        self._mentioned = evaluator.solver.query(_names_in, _NOTHING)

    def tested(self, function: Function) -> Tested:
        """The parameters whose values decide what the function does."""
        return self._tested_within(function, limits.HANDED_ON)

    def _tested_within(self, function: Function, calls: int) -> Tested:
        context = self._evaluator.context(function.module, function.definition, function.parent)
        return self._tested((self._evaluator.contexts.context_free(context), calls))

    def mentioned(self, definition: FunctionDef | Lambda) -> Tested:
        """The names that occur in a function, nested ones included."""
        return self._mentioned(definition)

    def _find_tested(self, key: tuple[Context, int]) -> Tested:
        """What a function tests, itself or in so many calls further."""
        context, further = key
        scope = context.scope
        assert isinstance(scope, FunctionDef | Lambda)
        parameters = {parameter.name for parameter in scope.parameters}
        if not parameters:
            return _NOTHING
        tests, calls = _tests_and_calls(scope)
        named = {name for test in tests for name in _tested_in(test)}
        found = {name for name in named if name.partition(".")[0] in parameters}
        for call in calls if further else ():
            found |= set(self._handed_on(call, key, parameters))
        return frozenset(found)

    def _handed_on(self, call: Call, key: tuple[Context, int], parameters: set[str]) -> Iterable[str]:
        """What the callee tests of the parameters that it is given."""
        given = [a for a in call.arguments if isinstance(a.value, Name) and a.value.id in parameters]
        receiver = call.function.value if isinstance(call.function, Attribute) else None
        root = receiver.id if isinstance(receiver, Name) and receiver.id in parameters else ""
        if not given and not root:
            return
        context, further = key
        for callee in self._evaluator.evaluate(call.function, context):
            yield from self._handed_to(callee, call, root, parameters, further - 1)

    def _handed_to(self, callee: Value, call: Call, root: str, parameters: set[str], further: int) -> Iterator[str]:
        if isinstance(callee, External | ExternalMethod):
            if row_of(self._evaluator, callee) is not None:
                yield from (
                    a.value.id for a in call.arguments if isinstance(a.value, Name) and a.value.id in parameters
                )
            return
        if isinstance(callee, Class):
            initialisers = self._evaluator.classes.method(callee, "__init__", (Instance(callee),))
            for initialiser in initialisers:
                yield from self._handed_to(initialiser, call, "", parameters, further)
            return
        if not isinstance(callee, Function):
            return
        tested = self._tested_within(callee, further)
        names = callee.definition.parameters
        if callee.receiver and names:
            yield from _renamed(tested, names[0].name, root)
            names = names[1:]
        for parameter, argument in _paired([p.name for p in names], call.arguments):
            if isinstance(argument.value, Name) and argument.value.id in parameters:
                yield from _renamed(tested, parameter, argument.value.id)


def _renamed(tested: Tested, parameter: str, root: str) -> Iterator[str]:
    """The callee's tests of a parameter as tests of what it was given."""
    if not root:
        return
    for name in tested:
        head, dot, attribute = name.partition(".")
        if head == parameter:
            yield f"{root}{dot}{attribute}"


def _paired(names: list[str], arguments: tuple[Argument, ...]) -> Iterator[tuple[str, Argument]]:
    position = 0
    for argument in arguments:
        if argument.star:
            return
        if argument.keyword is not None:
            yield argument.keyword, argument
        elif position < len(names):
            yield names[position], argument
            position += 1


def _tests_and_calls(scope: FunctionDef | Lambda) -> tuple[list[Expression], list[Call]]:
    """The expressions whose values decide what a function does, and its calls; of nested functions too."""
    tests: list[Expression] = []
    calls: list[Call] = []
    body = () if isinstance(scope, Lambda) else scope.body
    tops = [scope.body] if isinstance(scope, Lambda) else []
    for statement in _all_statements(body):
        tests += _tests_of(statement)
        tops += expressions(statement)
    for expression in (part for top in tops for part in _walk_all(top)):
        tests += _tests_in(expression)
        if isinstance(expression, Call):
            calls.append(expression)
    return tests, calls


def _tests_of(statement: Statement) -> Iterable[Expression]:
    match statement:
        case If():
            return [branch.test for branch in statement.branches]
        case While() | Assert():
            return [statement.test]
        case Match():
            return [statement.subject]
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
            return [condition for clause in expression.clauses for condition in clause.conditions]
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


def _names_in(scope: FunctionDef | Lambda) -> Tested:
    """Every name that occurs in a function."""
    body = () if isinstance(scope, Lambda) else scope.body
    tops = [scope.body] if isinstance(scope, Lambda) else []
    for statement in _all_statements(body):
        tops += expressions(statement)
    return frozenset(part.id for top in tops for part in _walk_all(top) if isinstance(part, Name))
