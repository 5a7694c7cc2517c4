"""What can be set, all by environment variables of the same names in upper case. Times are seconds, sizes bytes."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import URL, make_url


class Settings(BaseSettings):
    """The defaults need no other service."""

    host: str = "127.0.0.1"
    port: int = 8000
    data_folder: Annotated[Path, AfterValidator(Path.resolve)] = Path("reference-data").resolve()

    database_url: str = ""
    """PostgreSQL, as in `postgresql://user:password@host/name`. Without it: an SQLite file in the data folder."""
    database_seconds: float = Field(default=5, gt=0)
    """How long a request waits for a connection, a lock or an answer before it is answered 503."""

    smtp_host: str = ""
    """Without it the mail goes to a catcher that the application starts itself."""
    smtp_port: int = 8025
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_seconds: float = Field(default=10, gt=0)
    mail_from: str = "app@example.com"
    staff: str = "staff@example.com"

    redis_url: str = ""
    """Where tasks are queued for the workers. Without it they run in the process that registered them."""

    upload_limit: int = 10_000_000
    shard_size: int = 1_000_000
    shards_at_once: int = Field(default=2, gt=0)
    shard_seconds: float = Field(default=20, gt=0)

    recovery_seconds: float = Field(default=15, gt=0)
    """The time between two looks for tasks that were left undone."""
    shutdown_seconds: int = Field(default=10, gt=0)
    """How long running tasks may go on when the process is asked to stop; then they are cancelled."""

    @property
    def database(self) -> URL:
        """The database with the driver that asyncio needs."""
        if not self.database_url:
            return URL.create("sqlite+aiosqlite", database=str(self.data_folder / "reference.sqlite3"))
        url = make_url(self.database_url)
        return url.set(drivername="postgresql+asyncpg") if url.drivername.startswith("postgres") else url

    @property
    def catches_mail(self) -> bool:
        """Whether the application is its own SMTP server."""
        return not self.smtp_host


settings = Settings()
