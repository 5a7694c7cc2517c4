"""Task is a generator

Calling a generator function, an async generator function or a `@contextmanager` function only makes an object. Nobody
iterates over it, so not one line of the body runs and no error is raised, on every version of FastAPI. Often a `yield`
was added to the function later, or the function is a dependency.

Let the task be a function without `yield` that loops over the generator, or enters the context manager.

There is no reason to suppress it.

## Bad
```py app.py
from collections.abc import Iterator

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send_all(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        sent.append(address)
        yield address


@app.post("/newsletters")
async def send_newsletter(addresses: list[str], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_all, addresses)  # BGT509
    return {"status": "accepted"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
sent: list[str] = []


def send_all(addresses: list[str]) -> None:
    for address in addresses:
        sent.append(address)


@app.post("/newsletters")
async def send_newsletter(addresses: list[str], tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(send_all, addresses)
    return {"status": "accepted"}
```
"""

from __future__ import annotations
