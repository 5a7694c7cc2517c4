"""The rules, one a file. A new file is found by its name; nothing else has to know of it."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastapi_bgtask_lint.reading.shelf import Shelf
from fastapi_bgtask_lint.rules.rule import Judgement, Rule
from fastapi_bgtask_lint.settings import Settings


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code. Raises what a rule's file raises: a rule that can't be loaded is no rule that found
    nothing.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("bgt"))
    return tuple(importlib.import_module(f"{__name__}.{name}").rule for name in names)


def check(
    project_root: Path, seeds: Sequence[Path], settings: Settings, overrides: Mapping[Path, bytes], shelf: Shelf
) -> Judgement:
    """Judges the registrations in some files of a project; what is read is put on the shelf."""
    from fastapi_bgtask_lint.rules.run import run

    return run(project_root, seeds, settings, overrides, shelf)


__all__ = ["Judgement", "Rule", "all_rules", "check"]
