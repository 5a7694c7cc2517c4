"""A linter for FastAPI background tasks.

`lint_paths` and `lint_text` find, `Finding` is what they find, `Rule` is what looks for it. They are loaded when they
are first used, so that asking for the version costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true, and `typing` takes half of the time that the version needs
if TYPE_CHECKING:
    from fastapi_bgtask_lint.findings import Finding as Finding
    from fastapi_bgtask_lint.linter import lint_paths as lint_paths
    from fastapi_bgtask_lint.linter import lint_text as lint_text
    from fastapi_bgtask_lint.rules import Rule as Rule

__all__ = ["Finding", "Rule", "__version__", "lint_paths", "lint_text"]

__version__ = "0.1.0"

_ROOMS = {"Finding": "findings", "Rule": "rules", "lint_paths": "linter", "lint_text": "linter"}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value
