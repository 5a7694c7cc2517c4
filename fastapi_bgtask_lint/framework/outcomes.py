"""How the handler can end after a registration: which returns and raises can be reached from it."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.handlers import Way
from fastapi_bgtask_lint.framework.scopes import body_of
from fastapi_bgtask_lint.reading.facts import (
    Await,
    Call,
    Evaluate,
    Expression,
    FunctionDef,
    Handler,
    Raise,
    Return,
    Statement,
    With,
)
from fastapi_bgtask_lint.reading.traversal import expressions, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.flow import Outcome, Walk
from fastapi_bgtask_lint.resolving.values import (
    Class,
    Data,
    External,
    ExternalInstance,
    Frame,
    Function,
    Instance,
    Value,
    Values,
)

ENDS = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"})
_EXCEPTION, _BASE = "builtins.Exception", "builtins.BaseException"
_BEYOND = frozenset({"SystemExit", "KeyboardInterrupt", "GeneratorExit", "CancelledError"})
"""Exceptions that are no `Exception`."""


@dataclass(frozen=True, slots=True)
class Exits:
    """The ways out of a function after a place in it."""

    returns: tuple[Return, ...]
    raises: tuple[Raise | Evaluate, ...]
    falls_through: bool

    @property
    def always_raises(self) -> bool:
        """Every way out is a `raise`, or a call that never returns."""
        return bool(self.raises) and not self.returns and not self.falls_through


class Outcomes:
    """Follows control from a place to the ways out."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._never: dict[Frame, bool] = {}

    def after(self, frame: Frame, call: Call) -> Exits:
        """The ways out of the frame's function that can be reached after a call in it."""
        return self._exits(frame, call, raising=None)

    def lost(self, way: Way, call: Call) -> bool:
        """After the call the handler at the head of the way is bound to raise, and nothing on the way catches it."""
        frame = way.frame
        exits = self._exits(frame, call, None)
        for caller in reversed(way.calls):
            ends = []
            if exits.returns or exits.falls_through:
                ends.append(self._exits(caller.frame, caller.call, None))
            ends += [self._exits(caller.frame, caller.call, (raised, frame)) for raised in exits.raises]
            exits = Exits(
                tuple(dict.fromkeys(r for end in ends for r in end.returns)),
                tuple(dict.fromkeys(r for end in ends for r in end.raises)),
                any(end.falls_through for end in ends),
            )
            frame = caller.frame
        return exits.always_raises

    def passes(self, frame: Frame, first: Expression, second: Expression) -> bool:
        """After one expression of the frame's function another can be reached."""
        passage = _Passage(self, self._evaluator, frame, first, None)
        passage.sought = second
        passage.block(body_of(frame), False)
        return passage.found

    def never_returns(self, frame: Frame) -> bool:
        """Every way out of a function is a `raise`."""
        if frame not in self._never:
            self._never[frame] = False
            scope = frame.scope
            if isinstance(scope, FunctionDef) and not self._evaluator.classes.is_abstract(scope):
                outcome = _Passage(self, self._evaluator, frame, None, None).block(scope.body, False)
                self._never[frame] = outcome.normal is None and not outcome.returned and bool(outcome.raised)
        return self._never[frame]

    def _exits(self, frame: Frame, call: Call, raising: tuple[Raise | Evaluate, Frame] | None) -> Exits:
        passage = _Passage(self, self._evaluator, frame, call, raising)
        outcome = passage.block(body_of(frame), False)
        returns = {statement.at: statement for statement, passed in outcome.returned if passed}
        raises = {cause.at: cause for cause, passed in outcome.raised if passed and cause is not None}
        return Exits(
            tuple(returns[at] for at in sorted(returns)),
            tuple(raises[at] for at in sorted(raises)),
            outcome.normal is True,
        )


