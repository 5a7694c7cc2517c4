"""JSON for programs, format version 1.

Lines and columns count from 1 in code points, ends are exclusive, paths are relative to the working directory with `/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi_bgtask_lint.findings import Finding, Severity
from fastapi_bgtask_lint.reporting.report import Report

_VERSION = 1


def lines(report: Report) -> Iterator[str]:
    """The report's lines: one JSON object, in ASCII, so that no terminal or pipe can spoil it."""
    content: dict[str, Any] = {
        "version": _VERSION,
        "findings": [_finding(report, finding) for finding in report.findings],
        "summary": {
            "files": report.files,
            "findings": len(report.findings),
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
            "suppressed": report.suppressed,
            "problems": report.problems,
        },
    }
    if report.silenced:
        content["suppressed"] = [_finding(report, finding) for finding in report.silenced]
    if report.with_statistics:
        content["statistics"] = [
            {"count": count, "code": code, "name": name} for count, code, name in report.statistics()
        ]
    yield json.dumps(content, indent=2)


def _finding(report: Report, finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": report.relative(place.path),
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "related": [
            {
                "path": report.relative(related.place.path),
                "line": related.place.line,
                "column": related.place.column,
                "message": related.message,
            }
            for related in finding.related
        ],
    }
