"""How long a library's call may wait: by its arguments, by its client, by the library's default."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fastapi_bgtask_lint.knowledge import ByArgument, Row
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    Literal,
    Site,
    Value,
    Values,
)


class Timing(enum.Enum):
    """What bounds a wait, on its own."""

    NO_WAIT = "no wait"
    BOUNDED = "bounded"
    UNBOUNDED = "unbounded"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class WaitBound:
    """What bounds a wait, and the construction of the client that says so."""

    timing: Timing
    client: Site | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Reads timeouts."""

    evaluator: Evaluator

    def bound(self, row: Row | None, arguments: tuple[CallArgument, ...], receiver: Value | None) -> WaitBound:
        """What bounds a call of this row with these arguments, on this object."""
        if row is None or not row.waits or (row.by_argument is not None and _does_not_wait(row.by_argument, arguments)):
            return WaitBound(Timing.NO_WAIT)
        stated = self._stated(row, arguments)
        if stated is not None:
            return WaitBound(stated)
        if row.governed == "client":
            return self._by_client(receiver, row)
        return WaitBound(_by_default(row))

    def _stated(self, row: Row, arguments: tuple[CallArgument, ...]) -> Timing | None:
        """What the timeout argument says; None when it is not given."""
        if any(argument.star for argument in arguments):
            return Timing.UNKNOWN
        argument = _argument(row.timeout, row.position, arguments)
        if argument is None:
            return None
        return self._judged(argument.values, row)

    def _judged(self, values: Values, row: Row) -> Timing:
        if not values:
            return Timing.UNKNOWN
        verdicts = {self._is_unbounded(value, row) for value in values}
        if verdicts == {True}:
            return Timing.DISABLED
        return Timing.BOUNDED if verdicts == {False} else Timing.UNKNOWN

    def _is_unbounded(self, value: Value, row: Row) -> bool | None:
        if isinstance(value, Literal):
            return str(value.value) in row.unbounded_words
        if isinstance(value, ExternalInstance) and isinstance(value.origin, FromCall):
            return self._is_unbounded_object(value, row)
        return False if isinstance(value, Data) else None

    def _is_unbounded_object(self, value: ExternalInstance, row: Row) -> bool | None:
        """`httpx.Timeout(None)`, `aiohttp.ClientTimeout(total=None)`."""
        assert isinstance(value.origin, FromCall)
        site = value.origin.site
        inner = self.evaluator.table.row(value.type)
        if not isinstance(site.fact, Call) or inner is None or inner.timeout is None:
            return None
        arguments = self.evaluator.calls.evaluated_arguments(site.fact, site.context)
        stated = self._stated(inner, arguments)
        if stated is None:
            return inner.default == "none"
        return {Timing.DISABLED: True, Timing.BOUNDED: False}.get(stated)

    def _by_client(self, receiver: Value | None, row: Row) -> WaitBound:
        """What the construction of the client says."""
        origin = getattr(receiver, "origin", None)
        made = self._construction(
            receiver, origin.site if isinstance(origin, FromCall) else getattr(origin, "site", None)
        )
        if made is None:
            return WaitBound(Timing.UNKNOWN)
        constructor, arguments, site = made
        if constructor.timeout is None:
            return WaitBound(_by_default(row), site)
        stated = self._stated(constructor, arguments)
        if stated is not None:
            return WaitBound(stated, site)
        return WaitBound(_by_default(constructor) if constructor.default is not None else _by_default(row), site)

    def _construction(
        self, receiver: Value | None, site: Site | None
    ) -> tuple[Row, tuple[CallArgument, ...], Site] | None:
        """The row and the arguments of the call that made an object; through `with client as c` too."""
        if site is None or not isinstance(receiver, ExternalInstance) or not isinstance(site.fact, Call):
            return self._entered_construction(site)
        for callee in self.evaluator.evaluate(site.fact.function, site.context):
            name = callee.name if isinstance(callee, External) else ""
            name = callee.qualified if isinstance(callee, ExternalMethod) else name
            row = self.evaluator.table.row(name) if name else None
            if row is not None:
                return row, self.evaluator.calls.evaluated_arguments(site.fact, site.context), site
        return None

    def _entered_construction(self, site: Site | None) -> tuple[Row, tuple[CallArgument, ...], Site] | None:
        """The construction behind the context of a `with`."""
        if site is None:
            return None
        for value in self.evaluator.evaluate(site.fact, site.context):  # type: ignore[arg-type]
            if isinstance(value, ExternalInstance) and isinstance(value.origin, FromCall):
                return self._construction(value, value.origin.site)
        return None


def _argument(name: str | None, position: int | None, arguments: tuple[CallArgument, ...]) -> CallArgument | None:
    if name is None:
        return None
    named = next((argument for argument in arguments if argument.keyword == name), None)
    if named is not None:
        return named
    positional = [argument for argument in arguments if argument.keyword is None]
    return positional[position] if position is not None and position < len(positional) else None


def _does_not_wait(rule: ByArgument, arguments: tuple[CallArgument, ...]) -> bool:
    argument = _argument(rule.argument, rule.position, arguments)
    return argument is not None and any(
        isinstance(value, Literal) and value.value == rule.value for value in argument.values
    )


def _by_default(row: Row) -> Timing:
    if row.default is None:
        return Timing.UNKNOWN
    return Timing.UNBOUNDED if row.default == "none" else Timing.BOUNDED
