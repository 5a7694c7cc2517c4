"""No key of the table of libraries is idle: some row has it, and the linter reads it when it checks code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fastapi_bgtask_lint import lint_paths
from fastapi_bgtask_lint.knowledge import Row, TypeRow, load
from fastapi_bgtask_lint.linter import Caching
from fastapi_bgtask_lint.settings import Settings

FIXTURES = Path(__file__).parent.parent / "fixtures"
TABLE = load()
TYPES = tuple(TABLE.types.values())
ROWS = (*TABLE.rows.values(), *(kind.methods_default for kind in TYPES if kind.methods_default is not None))
IDENTITY = {"names", "of"}
"""They say which callables a row is about, which the loader reads."""

EACH = pytest.mark.parametrize(
    ("struct", "key"), [(struct, field.name) for struct in (Row, TypeRow) for field in msgspec.structs.fields(struct)]
)


@pytest.fixture(scope="module")
def read() -> set[tuple[type, str]]:
    """The keys that are read while all fixtures are checked."""
    seen: set[tuple[type, str]] = set()

    def recording(self: object, name: str) -> Any:  # noqa: ANN401
        seen.add((type(self), name))
        return object.__getattribute__(self, name)

    with pytest.MonkeyPatch.context() as patch:
        for struct in (Row, TypeRow):
            patch.setattr(struct, "__getattribute__", recording, raising=False)
        lint_paths([FIXTURES], Settings(pedantic=True), caching=Caching.OFF)
    return seen


@EACH
def test_key_is_read_by_the_linter(struct: type, key: str, read: set[tuple[type, str]]) -> None:
    assert (struct, key) in read or key in IDENTITY


@EACH
def test_key_is_used_by_a_row(struct: type[msgspec.Struct], key: str) -> None:
    field = next(field for field in msgspec.structs.fields(struct) if field.name == key)
    default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    rows = ROWS if struct is Row else TYPES
    assert any(getattr(row, key) != default for row in rows)
