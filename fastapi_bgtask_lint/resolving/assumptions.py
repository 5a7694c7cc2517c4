"""What a call makes known of the tests in the function that it calls.

`if job.is_large: send(job)` calls `send` with a job that is large: where `send` asks the same of its parameter, the
answer is known, although the job itself is not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    BoolOp,
    Call,
    ClassPattern,
    Collection,
    Constant,
    Expression,
    FunctionDef,
    Name,
    Operation,
    ParameterKind,
    Subscript,
)
from fastapi_bgtask_lint.reading.traversal import parts, statements
from fastapi_bgtask_lint.resolving.bindings import Bound
from fastapi_bgtask_lint.resolving.conditions import MatchTest, Test
from fastapi_bgtask_lint.resolving.ordering import order_key
from fastapi_bgtask_lint.resolving.values import (
    Assumption,
    CallArgument,
    Class,
    Context,
    Data,
    EnumMember,
    External,
    Function,
    Literal,
    Site,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.conditions import Held
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator
    from fastapi_bgtask_lint.resolving.feasibility import Feasibility

_TRUE, _EQUALS, _ISINSTANCE, _IN = "is true", "equals", "is an instance of", "is in"
_SEPARATOR = "\n"
_FALSE = frozenset({"None", "False", "0", "''"})
_UNRELATED = frozenset({"str", "int", "float", "bytes", "dict", "list", "set", "tuple"})
"""Built-in classes of which no two have a common object, `bool` apart."""
_NONE = "None"
_POSITIONAL = (ParameterKind.POSITIONAL_ONLY, ParameterKind.POSITIONAL)


class _Atom(NamedTuple):
    """A test that is no combination of others."""

    subject: Expression
    root: Name
    assumption: Assumption


class _Changes(NamedTuple):
    """What may change objects in a function, by ordinal."""

    statements: tuple[int, ...]
    assigned: tuple[tuple[int, Expression], ...]
    """Assignments to attributes and items."""
    given: tuple[tuple[int, Name], ...]
    """Names whose objects a call is given, as its receiver or an argument."""


_NO_CHANGES = _Changes((), (), ())


def _changes_in(scope: FunctionDef) -> _Changes:
    found = list(statements(scope.body))
    assigned = [
        (statement.at, target)
        for statement in found
        if isinstance(statement, Assign)
        for target in statement.targets
        if isinstance(target, Attribute | Subscript)
    ]
    calls = (part for part in parts(scope.body) if isinstance(part, Call))
    given = [(call.at, name) for call in calls for name in _names_given(call)]
    return _Changes(tuple(sorted(s.at for s in found)), tuple(assigned), tuple(given))


class Assumed:
    """Finds what calls make known, and answers tests by it."""

    def __init__(self, evaluator: Evaluator, feasibility: Feasibility) -> None:
        self._evaluator = evaluator
        self._feasibility = feasibility
        self._changes = evaluator.solver.query(_changes_in, _NO_CHANGES)

    # --- answers ------------------------------------------------------------------------------------------------------

    def answer(self, test: Test, context: Context) -> bool | None:
        """Whether the caller has made known which way a test of a parameter goes."""
        if not context.assumptions:
            return None
        atom = self._atom(test, True, context)
        if atom is None or not self._is_parameter(atom.root, context) or self._is_computed(atom, context):
            return None
        asked = atom.assumption
        if asked.member and not self._is_unchanged(asked, -1, test.at, context):
            return None
        verdicts = {verdict for known in context.assumptions if (verdict := _implied(known, asked)) is not None}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _is_computed(self, atom: _Atom, context: Context) -> bool:
        """The test is of a property, which may give another answer each time."""
        member = atom.assumption.member
        if not member.startswith("."):
            return False
        return self._evaluator.classes.is_computed(self._evaluator.evaluate(atom.root, context), member[1:])

    def _is_parameter(self, name: Name, context: Context) -> bool:
        bindings = self._evaluator.reaching(context).at_use.get(name.at, ())
        return bool(bindings) and all(isinstance(binding, Bound) for binding in bindings)

    # --- calls --------------------------------------------------------------------------------------------------------

    def made_by(self, site: Site, function: Function, arguments: Sequence[CallArgument]) -> tuple[Assumption, ...]:
        """What a call makes known of the parameters that the function tests."""
        call, context = site.fact, site.context
        if not isinstance(call, Call) or not isinstance(context.scope, FunctionDef):
            return ()
        held = list(self._held(call, context))
        if not held and not context.assumptions:
            return ()
        found: dict[Assumption, None] = {}
        for parameter, name in _passed_names(function, call, arguments):
            for assumption in self._known_of(name, call, held, context):
                tested = self._evaluator.relevances.tested(function, parameter)
                if "" in tested or assumption.member in tested or (assumption.member.startswith("[") and tested):
                    found[assumption.about(parameter)] = None
        return tuple(sorted(found))

    def _held(self, call: Call, context: Context) -> Iterator[tuple[_Atom, int]]:
        """The tests on the way to the call, each with the ordinal of the test."""
        assert isinstance(context.scope, FunctionDef)
        conditions = self._feasibility.conditions(context.scope)
        at = call.at if call.at in conditions else self.statement_at(call, context.scope)
        for test, answer in conditions.get(at, ()):
            for atom in self._atoms(test, answer, context):
                yield atom, test.at

    def _known_of(
        self, name: Name, call: Call, held: Sequence[tuple[_Atom, int]], context: Context
    ) -> Iterator[Assumption]:
        used = self._evaluator.lookup(name, context)
        for atom, at in held:
            if atom.root.id != name.id or self._evaluator.lookup(atom.root, context) != used:
                continue
            if self._is_unchanged(atom.assumption, at, call.at, context):
                yield atom.assumption
        if context.assumptions and self._is_parameter(name, context):
            for known in context.assumptions:
                if known.name == name.id and self._is_unchanged(known, -1, call.at, context):
                    yield known

    def _is_unchanged(self, assumption: Assumption, first: int, last: int, context: Context) -> bool:
        """Nothing changes the member of the object between two places of a function, as far as can be seen."""
        if not assumption.member or not isinstance(context.scope, FunctionDef):
            return True
        changes = self._changes(context.scope)
        if any(at > first and _is_member(target, assumption) for at, target in changes.assigned):
            return False
        touching = [name for at, name in changes.given if first < at < last and name.id == assumption.name]
        return not touching or self._is_fixed(touching[0], assumption, context)

    def _is_fixed(self, name: Name, assumption: Assumption, context: Context) -> bool:
        """No method but the initialiser assigns to the attribute."""
        if not assumption.member.startswith("."):
            return False
        values = self._evaluator.evaluate(name, context)
        return self._evaluator.classes.are_fixed(values, assumption.member[1:], context)

    def statement_at(self, call: Call, scope: FunctionDef) -> int:
        """The ordinal of the innermost statement that a call is part of: the last that begins before it."""
        ordinals = self._changes(scope).statements
        return ordinals[bisect_right(ordinals, call.at) - 1] if ordinals else -1

    # --- contradictions -----------------------------------------------------------------------------------------------

    def contradicted(self, context: Context) -> frozenset[int]:
        """The statements and calls of a function on whose way one test rules out another."""
        assert isinstance(context.scope, FunctionDef)
        conditions = self._feasibility.conditions(context.scope)
        several = {held for held in conditions.values() if len(held) > 1}
        contradicting = {held for held in several if self._contradict(held, context)}
        return frozenset(at for at, held in conditions.items() if held in contradicting)

    def _contradict(self, held: Held, context: Context) -> bool:
        atoms = [(atom, test.at) for test, answer in held for atom in self._atoms(test, answer, context)]
        by_subject: dict[tuple[str, str], list[tuple[_Atom, int]]] = {}
        for atom, place in atoms:
            by_subject.setdefault((atom.assumption.name, atom.assumption.member), []).append((atom, place))
        return any(self._any_contradict(group, context) for group in by_subject.values() if len(group) > 1)

    def _any_contradict(self, group: list[tuple[_Atom, int]], context: Context) -> bool:
        (first, begin), *others = group
        if self._none_is_left(group, context):
            return True
        return any(
            _implied(first.assumption, other.assumption) is False
            and self._evaluator.lookup(first.root, context) == self._evaluator.lookup(other.root, context)
            and self._is_unchanged(first.assumption, begin, end, context)
            for other, end in others
        )

    def _none_is_left(self, group: list[tuple[_Atom, int]], context: Context) -> bool:
        """The tests rule out each of the texts that their subject can be."""
        (first, begin), *others = group
        values = self._feasibility.operand(first.subject, context) or ()
        texts = [value.text for value in values if isinstance(value, Data) and value.type == "str"]
        if len(texts) < 2 or len(texts) != len(values) or None in texts:
            return False
        root = self._evaluator.lookup(first.root, context)
        if any(self._evaluator.lookup(other.root, context) != root for other, _ in others):
            return False
        if not self._is_unchanged(first.assumption, begin, others[-1][1], context):
            return False
        return all(any(_refuses(atom.assumption, repr(text)) for atom, _ in group) for text in texts)

    # --- tests --------------------------------------------------------------------------------------------------------

    def _atoms(self, test: Test, answer: bool, context: Context) -> Iterator[_Atom]:
        """What a test's answer says of its parts."""
        if isinstance(test, BoolOp):
            if (test.operator == "and") is answer:
                for part in test.values:
                    yield from self._atoms(part, answer, context)
            return
        if isinstance(test, Operation) and test.operator == "not":
            yield from self._atoms(test.operands[0], not answer, context)
            return
        atom = self._atom(test, answer, context)
        if atom is not None:
            yield atom

    def _atom(self, test: Test, answer: bool, context: Context) -> _Atom | None:
        match test:
            case Operation(operator="==" | "is" | "!=" | "is not" as operator, operands=(left, right)):
                positive = operator in ("==", "is")
                operand = self._operand(right, context)
                return None if operand is None else _subject(left, _EQUALS, operand, answer is positive)
            case Operation(operator="in" | "not in" as operator, operands=(left, Collection(items=items))):
                listed = [self._operand(item, context) for item in items]
                if None in listed:
                    return None
                return _subject(left, _IN, _SEPARATOR.join(map(str, listed)), answer is (operator == "in"))
            case MatchTest(pattern=BoolOp(values=values)) if not any(
                isinstance(value, ClassPattern) for value in values
            ):
                listed = [self._operand(value, context) for value in values]
                if None in listed:
                    return None
                return _subject(test.subject, _IN, _SEPARATOR.join(map(str, listed)), answer)
            case MatchTest(pattern=ClassPattern(cls=cls)):
                operand = self._operand(cls, context)
                return None if operand is None else _subject(test.subject, _ISINSTANCE, operand, answer)
            case MatchTest():
                operand = self._operand(test.pattern, context)
                return None if operand is None else _subject(test.subject, _EQUALS, operand, answer)
            case Call(function=Name(id="isinstance"), arguments=(subject, cls)):
                operand = self._operand(cls.value, context)
                return None if operand is None else _subject(subject.value, _ISINSTANCE, operand, answer)
            case _:
                return _subject(test, _TRUE, "", answer)

    def _operand(self, expression: Expression, context: Context) -> str | None:
        """A text for a constant, a member of an enumeration or a class: equal texts are equal values."""
        if isinstance(expression, Constant):
            return repr(expression.value) if expression.kind in ("none", "bool", "int", "str") else None
        values = self._evaluator.evaluate(expression, context)
        value = values[0] if len(values) == 1 else None
        match value:
            case Literal(value=constant) | Data(type="str", text=str() as constant):
                return repr(constant)
            case EnumMember() | Class() | External():
                return repr(order_key(value))
            case _:
                return None


