"""Parameters for BackgroundTasks, and which of them FastAPI can't inject."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.framework.types import builds_task, builds_tasks
from fastapi_bgtask_lint.reading.facts import Call, Expression, Operation, Parameter
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.ordering import union
from fastapi_bgtask_lint.resolving.values import Alias, Context, FromCall, Site, Values

_NO_START = "the application does not start"
_OPTIONAL = frozenset({"Optional", "Union"})


def problem(parameter: Parameter, context: Context, evaluator: Evaluator) -> str | None:
    """Why FastAPI does not start with an annotated parameter that is meant to be injected; None when it does."""
    outside = context.parent or context
    if parameter.annotation is None:
        return None
    if _is_optional(parameter.annotation, outside, evaluator):
        return f"with None as an alternative {_NO_START}"
    types = _bare(evaluator.evaluate(parameter.annotation, outside), evaluator)
    if types and all(builds_task(evaluator, value) for value in types):
        return f"with the singular BackgroundTask {_NO_START}"
    if (
        types
        and all(builds_tasks(evaluator, value) for value in types)
        and depends_on_class(parameter, context, evaluator)
    ):
        return f"with Depends {_NO_START}"
    return None


def _is_optional(annotation: Expression, context: Context, evaluator: Evaluator) -> bool:
    """`BackgroundTasks | None`, `Optional[BackgroundTasks]`, `Union[BackgroundTasks, None]`."""
    parts: tuple[Expression, ...] = ()
    if isinstance(annotation, Operation) and annotation.operator == "|":
        parts = annotation.operands
    for value in evaluator.evaluate(annotation, context):
        if not isinstance(value, Alias):
            continue
        last = value.base.rpartition(".")[2]
        if last == "Annotated" and _is_optional(value.expression.indices[0], value.context, evaluator):
            return True
        if last in _OPTIONAL:
            parts, context = value.expression.indices, value.context
    return any(builds_tasks(evaluator, value) for part in parts for value in evaluator.evaluate(part, context))


def _bare(types: Values, evaluator: Evaluator) -> Values:
    """The types without `Annotated` round them."""
    found: Values = ()
    for value in types:
        if isinstance(value, Alias) and value.base.rpartition(".")[2] == "Annotated":
            found = union(found, evaluator.evaluate(value.expression.indices[0], value.context))
        else:
            found = union(found, (value,))
    return found


def depends_on_class(parameter: Parameter, context: Context, evaluator: Evaluator) -> bool:
    """`= Depends()` or `= Depends(BackgroundTasks)`."""
    for call in _markers(parameter, context, evaluator):
        arguments = [argument.value for argument in call.fact.arguments[:1]] if isinstance(call.fact, Call) else []
        named = [value for argument in arguments for value in evaluator.evaluate(argument, call.context)]
        if not arguments or (named and all(builds_tasks(evaluator, value) for value in named)):
            return True
    return False


def _markers(parameter: Parameter, context: Context, evaluator: Evaluator) -> Iterator[Site]:
    for marker in evaluator.annotations.markers(parameter, context):
        if isinstance(marker.origin, FromCall):
            yield marker.origin.site
