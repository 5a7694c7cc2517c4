"""Start the application: `python -m fastapi_bgtask_lint.reference_app`."""

import logging
from contextlib import nullcontext


def main() -> None:
    """Serve until SIGTERM or Ctrl-C, then give running tasks their time."""
    # Imported here: the processes that count words import this file, and need none of it.
    import uvicorn

    from fastapi_bgtask_lint.reference_app.catcher import mail_catcher
    from fastapi_bgtask_lint.reference_app.settings import settings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    with mail_catcher() if settings.catches_mail else nullcontext():
        uvicorn.run(
            "fastapi_bgtask_lint.reference_app.application:app",
            host=settings.host,
            port=settings.port,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )


if __name__ == "__main__":
    main()
