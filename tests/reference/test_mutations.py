"""The linter says nothing about the application, and finds each mistake that is made in it, one at a time."""

import shutil
from pathlib import Path

import pytest

import fastapi_bgtask_lint.reference_app
from fastapi_bgtask_lint import lint_paths
from fastapi_bgtask_lint.settings import Settings
from tests.reference import wrong_patterns

APP = Path(fastapi_bgtask_lint.reference_app.__file__).parent

MUTATIONS = {
    "BGT101": (
        "jobs.py",
        "                await self.run(job_id)\n",
        '                return JSONResponse({"job": job_id})\n',
    ),
    "BGT102": ("jobs.py", "                await self.run(job_id)\n", "                return job_id\n"),
    "BGT103": (
        "jobs.py",
        "            # The database or the queue is away.",
        "            raise HTTPException(503)  #",
    ),
    "BGT201": ("users.py", "tasks.add_task(send_welcome, welcome.id)", "tasks.add_task(send_welcome, session)"),
    "BGT202": ("users.py", "tasks.add_task(confirm_address, notice.id)", "tasks.add_task(confirm_address, user)"),
    "BGT205": ("uploads.py", "tasks.add_task(inspect_upload, inspection.id)", "tasks.add_task(inspect_upload, file)"),
    "BGT207": ("database.py", ', scope="function"', ""),
    "BGT301": ("users.py", "    await send_mail(settings.staff,", "    smtplib.SMTP(settings.staff,"),
    "BGT303": ("uploads.py", "await run_in_threadpool(sha256, Path(path))", "sha256(Path(path))"),
    "BGT403": ("jobs.py", "        except Exception:\n            # The", "        finally:\n            # The"),
    "BGT404": (
        "jobs.py",
        '            logger.exception("%s %s is left for recovery", self.name, job_id)',
        "            pass",
    ),
    "BGT406": ("jobs.py", "        async with asyncio.timeout(lease):\n", "        if lease:\n"),
    "BGT407": ("jobs.py", "claim.release())\n            raise", "claim.release())"),
    "BGT501": ("users.py", "tasks.add_task(send_welcome, welcome.id)", "tasks.add_task(send_welcome(welcome.id))"),
    "BGT502": ("jobs.py", "await self.run(job_id)\n", "self.run(job_id)\n"),
    "BGT503": (
        "reports.py",
        "    tasks.add_task(build_report, job.id)",
        "    tasks = BackgroundTasks()\n    tasks.add_task(build_report, job.id)",
    ),
    "BGT504": (
        "users.py",
        "    except IntegrityError:\n",
        "    except IntegrityError:\n        tasks.add_task(send_welcome, user_id)\n",
    ),
    "BGT506": ("reports.py", "tasks.add_task(build_report", "await tasks.add_task(build_report"),
    "BGT508": ("reports.py", "tasks.add_task(build_report, job.id)", "tasks.add_task(build_report)"),
    "BGT512": ("uploads.py", "background=BackgroundTask(discard_file, removal.id)", "background=sha256"),
    "BGT513": (
        "uploads.py",
        "    return JSONResponse(",
        "    BackgroundTask(discard_file, removal.id)\n    return JSONResponse(",
    ),
}

IMPORTS = {
    "JSONResponse": "from fastapi.responses import JSONResponse\n",
    "HTTPException": "from fastapi import HTTPException\n",
    "smtplib": "import smtplib\n",
}


def test_the_linter_finds_nothing() -> None:
    assert found(APP) == set()


def test_the_patterns_that_it_is_compared_with_are_found() -> None:
    assert {"BGT201", "BGT301"} <= found(Path(wrong_patterns.__file__))


@pytest.mark.parametrize("code", MUTATIONS)
def test_a_mistake_is_found(code: str, tmp_path: Path) -> None:
    file, right, wrong = MUTATIONS[code]
    folder = copied(tmp_path)
    text = (folder / file).read_text()
    assert right in text
    text = text.replace(right, wrong, 1)
    _, docstring, code_below = text.split('"""', 2)
    imports = "".join(line for name, line in IMPORTS.items() if name in wrong)
    (folder / file).write_text(f'"""{docstring}"""\n{imports}{code_below}')

    assert code in found(folder)


def copied(folder: Path) -> Path:
    """The application in a project of its own."""
    (folder / "pyproject.toml").write_text('[project]\nname = "app"\ndependencies = ["fastapi>=0.121"]\n')
    package = folder / "fastapi_bgtask_lint"
    package.mkdir()
    (package / "__init__.py").touch()
    return Path(shutil.copytree(APP, package / "reference_app"))


def found(path: Path) -> set[str]:
    """The codes of what the linter finds."""
    return {finding.code for finding in lint_paths([path], Settings(pedantic=True)).findings}
