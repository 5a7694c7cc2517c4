"""The words in which 201 - 205 speak of what is handed over."""

from __future__ import annotations

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import EscapingResource
from fastapi_bgtask_lint.rules.rule import Rule, said
from fastapi_bgtask_lint.rules.wording import type_name

_EARLY = "its dependency has function scope, so it is closed before the response is sent"


def what(escaping: EscapingResource) -> str:
    """The value, by its class and the way that the task gets it."""
    name = f"the {type_name(escaping.value)}"
    return f"{name} that the task reads from {escaping.held_by}" if escaping.held_by else f"{name} handed to the task"


def ending(rule: Rule, escaping: EscapingResource, registration: Registration, app: Application) -> str:
    """What comes of it that the value ends with the request, on the versions that the project allows."""
    if escaping.ends_early:
        return _EARLY
    return said(rule.harms_on(app.versions.allowed_for(registration.module.path)))
