"""Responses that the project builds, and the background that each carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.registrations.task_scopes import scopes_of_tasks
from fastapi_bgtask_lint.framework.types import is_background_task, is_background_tasks, is_response
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Call,
    ClassDef,
    Expression,
    FunctionDef,
    Name,
    Return,
)
from fastapi_bgtask_lint.reading.traversal import expressions, statements, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
    UNKNOWN,
    Class,
    Context,
    External,
    ExternalInstance,
    FromCall,
    Instance,
    Literal,
    Site,
    Value,
    Values,
    known,
)

_POSITIONS = {
    "RedirectResponse": 3,
    "FileResponse": 3,
    "Response": 4,
    "HTMLResponse": 4,
    "PlainTextResponse": 4,
    "JSONResponse": 4,
    "StreamingResponse": 4,
}
"""Where `background` stands among the positional arguments (FastAPI 0.165, Starlette 1.10)."""


@dataclass(frozen=True, slots=True)
class Responses:
    """Reads the responses of a project."""

    evaluator: Evaluator

    def backgrounds(self, module: Module) -> Iterator[tuple[Site, Values]]:
        """The backgrounds of all responses that are built in a module, and what each can be."""
        for context in scopes_of_tasks(self.evaluator, module):
            for _, call in calls(context):
                background = self._background(call, context)
                if background is not None:
                    yield Site(context, background), self.evaluator.evaluate(background, context)

    def _background(self, call: Call, context: Context) -> Expression | None:
        """The `background` of a call that builds a response."""
        named = next((a.value for a in call.arguments if a.keyword == "background"), None)
        if named is None and (len(call.arguments) <= min(_POSITIONS.values()) or not _named_response(call)):
            return None
        values = self.evaluator.evaluate(call, context)
        if not known(values) or not all(is_response(self.evaluator, value) for value in values):
            return None
        if named is not None or any(a.star for a in call.arguments):
            return named
        type_name = values[0].type if isinstance(values[0], ExternalInstance) else ""
        position = _POSITIONS.get(type_name.rpartition(".")[2])
        positional = [a.value for a in call.arguments if a.keyword is None]
        return positional[position] if position is not None and position < len(positional) else None

    def other_background(self, statement: Return, context: Context, mine: Values) -> Site | None:
        """The background of the returned response, where it is surely another than these tasks."""
        if statement.value is None:
            return None
        responses = self.evaluator.evaluate(statement.value, context)
        if not known(responses) or not all(is_response(self.evaluator, value) for value in responses):
            return None
        sites = [self._other(value, context, mine) for value in responses]
        found = [site for site in sites if site is not None]
        return found[0] if len(found) == len(sites) and found else None

    def _other(self, response: Value, context: Context, mine: Values) -> Site | None:
        if not isinstance(response, ExternalInstance | Instance) or not isinstance(response.origin, FromCall):
            return None
        site = response.origin.site
        if not isinstance(site.fact, Call):
            return None
        assigned = self._assigned_later(response, context)
        background = assigned if assigned is not None else self._background(site.fact, site.context)
        where = context if assigned is not None else site.context
        if background is None or not self._is_other(background, where, mine):
            return None
        return Site(where, background)

    def _assigned_later(self, response: Value, context: Context) -> Expression | None:
        scope = context.scope
        if not isinstance(scope, FunctionDef):
            return None
        for statement in statements(scope.body):
            target = statement.targets[0] if isinstance(statement, Assign) else None
            if not isinstance(statement, Assign) or not isinstance(target, Attribute) or target.attr != "background":
                continue
            if response in self.evaluator.evaluate(target.value, context):
                return statement.value
        return None

    def _is_other(self, background: Expression, context: Context, mine: Values) -> bool:
        values = self.evaluator.evaluate(background, context)
        if not known(values) or any(isinstance(value, Literal) for value in values):
            return False
        if not all(self._is_made_task(value) for value in values):
            return False
        return not self._mentions(values, background, context, mine)

    def _is_made_task(self, value: Value) -> bool:
        """A parameter that is annotated as a task may be None all the same, by its default."""
        made = isinstance(value, ExternalInstance | Instance) and isinstance(value.origin, FromCall)
        return made and self._is_task(value)

    def _is_task(self, value: Value) -> bool:
        return is_background_task(self.evaluator, value) or is_background_tasks(self.evaluator, value) is True

    def _mentions(self, values: Values, background: Expression, context: Context, mine: Values) -> bool:
        """The injected tasks are, or are part of, the background."""
        if set(values) & set(mine):
            return True
        made = [
            v.origin.site
            for v in values
            if isinstance(v, ExternalInstance | Instance) and isinstance(v.origin, FromCall)
        ]
        parts = [(background, context), *((site.fact, site.context) for site in made)]
        for expression, where in parts:
            for found in walk(expression):  # type: ignore[arg-type]
                if isinstance(found, Name) and set(self.evaluator.evaluate(found, where)) & set(mine):
                    return True
        return self._merged(values, context, mine)

    def _merged(self, values: Values, context: Context, mine: Values) -> bool:
        """The function reads the tasks of the injected object elsewhere: it may merge the two by hand."""
        for _, call in calls(context):
            for argument in call.arguments:
                if any(
                    isinstance(found, Name) and set(self.evaluator.evaluate(found, context)) & set(mine)
                    for found in walk(argument.value)
                ):
                    return True
        return False

    # --- route classes ------------------------------------------------------------------------------------------------

    def replaced_by_routes(self, module: Module) -> Iterator[Site]:
        """Where an `APIRoute` of the project sets the background of the original handler's response, the old one
        unread.
        """
        for context in scopes_of_tasks(self.evaluator, module):
            if not self._in_route_class(context):
                continue
            scope = context.scope
            assert isinstance(scope, FunctionDef)
            if _reads_background(scope):
                continue
            for statement in statements(scope.body):
                if not isinstance(statement, Assign) or not self._sets_background(statement):
                    continue
                if self._builds_task(statement, context):
                    yield Site(context, statement)

    @staticmethod
    def _sets_background(statement: Assign) -> bool:
        target = statement.targets[0]
        return isinstance(target, Attribute) and target.attr == "background"

    def _builds_task(self, statement: Assign, context: Context) -> bool:
        values = self.evaluator.evaluate(statement.value, context) if statement.value is not None else (UNKNOWN,)
        return known(values) and all(self._is_task(value) for value in values)

    def _in_route_class(self, context: Context) -> bool:
        """The function is nested in `get_route_handler` of a class that derives from FastAPI's APIRoute."""
        outer = context.parent
        while outer is not None and not isinstance(outer.scope, ClassDef):
            if isinstance(outer.scope, FunctionDef) and outer.scope.name == "get_route_handler":
                owner = outer.parent
                if owner is None or not isinstance(owner.scope, ClassDef) or owner.parent is None:
                    return False
                cls = Class(owner.scope, owner.module, owner.parent)
                bases = self.evaluator.classes.external_bases(cls)
                return any(isinstance(base, External) and base.name.endswith("APIRoute") for base in bases)
            outer = outer.parent
        return False


def _named_response(call: Call) -> bool:
    """The call's name says that it builds a response: only then are its positional arguments looked at."""
    name = call.function.attr if isinstance(call.function, Attribute) else getattr(call.function, "id", "")
    return name.endswith("Response")


def _reads_background(definition: FunctionDef) -> bool:
    """`.background` is read anywhere in the function, not only set."""
    for statement in statements(definition.body):
        targets = statement.targets if isinstance(statement, Assign) else ()
        for top in expressions(statement):
            if any(isinstance(f, Attribute) and f.attr == "background" and f not in targets for f in walk(top)):
                return True
    return False
