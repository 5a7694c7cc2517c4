"""Calls of which a setting of the deployment chooses the callee: `SENDERS[settings.mailer](text)`.

Each deployment runs one of the alternatives, so what one of them does counts only where each of them does the like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fastapi_bgtask_lint.callgraph.body import Edge, Part
from fastapi_bgtask_lint.callgraph.leaves import Alternative, Leaf, Side
from fastapi_bgtask_lint.reading.facts import Attribute, Call, Expression, Name, Subscript
from fastapi_bgtask_lint.resolving.bindings import Assigned
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import UNKNOWN, Context, Data, Instance, Value, Values

_READING = frozenset({"os.environ.get", "os.getenv"})
_ENVIRONMENT = "os.environ"


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Recognises such calls."""

    evaluator: Evaluator

    def callees(self, call: Call, context: Context) -> Values:
        """The callees of a call, where a setting chooses between them; none of another call."""
        function, where = self._assigned(call.function, context)
        match function:
            case Subscript(value=mapping, indices=(key,)):
                pass
            case Call(function=Attribute(value=mapping, attr="get"), arguments=(argument, *_)):
                key = argument.value
            case _:
                return ()
        if not self._is_mapping(mapping, where) or not self._is_setting(*self._assigned(key, where)):
            return ()
        found = self.evaluator.evaluate(function, where)
        return found if len(found) > 1 and UNKNOWN not in found else ()

    def _assigned(self, expression: Expression, context: Context) -> tuple[Expression, Context]:
        """What a name was assigned, where that is one expression."""
        found = self.evaluator.lookup(expression, context) if isinstance(expression, Name) else None
        binding = found.bindings[0] if found is not None and len(found.bindings) == 1 else None
        if found is None or not isinstance(binding, Assigned) or binding.value is None or binding.path:
            return expression, context
        return binding.value, found.context

    def _is_mapping(self, mapping: Expression, context: Context) -> bool:
        """A dict of which all items are known."""
        values = self.evaluator.evaluate(mapping, context)
        return len(values) == 1 and _has_known_keys(values[0])

    def _is_setting(self, key: Expression, context: Context) -> bool:
        """A field of the settings, or a variable of the environment."""
        match key:
            case Attribute():
                owners = self.evaluator.evaluate(key.value, context)
                return bool(owners) and all(
                    isinstance(owner, Instance) and self.evaluator.classes.is_settings(owner.cls) for owner in owners
                )
            case Call():
                return self._names(key.function, context) <= _READING
            case Subscript():
                return self._names(key.value, context) == {_ENVIRONMENT}
            case _:
                return False

    def _names(self, expression: Expression, context: Context) -> set[str]:
        values = self.evaluator.evaluate(expression, context)
        return {str(getattr(value, "name", getattr(value, "type", ""))) for value in values} or {""}


def _has_known_keys(value: Value) -> bool:
    return isinstance(value, Data) and value.type == "dict" and all(key != "*" for key, _ in value.items)


def beside_each_other(alternatives: Sequence[Sequence[Part]]) -> Iterator[Part]:
    """The parts of alternatives, each with what has to be found in the others for it to count."""
    kept = [_alternative(parts) for parts in alternatives]
    for index, parts in enumerate(alternatives):
        others = tuple(dict.fromkeys(other for place, other in enumerate(kept) if place != index))
        for part in parts:
            yield replace(part, others=others)


def _alternative(parts: Sequence[Part]) -> Alternative:
    categories = frozenset(part.category for part in parts if isinstance(part, Leaf))
    edges = (part for part in parts if isinstance(part, Edge) and part.side is not Side.LATER)
    return Alternative(categories, tuple(dict.fromkeys(edge.context for edge in edges)))
