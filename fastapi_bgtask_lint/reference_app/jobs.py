"""The one wrapper of all background tasks.

    @background_task(deadline=30, attempts=3, retry_on=is_temporary)
    async def send_welcome(user_id: str) -> None: ...

    job = send_welcome.job(user.id)           # plain values, checked by the type checker
    session.add(job)                          # in the transaction that the task belongs to
    await session.commit()
    tasks.add_task(send_welcome, job.id)      # runs after the response

A task never raises, so the tasks that are registered after it still run.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec

import stamina
from arq.connections import ArqRedis
from sqlalchemy import and_, or_, update

from fastapi_bgtask_lint.reference_app.broker import queue
from fastapi_bgtask_lint.reference_app.database import database_away, new_session
from fastapi_bgtask_lint.reference_app.models import Job, JobState, new_id

P = ParamSpec("P")

logger = logging.getLogger(__name__)

PICKUP_SECONDS = 30.0
"""How long a job may wait to be begun before recovery hands it on."""
MARGIN_SECONDS = 10.0
"""What a lease lasts beyond the deadline: time to write the outcome down."""

in_flight: set[asyncio.Task[Any]] = set()
"""Where this process runs jobs now."""


@dataclass(frozen=True)
class Claim:
    """A job that is run, and the number of this run.

    A process that was frozen beyond its lease finds the number changed, and cannot undo what its successor has done.
    """

    job_id: str
    arguments: dict[str, Any]
    run: int

    async def record(self, error: str | None, seconds: float) -> None:
        """Write down what came of the run."""
        state = JobState.DONE if error is None else JobState.FAILED
        await self.change({"state": state, "error": error, "seconds": seconds})

    async def release(self) -> None:
        """Give the job back: who looks next may take it."""
        await self.change({"state": JobState.PENDING, "leased_until": 0.0})

    async def change(self, values: dict[str, object]) -> None:
        """Set columns of the job, if this is still its run."""
        ours = and_(Job.id == self.job_id, Job.runs == self.run, Job.state == JobState.RUNNING)
        async with new_session.begin() as session:
            await session.execute(update(Job).where(ours).values(values))


def never(error: Exception) -> bool:
    """Retry nothing."""
    return False


class Task(Generic[P]):
    """A function that `add_task` can take: called with a job's id, it runs that job.

    It returns nothing, since nobody would get it: a type checker rejects a function that returns a value.
    """

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, None]],
        *,
        deadline: float,
        attempts: int,
        retry_on: Callable[[Exception], bool],
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.deadline = deadline
        self.attempts = attempts
        self.retry_on = retry_on

    def job(self, *args: P.args, **kwargs: P.kwargs) -> Job:
        """A new record of one run. It must be committed before the task is registered."""
        arguments = {"args": list(args), "kwargs": kwargs}
        return Job(id=new_id(), task=self.name, arguments=arguments, leased_until=time.time() + PICKUP_SECONDS)

    async def __call__(self, job_id: str) -> None:
        """Run the job here, or leave it to the workers if there is a queue."""
        try:
            if queue is None:
                await self.run(job_id)
            else:
                await self.send(job_id, queue)
        except Exception:
            # The database or the queue is away. The job is still in the database, and recovery finds it there.
            logger.exception("%s %s is left for recovery", self.name, job_id)

    async def send(self, job_id: str, queue: ArqRedis) -> None:
        """Leave the job to the workers."""
        async with asyncio.timeout(MARGIN_SECONDS):
            if await offer(job_id):
                await queue.enqueue_job(self.name, job_id)

    async def run(self, job_id: str) -> None:
        """Run the job, unless somebody else does or did, and record what came of it."""
        lease = self.deadline + MARGIN_SECONDS
        async with asyncio.timeout(lease):
            claim = await take(job_id, seconds=lease)
            if claim is None:
                logger.info("%s %s is taken or done", self.name, job_id)
                return
            with counted():
                await self.carry_out(claim)

    async def carry_out(self, claim: Claim) -> None:
        """Run a claimed job and record what came of it."""
        logger.info("%s %s starts", self.name, claim.job_id)
        started = time.monotonic()
        try:
            error = await self.attempt(*claim.arguments["args"], **claim.arguments["kwargs"])
            seconds = time.monotonic() - started
            logger.info("%s %s %s after %.2f s", self.name, claim.job_id, "failed" if error else "is done", seconds)
            await claim.record(error, seconds)
        except asyncio.CancelledError:
            # The process stops. The next one takes the job up at once instead of waiting for the lease to end.
            await asyncio.shield(claim.release())
            raise

    async def attempt(self, *args: P.args, **kwargs: P.kwargs) -> str | None:
        """Call the function until it works, or attempts or time are used up; the error, if it failed."""
        try:
            async with asyncio.timeout(self.deadline):
                async for attempt in stamina.retry_context(on=self.may_pass, attempts=self.attempts, timeout=None):
                    with attempt:
                        await self.function(*args, **kwargs)
        except Exception as error:
            logger.exception("%s failed", self.name)
            return reason(error)
        return None

    def may_pass(self, error: Exception) -> bool:
        """Whether an error can go away by itself. The database is everybody's, so its troubles are known here."""
        return database_away(error) or self.retry_on(error)


def background_task(
    *, deadline: float, attempts: int = 3, retry_on: Callable[[Exception], bool] = never
) -> Callable[[Callable[P, Coroutine[Any, Any, None]]], Task[P]]:
    """Make a task of an async function that returns nothing.

    Parameters
    ----------
    deadline
        Seconds for the whole of it, waits between attempts included.
    attempts
        How often it is called at most.
    retry_on
        Whether an error can go away by itself, beside those of the database.
    """

    def decorate(function: Callable[P, Coroutine[Any, Any, None]]) -> Task[P]:
        return Task(function, deadline=deadline, attempts=attempts, retry_on=retry_on)

    return decorate


def reason(error: Exception) -> str:
    """What is kept of an error: of several that came together, the first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def take(job_id: str, *, seconds: float) -> Claim | None:
    """Take a job for so many seconds, or None when it is somebody else's or over."""
    values = {"state": JobState.RUNNING, "leased_until": time.time() + seconds, "runs": Job.runs + 1}
    return await change_if_free(job_id, values)


async def offer(job_id: str) -> bool:
    """Leave a job to the workers for a while, before recovery sends it once more; False when it is not to be run."""
    values = {"state": JobState.PENDING, "leased_until": time.time() + PICKUP_SECONDS}
    return await change_if_free(job_id, values) is not None


async def change_if_free(job_id: str, values: dict[str, object]) -> Claim | None:
    """Change a job that nobody runs. The database decides between two who want it."""
    lost = and_(Job.state == JobState.RUNNING, Job.leased_until < time.time())
    free = or_(Job.state == JobState.PENDING, lost)
    statement = update(Job).where(Job.id == job_id, free).values(values).returning(Job.arguments, Job.runs)
    async with new_session.begin() as session:
        row = (await session.execute(statement)).one_or_none()
        return Claim(job_id, *row) if row is not None else None


@contextmanager
def counted() -> Iterator[None]:
    """Note that a job runs here, so that a process that stops can wait for it."""
    task = asyncio.current_task()
    assert task is not None
    in_flight.add(task)
    try:
        yield
    finally:
        in_flight.discard(task)


async def settled(seconds: float) -> None:
    """Wait until the jobs that run here have ended, so many seconds at most."""
    if in_flight:
        await asyncio.wait(in_flight, timeout=seconds)
