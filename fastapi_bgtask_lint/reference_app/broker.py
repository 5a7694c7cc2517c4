"""The queue, for when one process is not enough: taskiq with a Redis stream.

Taskiq, since its workers await async functions as they are, while Celery's cannot, and arq is in maintenance only. A
stream, since a message stays in Redis until a worker has acknowledged it.
"""

from taskiq import AsyncBroker
from taskiq.kicker import AsyncKicker
from taskiq_redis import RedisStreamBroker

from fastapi_bgtask_lint.reference_app.settings import settings


def build_broker() -> AsyncBroker | None:
    """The queue that is set, if any. Nothing connects before the first use."""
    if not settings.redis_url:
        return None
    return RedisStreamBroker(settings.redis_url, queue_name="reference-app", consumer_id="0", maxlen=100_000)


broker = build_broker()


async def send(task: str, job_id: str) -> None:
    """Ask the workers to run a job. Raises what redis raises when it is away."""
    assert broker is not None
    kicker: AsyncKicker[[str], None] = AsyncKicker(task, broker, labels={})
    await kicker.kiq(job_id)
