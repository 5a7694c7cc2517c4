"""The outcomes that are kept, one column for each version of FastAPI, and the page that shows them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fastapi

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
PAGE = FOLDER / "RESULTS.md"
VERSIONS = ("0.95.2", "0.105.0", "0.106.0", "0.115.14", "0.117.1", "0.118.0", "0.121.3")
NEWEST = "newest"
COLUMN = fastapi.__version__ if fastapi.__version__ in VERSIONS else NEWEST
"""The column of the installed version."""
WRITES = bool(os.environ.get("WRITE_PROOFS"))

Outcomes = dict[str, dict[str, str]]


def load() -> Outcomes:
    """Column to row to outcome."""
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}


def keep(row: str, outcome: str) -> None:
    """Holds an outcome against what is kept for the installed version, or keeps it."""
    outcomes = load()
    if WRITES:
        outcomes.setdefault(COLUMN, {})[row] = outcome
        RESULTS.write_text(json.dumps(outcomes, indent=1, sort_keys=True) + "\n", "utf-8")
        return
    assert outcomes.get(COLUMN, {}).get(row) == outcome, f"{row} on FastAPI {fastapi.__version__}: {outcome}"


def page(outcomes: Outcomes) -> str:
    """The outcomes as a page: the rules first, then the rows of what FastAPI does."""
    columns = [version for version in (*VERSIONS, NEWEST) if version in outcomes]
    rows = sorted({row for column in outcomes.values() for row in column})
    rules = [row for row in rows if row.startswith("BGT")]
    parts = [
        "# What the proofs saw",
        "Written by `nox -s generated` from what `nox -s proofs` saw on these versions of FastAPI.",
        "## Rules: the bad and the good example",
        _table(rules, columns, outcomes),
        "## What FastAPI and Starlette do",
        _table([row for row in rows if row not in rules], columns, outcomes),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[str], columns: list[str], outcomes: Outcomes) -> str:
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(outcomes[column].get(row, '') for column in columns)} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(load()), "utf-8")
