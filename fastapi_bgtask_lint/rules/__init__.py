"""The rules, one a file. A new file is found by its name; nothing else has to know of it."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from fastapi_bgtask_lint.rules.rule import Rule


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code. Raises what a rule's file raises: a rule that can't be loaded is no rule that found
    nothing.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("bgt"))
    return tuple(importlib.import_module(f"{__name__}.{name}").rule for name in names)


__all__ = ["Rule", "all_rules"]
