"""A FastAPI application whose background tasks are right. Read it in this order:

`users.py`        register a user, send mail in tasks, undo what a failed registration left
`jobs.py`         the one wrapper of all tasks: log, deadline, retries, outcome, its record in the database
`database.py`     sessions: one that the handler commits, one that commits before the response, one for each task
`uploads.py`      what is uploaded is stored before the response, the task gets the path
`reports.py`      202 and a place to ask: large work in shards, counted in processes (`words.py`)
`recovery.py`     what a crash, a restart or a full queue left undone is run again
`broker.py`       the same tasks on taskiq with Redis, once one process is not enough (`worker.py`)
`application.py`  start and stop

    python -m fastapi_bgtask_lint.reference_app

It shares nothing with the linter that it is bundled with, and may be copied.
"""
