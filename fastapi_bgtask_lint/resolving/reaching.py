"""Which bindings a name can have where it is read: reaching definitions, one analysis a scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Call,
    ClassDef,
    Comprehension,
    DeferredDefinition,
    Delete,
    ExceptHandler,
    Expression,
    For,
    FunctionDef,
    GlobalDecl,
    Import,
    ImportFrom,
    Lambda,
    Match,
    Name,
    NamedExpr,
    Parameter,
    Return,
    Statement,
    With,
    chunk_of,
    first_ordinal,
)
from fastapi_bgtask_lint.reading.traversal import children, last_name, statements
from fastapi_bgtask_lint.resolving.bindings import (
    Assigned,
    Binding,
    Bound,
    Caught,
    Changed,
    Defined,
    Imported,
    Iterated,
    Opened,
    imported_as,
    position,
    targets,
)
from fastapi_bgtask_lint.resolving.flow import Walk

_MANY = 64
"""With so many names a state is not copied for each binding."""
_LAYERS = 32

State: TypeAlias = Mapping[str, tuple[Binding, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Reaching:
    """What is known of the names of one scope."""

    at_use: Mapping[int, tuple[Binding, ...]]
    """By the ordinal of a name that is read: the bindings of this scope that reach it."""
    at_end: State
    """The bindings that reach the end of the scope, however it is left."""
    everywhere: Mapping[str, tuple[Binding, ...]]
    """All bindings of each name of the scope."""
    outer: Mapping[str, tuple[Binding, ...]]
    """The bindings that this scope makes in one round it, by `global` or `nonlocal`."""
    returns: tuple[Return, ...]
    """The return statements that can be reached."""
    falls_through: bool
    """The end of the body can be reached."""
    reached: frozenset[int]
    """The ordinals of the statements that can be reached."""
    declared: Mapping[str, str]
    """The names declared `global` or `nonlocal`."""

    def closure(self, name: str, definition: int) -> tuple[Binding, ...]:
        """The bindings that a function defined at an ordinal of this scope can see when it runs, later on."""
        bindings = self.everywhere.get(name, ())
        before = self.before.get(definition, {}).get(name)
        if before is None:
            return bindings
        return tuple(b for b in bindings if b in before or position(b) > definition)

    nonlocal_writes: frozenset[str] = frozenset()
    """The names that nested functions assign to, which they declare nonlocal."""
    before: Mapping[int, State] = field(default_factory=dict)
    """The state where a nested function, class or lambda is defined."""

    def in_head(self, name: Name) -> tuple[Binding, ...]:
        """The bindings that reach a name in the head of a definition that was not read when this was made."""
        return self.before.get(first_ordinal(chunk_of(name.at)), {}).get(name.id, ())


def reaching_definitions(scope: FunctionDef | Lambda | ClassDef | None, body: Sequence[Statement]) -> Reaching:
    """Analyses one scope; a lambda has no body of statements, only its expression."""
    declared = {
        name: statement.kind
        for statement in statements(tuple(body))
        if isinstance(statement, GlobalDecl)
        for name in statement.names
    }
    walk = _ReachingWalk(declared)
    state: State = {}
    if isinstance(scope, FunctionDef | Lambda):
        state = walk.start(scope.parameters)
    if isinstance(scope, Lambda):
        end = walk.evaluate(scope.body, state)
        return walk.result(end, [end], (), True)
    outcome = walk.block(body, state)
    ends = [state for _, state in outcome.returned] + [state for _, state in outcome.raised]
    if outcome.normal is not None:
        ends.append(outcome.normal)
    final = outcome.normal if outcome.normal is not None else walk.join(ends or [state])
    returns = {statement.at: statement for statement, _ in outcome.returned}
    reachable = tuple(returns[at] for at in sorted(returns))
    return walk.result(final, ends, reachable, outcome.normal is not None, _nonlocal_writes(body))


def _nonlocal_writes(body: Sequence[Statement]) -> frozenset[str]:
    """The names that functions nested in a body declare nonlocal."""
    found: set[str] = set()
    stack = [statement for statement in statements(tuple(body)) if isinstance(statement, FunctionDef | ClassDef)]
    while stack:
        for statement in statements(stack.pop().body):
            if isinstance(statement, GlobalDecl) and statement.kind == "nonlocal":
                found |= set(statement.names)
            if isinstance(statement, FunctionDef | ClassDef):
                stack.append(statement)
    return frozenset(found)


class _Layer(Mapping[str, tuple[Binding, ...]]):
    """A state with some names changed. The states of a module with many names differ by one or two each."""

    __slots__ = ("_changed", "_under", "height")

    def __init__(self, changed: State, under: State, height: int) -> None:
        self._changed = changed
        self._under = under
        self.height = height
        """How many layers there are."""

    def __getitem__(self, name: str) -> tuple[Binding, ...]:
        found = self._changed.get(name)
        return self._under[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self.flat())

    def __len__(self) -> int:
        return len(self.flat())

    def flat(self) -> dict[str, tuple[Binding, ...]]:
        """The same as one dictionary."""
        layers: list[State] = []
        state: State = self
        while isinstance(state, _Layer):
            layers.append(state._changed)
            state = state._under
        merged = dict(state)
        for changed in reversed(layers):
            merged.update(changed)
        return merged


def _flat(state: State) -> dict[str, tuple[Binding, ...]]:
    return state.flat() if isinstance(state, _Layer) else dict(state)


def _layered(changed: State, under: State) -> State:
    if not isinstance(under, _Layer):
        return _Layer(changed, under, 1)
    if under.height < _LAYERS:
        return _Layer(changed, under, under.height + 1)
    return _Layer(changed, under.flat(), 1)


class _ReachingWalk(Walk[State]):
    def __init__(self, declared: Mapping[str, str]) -> None:
        self._declared = declared
        self._uses: dict[int, dict[Binding, None]] = {}
        self._everywhere: dict[str, dict[Binding, None]] = {}
        self._outer: dict[str, dict[Binding, None]] = {}
        self._before: dict[int, State] = {}
        self._reached: set[int] = set()
        self._made: dict[tuple[int, str], Binding] = {}

    def result(
        self,
        final: State,
        ends: list[State],
        returns: tuple[Return, ...],
        falls_through: bool,
        nonlocal_writes: frozenset[str] = frozenset(),
    ) -> Reaching:
        everywhere = {name: tuple(sorted(found, key=position)) for name, found in self._everywhere.items()}
        return Reaching(
            at_use={at: tuple(sorted(found, key=position)) for at, found in self._uses.items()},
            at_end=self.join([final, *ends]) if ends else final,
            everywhere=everywhere,
            outer={name: tuple(sorted(found, key=position)) for name, found in self._outer.items()},
            returns=returns,
            falls_through=falls_through,
            reached=frozenset(self._reached),
            declared=self._declared,
            before=self._before,
            nonlocal_writes=nonlocal_writes,
        )

    def start(self, parameters: tuple[Parameter, ...]) -> State:
        """The state at the head of a function."""
        return self._bound({}, [(parameter.name, Bound(parameter)) for parameter in parameters])

    def join(self, states: Sequence[State]) -> State:
        first, *rest = states
        merged = _flat(first)
        for state in rest:
            if state is first:
                continue
            for name, bindings in _flat(state).items():
                known = merged.get(name)
                if known is None:
                    merged[name] = bindings
                elif known is not bindings:
                    merged[name] = tuple(dict.fromkeys((*known, *bindings)))
        return merged

    def visit(self, statement: Statement, state: State) -> None:
        self._reached.add(statement.at)

    def suppresses(self, statement: With) -> bool | None:
        calls = [item.context_expr for item in statement.items if isinstance(item.context_expr, Call)]
        return None if any(last_name(call.function) == "suppress" for call in calls) else False

    def evaluate(self, expression: Expression, state: State) -> State:
        stack: list[Expression] = [expression]
        while stack:
            current = stack.pop()
            match current:
                case Name():
                    self._use(current, state)
                case NamedExpr():
                    inner = self.evaluate(current.value, state)
                    key = (current.at, current.target.id)
                    state = self._bound(inner, [self._once(key, Assigned(current.at, current.value))])
                case Comprehension():
                    state = self._comprehension(current, state)
                case Lambda():
                    self._before[current.at] = state
                    stack.extend(reversed(children(current)))
                case _:
                    stack.extend(reversed(children(current)))
        return state

    def bind(self, statement: Statement | ExceptHandler, state: State) -> State:
        match statement:
            case Assign():
                return self._assign(statement, state)
            case For():
                new = [(name, path) for name, path in targets(statement.target)]
                return self._bound(
                    state,
                    [
                        self._once((name.at, name.id), Iterated(name.at, statement.iterable, path, statement.is_async))
                        for name, path in new
                    ],
                )
            case With():
                return self._opened(statement, state)
            case ExceptHandler():
                if statement.name is None:
                    return state
                return self._bound(state, [self._once((statement.at, statement.name), Caught(statement))])
            case FunctionDef() | ClassDef() | DeferredDefinition():
                self._before[statement.at] = state
                return self._bound(state, [self._once((statement.at, statement.name), Defined(statement))])
            case Import() | ImportFrom():
                names = [(imported_as(statement, name), Imported(statement, name)) for name in statement.names]
                return self._bound(
                    state, [self._once((statement.at, f"{key} {b.name.name}"), b, key) for key, b in names]
                )
            case Match():
                captured = [name for case in statement.cases for name in case.names]
                return self._bound(state, [self._once((name.at, name.id), Changed(name.at)) for name in captured])
            case Delete():
                gone = {target.id for target in statement.targets if isinstance(target, Name)}
                return {name: bindings for name, bindings in state.items() if name not in gone} if gone else state
            case _:
                return state

    def _assign(self, statement: Assign, state: State) -> State:
        if statement.operator not in ("", "type"):
            for target in statement.targets:
                if isinstance(target, Name):
                    self._use(target, state)
                    state = self._bound(state, [self._once((target.at, target.id), Changed(target.at))])
            return state
        if statement.value is None:
            # A bare annotation gives no value, but it says what a class attribute or a later branch holds.
            for target in statement.targets:
                if isinstance(target, Name) and target.id not in state:
                    binding = Assigned(target.at, None, (), statement.annotation)
                    state = self._bound(state, [self._once((target.at, target.id), binding)])
            return state
        new = [
            self._once((name.at, name.id), Assigned(name.at, statement.value, path, statement.annotation))
            for target in statement.targets
            for name, path in targets(target)
        ]
        return self._bound(state, new)

    def _opened(self, statement: With, state: State) -> State:
        new = [
            self._once((name.at, name.id), Opened(name.at, statement, item.context_expr, path))
            for item in statement.items
            if item.target is not None
            for name, path in targets(item.target)
        ]
        return self._bound(state, new)

    def _comprehension(self, comprehension: Comprehension, state: State) -> State:
        inner = state
        for clause in comprehension.clauses:
            inner = self.evaluate(clause.iterable, inner)
            new = [
                self._once((name.at, name.id), Iterated(name.at, clause.iterable, path, clause.is_async))
                for name, path in targets(clause.target)
            ]
            inner = self._overlaid(inner, new)
            for condition in clause.conditions:
                inner = self.evaluate(condition, inner)
        self.evaluate(comprehension.element, inner)
        return state

    def _use(self, name: Name, state: State) -> None:
        bindings = state.get(name.id)
        if bindings is not None:
            self._uses.setdefault(name.at, {}).update(dict.fromkeys(bindings))

    def _once(self, key: tuple[int, str], binding: Binding, name: str | None = None) -> tuple[str, Binding]:
        """The name and the binding made for this place at an earlier visit, so that a loop's second round makes no
        second.
        """
        return (name or key[1], self._made.setdefault(key, binding))

    def _bound(self, state: State, new: Iterable[tuple[str, Binding]]) -> State:
        new = list(new)
        for name, binding in new:
            kept = self._outer if name in self._declared else self._everywhere
            kept.setdefault(name, {})[binding] = None
        return self._overlaid(state, new)

    @staticmethod
    def _overlaid(state: State, new: Iterable[tuple[str, Binding]]) -> State:
        changed = {name: (binding,) for name, binding in new}
        if isinstance(state, _Layer) or len(state) >= _MANY:
            return _layered(changed, state)
        return {**state, **changed}
