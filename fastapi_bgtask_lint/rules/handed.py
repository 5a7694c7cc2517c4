"""The words in which 201 - 205 speak of what is handed over."""

from __future__ import annotations

from fastapi_bgtask_lint.framework.lifetimes import Handed
from fastapi_bgtask_lint.framework.registrations import Registration
from fastapi_bgtask_lint.rules.application import Application
from fastapi_bgtask_lint.rules.names import type_name
from fastapi_bgtask_lint.rules.rule import Rule, said

_EARLY = "its dependency has function scope, so it is closed before the response is sent"


def what(handed: Handed) -> str:
    """The value, by its class and the way that the task gets it."""
    name = f"the {type_name(handed.value)}"
    return f"{name} that the task reads from {handed.held_by}" if handed.held_by else f"{name} handed to the task"


def ending(rule: Rule, handed: Handed, registration: Registration, app: Application) -> str:
    """What comes of it that the value ends with the request, on the versions that the project allows."""
    if handed.ends_early:
        return _EARLY
    return said(rule.harms_on(app.versions.of(registration.module.path)))
