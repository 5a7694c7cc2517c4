"""An SMTP server for trying things out: it delivers nothing and keeps every mail as a file, in the format Maildir."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from fastapi_bgtask_lint.reference_app.settings import settings


@contextmanager
def mail_catcher() -> Iterator[None]:
    """Catch mail in a thread of its own, so that the application's event loop has nothing to do with it."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    controller = Controller(Mailbox(settings.data_folder / "mail"), settings.host, settings.smtp_port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()
