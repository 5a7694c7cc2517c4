"""The README's tour, command by command, and a little of the load."""

import re
import subprocess
from pathlib import Path

from tests.reference.load import measure
from tests.reference.servers import MODULE, ROOT, free_port, running_app

README = (ROOT / "README.md").read_text()


def test_the_tour_says_what_it_says(tmp_path: Path) -> None:
    (tour,) = re.findall(r"<!-- tour: begin -->\n```sh\n(.*?)```", README, re.DOTALL)
    data = tmp_path / "reference-data"
    smtp_port = str(free_port())
    with running_app(data, smtp_port=smtp_port) as app:
        script = tour.replace("http://127.0.0.1:8000", str(app.client.base_url)).replace(
            "README.md", str(ROOT / "README.md")
        )
        done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    for said in (
        '"welcome_mail":"',
        "To: ada@example.com",
        "is registered already",
        "ada@example.org",
        '"running_jobs":',
    ):
        assert said in done.stdout


def test_clients_get_their_answers_while_tasks_run() -> None:
    seen = measure(MODULE, "/users", seconds=4)

    assert not seen.errors
    assert len(seen.seconds) > 200
