"""`fastapi-bgtask-lint` and `python -m fastapi_bgtask_lint`: the command line."""

from __future__ import annotations

import sys

from fastapi_bgtask_lint import __version__


def main() -> int:
    """Runs the command and gives its exit status. The version is told before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"fastapi-bgtask-lint {__version__}\n")
        return 0
    from fastapi_bgtask_lint import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