class _Passage(Walk[bool]):
    """Carries one bit along: the place has been passed."""

    def __init__(
        self,
        outcomes: Outcomes,
        evaluator: Evaluator,
        frame: Frame,
        call: Expression | None,
        raising: tuple[Raise | Evaluate, Frame] | None,
    ) -> None:
        self._outcomes = outcomes
        self._evaluator = evaluator
        self._frame = frame
        self._call = call
        self._raising = raising
        self.sought: Expression | None = None
        self.found = False

    def block(self, body: Sequence[Statement], state: bool) -> Outcome[bool]:
        if self._raising is None or self._call is None:
            return super().block(body, state)
        outcome: Outcome[bool] = Outcome(state)
        for statement in body:
            if outcome.normal is None:
                break
            if self._stands_in(statement):
                outcome.raised.append((self._raising[0], True))
                outcome.normal = None
                break
            step = super().block([statement], outcome.normal)
            outcome.absorb(step)
            outcome.normal = step.normal
        return outcome

    def _stands_in(self, statement: Statement) -> bool:
        return any(found is self._call for top in expressions(statement) for found in walk(top))

    def join(self, states: Sequence[bool]) -> bool:
        # A way that has not passed the place says nothing about it, so it may not blur one that has.
        return any(states)

    def evaluate(self, expression: Expression, state: bool) -> bool:
        if state and self.sought is not None and not self.found:
            self.found = any(found is self.sought for found in walk(expression))
        if state or self._call is None:
            return state
        return any(found is self._call for found in walk(expression))

    def bind(self, statement: Statement | Handler, state: bool) -> bool:
        return state

    def never_returns(self, statement: Evaluate) -> bool:
        call = statement.value.value if isinstance(statement.value, Await) else statement.value
        if not isinstance(call, Call):
            return False
        callees = self._evaluator.evaluate(call.function, self._frame)
        return bool(callees) and all(self._ends(callee, call, isinstance(statement.value, Await)) for callee in callees)

    def _ends(self, callee: Value, call: Call, awaited: bool) -> bool:
        if isinstance(callee, External):
            return callee.name in ENDS
        if not isinstance(callee, Function) or not isinstance(callee.definition, FunctionDef):
            return False
        if callee.definition.is_generator or callee.definition.is_async != awaited:
            return False
        given = self._evaluator.calls.given(call, self._frame)
        frame = self._evaluator.frame(
            callee.module,
            callee.definition,
            callee.parent,
            self._evaluator.calls.arguments(callee, given),
            self._frame.depth + 1,
        )
        return self._outcomes.never_returns(frame)

    def suppresses(self, statement: With) -> bool | None:
        verdicts = [
            self._suppresses(v) for i in statement.items for v in self._evaluator.evaluate(i.context, self._frame)
        ]
        return True if True in verdicts else None if None in verdicts else False

    @staticmethod
    def _suppresses(value: Value) -> bool | None:
        if isinstance(value, ExternalInstance):
            return value.type in ("contextlib.suppress", "contextlib.suppress()")
        return None if isinstance(value, Instance) else False

    def catches(self, handler: Handler, cause: Raise | Evaluate | None) -> bool | None:
        if handler.catches is None:
            return True
        if cause is None:
            return None
        frame = self._raising[1] if self._raising is not None and cause is self._raising[0] else self._frame
        return catches(self._evaluator, caught_by(self._evaluator, handler, self._frame), self._raised(cause, frame))

    def _raised(self, cause: Raise | Evaluate, frame: Frame) -> Values:
        if isinstance(cause, Raise) and cause.exception is not None:
            return self._evaluator.evaluate(cause.exception, frame)
        return ()


def caught_by(evaluator: Evaluator, handler: Handler, frame: Frame) -> Values:
    """The classes that a handler names, those of a tuple too; nothing for one that names none."""
    if handler.catches is None:
        return ()
    values = evaluator.evaluate(handler.catches, frame)
    return tuple(item for v in values for item in (evaluator.items((v,)) if isinstance(v, Data) else (v,)))


def catches(evaluator: Evaluator, caught: Values, raised: Values) -> bool | None:
    """Whether handlers of these classes take what is raised; None when that can't be known."""
    names = {value.name for value in caught if isinstance(value, External)}
    if _BASE in names or (_EXCEPTION in names and not _is_beyond(raised)):
        return True
    if not raised or not caught:
        return None
    verdicts = [_catches(evaluator, one, value) for value in raised for one in caught]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _is_beyond(raised: Values) -> bool:
    """Everything that is raised passes `except Exception`."""
    names = [getattr(value, "name", getattr(value, "type", "")) for value in raised]
    return bool(names) and all(name.rpartition(".")[2] in _BEYOND for name in names)


def _catches(evaluator: Evaluator, caught: Value, raised: Value) -> bool | None:
    cls = raised.cls if isinstance(raised, Instance) else raised
    match cls, caught:
        case Class(), Class():
            if cls.definition is caught.definition:
                return True
            line = evaluator.classes.line(cls)
            if any(isinstance(base, Class) and base.definition is caught.definition for base in line):
                return True
            return None if any(type(base).__name__ == "Unknown" for base in line) else False
        case Class(), External():
            return _external_line(evaluator, cls, caught.name)
        case ((External() | ExternalInstance()), External()):
            name = cls.name if isinstance(cls, External) else cls.type
            return is_exception_subclass(evaluator, name, caught.name)
        case ((External() | ExternalInstance()), Class()):
            return False
        case _:
            return None


def _external_line(evaluator: Evaluator, cls: Class, name: str) -> bool | None:
    answer: bool | None = False
    for base in evaluator.classes.external_bases(cls):
        verdict = is_exception_subclass(evaluator, base.name, name) if isinstance(base, External) else None
        if verdict:
            return True
        answer = None if verdict is None else answer
    return answer


def is_exception_subclass(evaluator: Evaluator, name: str, base: str) -> bool | None:
    """Whether a library's exception class derives from another, by Python itself for the built-in ones."""
    if _same_exception(name, base):
        return True
    one = getattr(builtins, name.removeprefix("builtins."), None) if name.startswith("builtins.") else None
    other = getattr(builtins, base.removeprefix("builtins."), None) if base.startswith("builtins.") else None
    if isinstance(one, type) and isinstance(other, type):
        return issubclass(one, other)
    if isinstance(one, type) and other is None:
        return False
    return evaluator.table.is_subtype(name, base) or (False if _is_http(name) and isinstance(other, type) else None)


def _is_http(name: str) -> bool:
    return name.startswith(("fastapi", "starlette")) and name.endswith("HTTPException")


def _same_exception(name: str, base: str) -> bool:
    return name == base or (_is_http(name) and _is_http(base))
