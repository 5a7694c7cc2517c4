"""The queue, for when one process is not enough: arq with Redis.

Arq, since its workers await async functions as they are, which Celery's cannot, and stop when they are asked to, which
those of taskiq 0.13 with taskiq-redis 1.2 did not. A message is no more than a hint: that a job is to be run, and what
came of it, stands in the database. What is lost with Redis or a worker is sent again by recovery.
"""

from arq.connections import ArqRedis

from fastapi_bgtask_lint.reference_app.settings import settings

SECONDS = 5


def build_queue() -> ArqRedis | None:
    """The queue that is set, if any. Nothing connects before the first use."""
    if not settings.redis_url:
        return None
    client: ArqRedis = ArqRedis.from_url(settings.redis_url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
    return client


queue = build_queue()
