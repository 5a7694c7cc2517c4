"""The workers' side of the queue:

REDIS_URL=redis://localhost taskiq worker fastapi_bgtask_lint.reference_app.worker:broker
"""

from fastapi_bgtask_lint.reference_app.broker import broker
from fastapi_bgtask_lint.reference_app.recovery import TASKS

if broker is None:
    raise SystemExit("REDIS_URL is not set: there is no queue to work on.")

for task in TASKS.values():
    broker.register_task(task.run, task.name)
