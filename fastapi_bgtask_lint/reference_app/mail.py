"""Mail over SMTP, on the event loop and with a deadline."""

from contextlib import suppress
from email.message import EmailMessage
from email.utils import localtime

import aiosmtplib

from fastapi_bgtask_lint.reference_app.settings import settings


async def send_mail(to: str, subject: str, text: str, *, key: str) -> None:
    """Send a mail.

    Parameters
    ----------
    key
        The same for the same mail: a task that died between sending and noting it sends it again, and a mail program
        that sees the message's id twice shows it once.

    Raises
    ------
    aiosmtplib.SMTPException, OSError
        The server did not take it.
    """
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Date"] = localtime()
    message["Subject"] = subject
    message["Message-ID"] = f"<{key}@{settings.mail_from.partition('@')[2]}>"
    message.set_content(text)
    server = aiosmtplib.SMTP(
        hostname=settings.smtp_host or settings.host,
        port=settings.smtp_port,
        username=settings.smtp_user,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        timeout=settings.smtp_seconds,
    )
    try:
        await server.connect()
        await server.send_message(message)
        with suppress(aiosmtplib.SMTPException):  # the mail is taken, whatever comes of the farewell
            await server.quit()
    finally:
        # Not `async with`: that takes leave of the server even when cancelled, and a slow one holds up the shutdown.
        server.close()


def is_temporary(error: Exception) -> bool:
    """Whether the same mail may be taken later: no answer, or an answer that says "not now" (4xx)."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return all(is_temporary(refused) for refused in error.recipients)
        case aiosmtplib.SMTPResponseException():
            return 400 <= error.code < 500
        case _:
            return isinstance(error, OSError)