def _subject(expression: Expression, relation: str, operand: str, answer: bool) -> _Atom | None:
    match expression:
        case Name():
            return _Atom(expression, expression, Assumption(expression.id, "", relation, operand, answer))
        case Attribute(value=Name() as root, attr=attribute):
            return _Atom(expression, root, Assumption(root.id, f".{attribute}", relation, operand, answer))
        case Subscript(value=Name() as root, indices=(Constant(kind="str", value=key),)):
            return _Atom(expression, root, Assumption(root.id, f"[{key!r}]", relation, operand, answer))
        case _:
            return None


def _refuses(known: Assumption, text: str) -> bool:
    """The result of a test rules out a text, where the test is of texts only."""
    listed = known.operand.split(_SEPARATOR)
    if known.relation not in (_EQUALS, _IN) or not all(operand[:1] in ("'", '"') for operand in listed):
        return False
    return (text in listed) is not known.answer


def _implied(known: Assumption, asked: Assumption) -> bool | None:
    """The result of a test that follows from that of another; None where nothing follows."""
    if (known.name, known.member) != (asked.name, asked.member):
        return None
    if (known.relation, known.operand) == (asked.relation, asked.operand):
        return known.answer is asked.answer
    if not known.answer:
        return _implied_by_refusal(known, asked)
    verdict = _implied_answer(known, asked)
    return None if verdict is None else verdict is asked.answer


