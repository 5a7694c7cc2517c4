"""Clients at work while tasks run: the reference application beside the same registration with two usual mistakes.

    python -m tests.reference.load            prints the table
    python -m tests.reference.load --write    writes it into the README

Every client asks for a user nine times out of ten and registers one the tenth time, with pauses that add up to about a
hundred requests a second. The SMTP server takes a tenth of a second over each mail.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx

from tests.reference.servers import MODULE, ROOT, running_app, smtp_server

CLIENTS = 200
SECONDS = 20.0
PAUSE_SECONDS = 2.0
MAIL_SECONDS = 0.1
GIVE_UP_SECONDS = 30.0

WRONG = "tests.reference.wrong_patterns"
RUNS = {
    "reference application": (MODULE, "/users"),
    "blocking call in the task": (WRONG, "/blocking"),
    "request's session in the task": (WRONG, "/request-session"),
}

README = ROOT / "README.md"
TABLE = re.compile(r"(?<=<!-- load: begin -->\n).*?(?=<!-- load: end -->)", re.DOTALL)


@dataclass
class Seen:
    """What the clients saw."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    longest_stall: float = 0.0

    @property
    def p99(self) -> float:
        """The seconds that all but one of a hundred answers took at most."""
        return quantiles(self.seconds, n=100)[-1]


@dataclass
class Client:
    """One of many."""

    http: httpx.AsyncClient
    route: str
    number: int
    seen: Seen

    async def work(self, user: str, end: float) -> None:
        """Ask and register, with pauses, until a time of the monotonic clock."""
        chance = random.Random(self.number)
        for turn in itertools.count():
            await asyncio.sleep(chance.expovariate(1 / PAUSE_SECONDS))
            if time.monotonic() > end:
                return
            if chance.random() < 0.1:
                user = await self.register(turn) or user
            else:
                await self.request(self.http.build_request("GET", f"/users/{user}"))

    async def register(self, turn: int) -> str | None:
        """The id of a new user, if it could be registered."""
        new = {"email": f"client{self.number}-{turn}@example.com", "name": f"Client {self.number}"}
        answer = await self.request(self.http.build_request("POST", self.route, json=new))
        return str(answer.json()["id"]) if answer is not None else None

    async def request(self, request: httpx.Request) -> httpx.Response | None:
        """The answer, unless it is an error."""
        before = time.monotonic()
        try:
            answer = await self.http.send(request)
        except httpx.HTTPError as error:
            self.seen.errors[type(error).__name__] += 1
            return None
        finally:
            self.seen.seconds.append(time.monotonic() - before)
        if answer.is_error:
            self.seen.errors[str(answer.status_code)] += 1
            return None
        return answer


async def put_load(url: str, route: str, seconds: float) -> Seen:
    """Let all clients work on an application."""
    seen = Seen()
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=GIVE_UP_SECONDS) as http:
        first = await Client(http, route, CLIENTS, Seen()).register(0)
        assert first is not None
        end = time.monotonic() + seconds
        await asyncio.gather(*(Client(http, route, number, seen).work(first, end) for number in range(CLIENTS)))
    return seen


def measure(module: str, route: str, seconds: float = SECONDS) -> Seen:
    """Start an application and put the load on it."""
    with (
        smtp_server(seconds=MAIL_SECONDS) as mail,
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder), module, **mail.settings) as app,
    ):
        seen = asyncio.run(put_load(str(app.client.base_url), route, seconds))
        seen.longest_stall = app.client.get("/health", timeout=60).json()["longest_stall_seconds"]
        return seen


def table(results: dict[str, Seen]) -> str:
    """The results as a page's table."""
    lines = ["| registration | answers | errors | p99 | longest stall of the loop |", "|---|---|---|---|---|"]
    right = next(iter(results.values()))
    for name, seen in results.items():
        p99 = f"{seen.p99 * 1000:,.0f} ms"
        stall = f"{seen.longest_stall * 1000:,.0f} ms"
        if seen is not right:
            p99 += f" ({seen.p99 / right.p99:,.0f} x)"
            stall += f" ({seen.longest_stall / right.longest_stall:,.1f} x)"
        lines.append(f"| {name} | {len(seen.seconds):,} | {seen.errors.total():,} | {p99} | {stall} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into the README")
    written = parser.parse_args().write
    page = table({name: measure(*run) for name, run in RUNS.items()})
    print(page)
    if written:
        README.write_text(TABLE.sub(page, README.read_text()))


if __name__ == "__main__":
    main()
