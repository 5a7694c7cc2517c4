"""What routes take."""

from typing import Annotated

from pydantic import StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^\w+$", max_length=32)]
"""An id, or at least what a database can look for: PostgreSQL takes no NUL."""