def _implied_answer(known: Assumption, asked: Assumption) -> bool | None:
    """What the test that is asked gives, where the known one gives true."""
    match known.relation, asked.relation:
        case ("equals", "equals"):
            return False
        case ("equals", "is in"):
            return known.operand in asked.operand.split(_SEPARATOR)
        case ("equals", "is true"):
            return False if known.operand in _FALSE else None
        case ("is in", "equals"):
            return None if asked.operand in known.operand.split(_SEPARATOR) else False
        case ("is true", "equals"):
            return False if asked.operand in _FALSE else None
        case ("is an instance of", "equals"):
            return False if asked.operand == _NONE else None
        case ("is an instance of", "is an instance of"):
            return False if {_builtin(known.operand), _builtin(asked.operand)} <= _UNRELATED else None
        case _:
            return None


def _implied_by_refusal(known: Assumption, asked: Assumption) -> bool | None:
    """What is not equal to any of some constants is not equal to one of them."""
    if known.relation == _IN and asked.relation == _EQUALS and asked.operand in known.operand.split(_SEPARATOR):
        return not asked.answer
    return None


def _builtin(operand: str) -> str:
    """The name of a built-in class, by the text of its operand."""
    return operand.removeprefix("(4, 'builtins.").removesuffix("')")


def _is_member(target: Expression, assumption: Assumption) -> bool:
    """An assignment to the member itself, or to an item of which the key is not known."""
    match target:
        case Attribute(value=Name(id=name), attr=attribute):
            return name == assumption.name and assumption.member in (f".{attribute}", "")
        case Subscript(value=Name(id=name), indices=indices):
            if name != assumption.name or not assumption.member.startswith("["):
                return False
            key = indices[0].value if len(indices) == 1 and isinstance(indices[0], Constant) else None
            return key is None or assumption.member == f"[{key!r}]"
        case _:
            return False


def _names_given(call: Call) -> Iterator[Name]:
    """The names whose objects a call can change: its receiver and its arguments."""
    if isinstance(call.function, Attribute) and isinstance(call.function.value, Name):
        yield call.function.value
    yield from (argument.value for argument in call.arguments if isinstance(argument.value, Name))


def _passed_names(function: Function, call: Call, arguments: Sequence[CallArgument]) -> Iterator[tuple[str, Name]]:
    """The parameters that are given a plain name, with that name."""
    parameters = list(function.definition.parameters)
    if function.receiver and parameters:
        first = parameters.pop(0)
        if isinstance(call.function, Attribute) and isinstance(call.function.value, Name):
            yield first.name, call.function.value
    positional = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
    position = 0
    for argument in arguments:
        if argument.star:
            return
        name = argument.keyword
        if name is None:
            name = positional[position] if position < len(positional) else None
            position += 1
        if name is not None and isinstance(argument.expression, Name):
            yield name, argument.expression
