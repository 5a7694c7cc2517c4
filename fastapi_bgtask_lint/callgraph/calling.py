"""What one call makes happen: edges to functions of the project, leaves for libraries, runners seen through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fastapi_bgtask_lint.callgraph.body import CallPlace, Edge, Part
from fastapi_bgtask_lint.callgraph.covers import EVERYTHING, NOTHING, Cover, Covers
from fastapi_bgtask_lint.callgraph.import_time import ImportTime
from fastapi_bgtask_lint.callgraph.leaves import Leaf, LeafKind, Side
from fastapi_bgtask_lint.callgraph.library_calls import LibraryCalls
from fastapi_bgtask_lint.callgraph.managers import configured_cover, sets_deadline
from fastapi_bgtask_lint.callgraph.targets import unwrapped
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import Call, FunctionDef
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import offloaded_callable
from fastapi_bgtask_lint.resolving.rows import qualified_name, row_of
from fastapi_bgtask_lint.resolving.signatures import mismatch
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    Class,
    Coroutine,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    Function,
    Generator,
    Instance,
    Literal,
    Partial,
    Site,
    Value,
    Values,
)

AWAITING = frozenset({"await", "loop", "new-loop"})
"""Runners that take coroutines."""
_COLLECTIONS = frozenset({"list", "tuple", "generator", "set"})


@dataclass(frozen=True, slots=True)
class Runner:
    """A call of a library that runs what it is given: `gather(...)`, `run_in_threadpool(f, x)`."""

    callee: Value
    row: Row
    arguments: tuple[CallArgument, ...]
    site: Site

    @property
    def takes_coroutines(self) -> bool:
        """It runs coroutines; else callables."""
        return self.row.runs in AWAITING

    @property
    def side(self) -> Side:
        """Where it runs them."""
        if self.row.runs == "schedule" or self.row.detached:
            return Side.LATER
        return {"thread": Side.THREAD, "new-loop": Side.NEW_LOOP}.get(self.row.runs or "", Side.HERE)

    @property
    def cover(self) -> Cover:
        """What it does for what it runs."""
        caught = EVERYTHING if _collects_exceptions(self.arguments) else NOTHING
        return Cover(self.site.fact, caught, sets_deadline(self.row, self.arguments))


@dataclass(frozen=True, slots=True)
class Calling:
    """Reads calls. The expressions inside them are read by `expressions`."""

    evaluator: Evaluator
    library: LibraryCalls
    import_time: ImportTime

    def runner(self, call: Call, site: Site) -> Runner | None:
        """The call as one of a runner."""
        for callee in self.evaluator.evaluate(call.function, site.context):
            row = row_of(self.evaluator, callee)
            if row is not None and row.runs and not row.wraps:
                return Runner(callee, row, self.evaluator.calls.evaluated_arguments(call, site.context), site)
        return None

    # --- plain calls --------------------------------------------------------------------------------------------------

    def parts(self, callees: Values, arguments: tuple[CallArgument, ...], place: CallPlace) -> Iterator[Part]:
        """What calling any of these does; nothing where the arguments do not fit."""
        for callee, given in unwrapped(self.evaluator, callees, arguments):
            if mismatch(callee, given) is None:
                yield from self._called(callee, given, place)

    def _called(self, callee: Value, arguments: tuple[CallArgument, ...], place: CallPlace) -> Iterator[Part]:
        match callee:
            case Function() if self._is_configured(callee):
                yield from self.library.leaves(callee, arguments, place)
            case Function():
                yield from self._entered(callee, arguments, place)
            case Class():
                initialisers = self.evaluator.classes.method(callee, "__init__", (Instance(callee),))
                yield from self.parts(initialisers, arguments, replace(place, awaited=False))
            case ExternalInstance():
                yield from self._wrapped(callee, arguments, place)
                yield from self.library.leaves(callee, arguments, place)
            case External() | ExternalMethod():
                yield from self.library.leaves(callee, arguments, place)

    def _is_configured(self, callee: Function) -> bool:
        """The configuration says what calling the function does, so that its body does not matter."""
        row = row_of(self.evaluator, callee)
        return row is not None and row.decorator is None

    def _entered(self, function: Function, arguments: tuple[CallArgument, ...], place: CallPlace) -> Iterator[Edge]:
        """A function is called. Calling a coroutine or generator function only makes an object that runs it later."""
        definition = function.definition
        makes_object = isinstance(definition, FunctionDef) and (definition.is_async or definition.is_generator)
        if (makes_object and place.awaited) or self.import_time.has_computed(function, arguments, place.site):
            return
        context = self.evaluator.calls.enter(function, arguments, place.site)
        side = Side.LATER if makes_object else place.side
        decorators = configured_cover(self.evaluator, function.configured)
        yield Edge(function, context, place.site, arguments, side, False, place.covers, decorators)

    def _wrapped(
        self, callee: ExternalInstance, arguments: tuple[CallArgument, ...], place: CallPlace
    ) -> Iterator[Part]:
        """What an object does that runs what it was made of: `async_to_sync(f)(x)`, `sync_to_async(f)(x)`."""
        found = self.evaluator.calls.library.wrapped(callee)
        if found is None:
            return
        row, functions = found
        name = f"{callee.type}.__call__"
        yield Leaf(
            LeafKind.CALL, name, place.site, row=row, awaited=place.awaited, side=place.side, covers=place.covers
        )
        if row.runs == "new-loop":
            made = self.evaluator.calls.call(functions, arguments, place.site)
            yield from self.awaited(made, replace(place, side=Side.NEW_LOOP))
            return
        yield from self.parts(functions, arguments, replace(place, side=Side.THREAD, awaited=False))

    # --- coroutines ---------------------------------------------------------------------------------------------------

    def awaited(self, values: Values, place: CallPlace) -> Iterator[Edge]:
        """The coroutines among the values run here."""
        for value in values:
            if isinstance(value, Coroutine):
                if self._fits(value, place.site):
                    decorators = configured_cover(self.evaluator, value.function.configured)
                    yield Edge(
                        value.function, value.context, place.site, (), place.side, True, place.covers, decorators
                    )
            elif isinstance(value, Data) and value.type in _COLLECTIONS:
                yield from self.awaited(tuple(v for _, found in value.items for v in found), place)

    def _fits(self, coroutine: Coroutine, site: Site) -> bool:
        """The coroutine is not made by the call at this place with arguments that do not fit."""
        if not isinstance(site.fact, Call):
            return True
        callees = self.evaluator.evaluate(site.fact.function, site.context)
        arguments = self.evaluator.calls.evaluated_arguments(site.fact, site.context)
        for callee, given in unwrapped(self.evaluator, callees, arguments):
            if callee == coroutine.function:
                return mismatch(callee, given) is None
        return True

    def iterated(self, values: Values, place: CallPlace) -> Iterator[Edge]:
        """The generators among the values run here."""
        for value in values:
            if isinstance(value, Generator):
                yield Edge(value.function, value.context, place.site, covers=place.covers)

    # --- runners ------------------------------------------------------------------------------------------------------

    def run(self, runner: Runner, covers: Covers) -> Iterator[Part]:
        """What a runner makes run, on which side; `covers` are those inside it."""
        place = CallPlace(runner.site, covers, False, runner.side)
        found = self._run_coroutines(runner, place) if runner.takes_coroutines else self._run_callable(runner, place)
        for part in found:
            if isinstance(part, Edge) or runner.side is not Side.LATER:
                yield part

    def _run_coroutines(self, runner: Runner, place: CallPlace) -> Iterator[Edge]:
        row, context = runner.row, runner.site.context
        first, rest = offloaded_callable(row, runner.arguments)
        several = [argument for argument in runner.arguments if argument.keyword is None]
        for target in several if row.runs_argument == "*" else [first]:
            if target is None:
                continue
            site = Site(context, target.expression) if isinstance(target.expression, Call) else runner.site
            # `anyio.run` takes the function where others take its coroutine.
            functions = tuple(value for value in target.values if isinstance(value, Function | Partial))
            made = self.evaluator.calls.call(functions, rest, site)
            yield from self.awaited((*target.values, *made), replace(place, site=site))

    def _run_callable(self, runner: Runner, place: CallPlace) -> Iterator[Part]:
        target, rest = offloaded_callable(runner.row, runner.arguments)
        if target is None or runner.row.runs == "process":
            return
        if runner.row.forwards:
            yield from self.parts(target.values, rest, place)
            return
        for callee, arguments in unwrapped(self.evaluator, target.values, ()):
            yield from self._called(callee, arguments, place)

    def runner_leaves(self, runner: Runner, place: CallPlace) -> Iterator[Leaf]:
        """The runner's call itself, and the deadline that it sets."""
        if runner.cover.bounds and runner.row.deadline_raises:
            name = self.evaluator.table.canonical(qualified_name(runner.callee))
            yield Leaf(LeafKind.DEADLINE, name, place.site, fallible=True, covers=place.covers)
        yield self.library.runner(runner.callee, runner.row, runner.arguments, place)


def _collects_exceptions(arguments: tuple[CallArgument, ...]) -> bool:
    """`gather(..., return_exceptions=True)`"""
    return any(
        argument.keyword == "return_exceptions"
        and any(isinstance(value, Literal) and value.value is True for value in argument.values)
        for argument in arguments
    )
