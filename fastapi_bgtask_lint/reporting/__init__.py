"""Findings out: one file a format. A format takes a report and gives text; it chooses and counts nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fastapi_bgtask_lint.reporting import concise, machine, text
from fastapi_bgtask_lint.reporting.palette import palette_for
from fastapi_bgtask_lint.reporting.report import Report

FORMATS: Mapping[str, Callable[[Report], Iterator[str]]] = {
    "text": text.lines,
    "concise": concise.lines,
    "json": machine.lines,
}
"""The formats by the name that the command line gives them. Each yields lines without their ends."""

__all__ = ["FORMATS", "Report", "palette_for"]
