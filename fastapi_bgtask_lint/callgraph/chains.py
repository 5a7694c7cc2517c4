"""Chains of calls from a task to what it does: which part is the task's own, and how they are told."""

from __future__ import annotations

from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.reading.facts import Await, Call, Name
from fastapi_bgtask_lint.resolving.bindings import Bound
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.scopes import function_name
from fastapi_bgtask_lint.resolving.values import Context, Site


def own_part(evaluator: Evaluator, chain: tuple[Site, ...]) -> tuple[Site, ...]:
    """The chain from the task's own body on: without the wrappers, runners and decorators that call what they were
    given.
    """
    for index, site in enumerate(chain[:-1]):
        if not calls_parameter(evaluator, site):
            return chain[index:]
    return chain[-1:]


def calls_parameter(evaluator: Evaluator, site: Site) -> bool:
    """The call is of a function that was handed over: a parameter of the function or of one round it."""
    fact = site.fact.value if isinstance(site.fact, Await) else site.fact
    if not isinstance(fact, Call):
        return False
    escaping = [fact.function, *(argument.value for argument in fact.arguments)]
    return any(
        isinstance(part, Name) and _is_callable_parameter(evaluator, part, site.context) for part in escaping[:1]
    ) or (_runs_parameter(evaluator, fact, site.context))


def _runs_parameter(evaluator: Evaluator, call: Call, context: Context) -> bool:
    """`run_in_threadpool(function, ...)`, `function` a parameter."""
    if not call.arguments or not isinstance(call.arguments[0].value, Name):
        return False
    rows = [evaluator.table.row(getattr(value, "name", "")) for value in evaluator.evaluate(call.function, context)]
    runs = any(row is not None and row.runs for row in rows)
    return runs and _is_callable_parameter(evaluator, call.arguments[0].value, context)


def _is_callable_parameter(evaluator: Evaluator, name: Name, context: Context) -> bool:
    where: Context | None = context
    while where is not None:
        reaching = evaluator.reaching(where)
        bindings = reaching.at_use.get(name.at) if where is context else reaching.everywhere.get(name.id)
        if bindings:
            return all(isinstance(binding, Bound) for binding in bindings)
        where = where.parent
    return False


def related(hit: Hit, primary: Site, text: str) -> tuple[tuple[Site, str], ...]:
    """The calls between a primary place and the chain's end, and the end."""
    found = [(site, f"called in {function_name(site.context)}") for site in hit.chain[:-1] if site != primary]
    return (*found, (hit.site, text)) if hit.site != primary else tuple(found)
