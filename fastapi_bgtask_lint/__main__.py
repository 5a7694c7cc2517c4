"""`fastapi-bgtask-lint` and `python -m fastapi_bgtask_lint`: the command line."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from fastapi_bgtask_lint import __version__


def main() -> int:
    """Runs the command and gives its exit status. The version is told before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"fastapi-bgtask-lint {__version__}\n")
        return 0
    from fastapi_bgtask_lint import cli

    return _leave(cli.main())


def _leave(status: int) -> NoReturn:
    """Ends the process without taking its objects apart one by one, which takes a second after a large project."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
