"""The guides as a newcomer follows them: their files are written, their commands run, their outputs compared."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts.messages import TierChange, read
from shared.settings import ROOT
from tests.support.guides import FENCE, Command, follow, run

_RUN = {None, "local", "compose", "backup", "restore"}
"""The last two by tests/deploy/test_restore.py."""
_CODE = ("goodstanding", "services", "shared", "policies", "partners", "data", "deploy", "docs")
_CLIENT = "goodstanding_client"
_BUILD = ("pyproject.toml", "requirements.lock", "LICENSE", "Dockerfile", "docker-compose.yml", ".dockerignore")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with its bytecode: each guide has a copy to edit, whose commands and services would all compile it."""
    directory = tmp_path_factory.mktemp("code")
    for part in _CODE:
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(directory)], env=_bytecode_beside_it(), check=True)
    return directory


def _bytecode_beside_it() -> dict[str, str]:
    """What is in the environment, but for where `make` keeps the bytecode of the checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}


@pytest.fixture
def checkout(compiled: Path) -> Iterator[Path]:
    """A clone as a newcomer has it, with this session's packages as its environment, and no stack of anybody."""
    # As in servers.py: pytest's own directory is closed to the user that Postgres steps down to.
    with tempfile.TemporaryDirectory(prefix="goodstanding-guide-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        for part in _CODE:
            shutil.copytree(compiled / part, directory / part)
        for part in _BUILD:
            if (ROOT / part).exists():
                shutil.copy(ROOT / part, directory / part)
        yield directory


@pytest.fixture
def newcomer(checkout: Path) -> Iterator[dict[str, str]]:
    environment = checkout / ".venv"
    venv.create(environment, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    places = (checkout, ROOT / "clients" / "python", sysconfig.get_path("purelib"))
    (packages / "checkout.pth").write_text("".join(f"{place}\n" for place in places))
    command = environment / "bin" / "goodstanding"
    for script, module in ((command, "goodstanding.cli"), (command.with_name("goodstanding-follow"), _CLIENT)):
        script.write_text(f'#!/bin/sh\nexec {environment}/bin/python -m {module} "$@"\n')
        script.chmod(0o755)
    variables = {
        **{name: value for name, value in _bytecode_beside_it().items() if not name.startswith("GOODSTANDING_")},
        "GOODSTANDING_HOME": str(checkout / "home"),
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",  # so that answers and steps come in the order of a terminal
        "COLUMNS": "200",
    }
    yield variables
    subprocess.run([str(command), "local", "down", "--delete"], env=variables, capture_output=True, check=False)


@pytest.mark.timeout(600)
def test_connect_a_partner(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("partners.md", None, checkout, newcomer) > 10


@pytest.mark.timeout(300)
def test_report_settle_and_answer_a_dispute(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("disputes.md", None, checkout, newcomer) > 20


@pytest.mark.timeout(300)
def test_the_readme_ends_in_a_score(checkout: Path, newcomer: dict[str, str]) -> None:
    """The commands with events of one's own, as they stand there, and those without any server."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    own = text[text.index("With events of your own") : text.index("Every command has")]
    block = [Command(line.strip(), "") for line in own.splitlines() if line.startswith("    .venv/bin/goodstanding ")]
    assert len(block) > 10
    explained = next(index for index, each in enumerate(block) if " explain " in each.line)
    block[explained] = Command(block[explained].line.partition("#")[0].strip(), "Score ... of ...\nversion ...")
    assert run(block, checkout, newcomer) == len(block)


@pytest.mark.timeout(600)
def test_write_and_ship_a_policy(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("policies.md", None, checkout, newcomer) > 15


@pytest.mark.timeout(300)
def test_a_european_deployment(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("europe.md", None, checkout, newcomer) > 10


@pytest.mark.timeout(600)
def test_load_the_past(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("loading.md", None, checkout, newcomer) > 15


@pytest.mark.timeout(300)
def test_an_older_postgres_is_put_back_without_docker(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("operations.md", "local", checkout, newcomer) > 10


@pytest.mark.timeout(300)
def test_follow_scores(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("subscribers.md", None, checkout, newcomer) > 2


@pytest.mark.timeout(300)
def test_the_portal(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("portal.md", None, checkout, newcomer) > 15


@pytest.mark.parametrize(
    "guide",
    [
        "partners.md",
        "portal.md",
        "operations.md",
        "runbooks.md",
        "subscribers.md",
        "policies.md",
        "europe.md",
        "loading.md",
    ],
)
def test_every_console_block_is_of_a_sort_that_is_run(guide: str) -> None:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    assert {fence["argument"] for fence in fences if fence["kind"] == "console"} <= _RUN
    assert all(line.startswith("```") for line in text.splitlines() if "```" in line)
    assert 2 * len(fences) == sum(line.startswith("```") for line in text.splitlines())


@pytest.mark.parametrize("guide", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_lead_somewhere(guide: str) -> None:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            page = ROOT / "docs" / (file or guide)
            assert page.exists(), target
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert not anchor or anchor in slugs, target


def test_the_message_that_subscribers_are_shown_is_one() -> None:
    [shown] = [
        fence["text"]
        for fence in FENCE.finditer((ROOT / "docs" / "subscribers.md").read_text(encoding="utf-8"))
        if fence["kind"] == "json"
    ]
    assert isinstance(read(TierChange, shown.encode()), TierChange)


@pytest.mark.parametrize(
    ("expected", "printed", "fits"),
    [
        ("a ... c", "a b\nb c", True),
        ("a ...", "b a", False),
        ("4 accepted.", "4 accepted.  ", True),
        ("4 accepted.", "4 accepted, 1 refused.", False),
        ("", "anything", True),
    ],
)
def test_comparing(expected: str, printed: str, fits: bool) -> None:
    assert Command("x", expected).fits(printed) is fits


@contextlib.contextmanager
def _project(checkout: Path) -> Iterator[dict[str, str]]:
    """The environment of a compose project of its own; needs Docker, and the images that the compose file names."""
    with socket.create_server(("127.0.0.1", 0)) as kafka, socket.create_server(("127.0.0.1", 0)) as postgres:
        free = {"KAFKA": kafka.getsockname()[1], "POSTGRES": postgres.getsockname()[1]}
    ports = {f"GOODSTANDING_{name}_PORT": str(port) for name, port in free.items()}
    project = re.sub("[^a-z0-9-]", "-", checkout.name.lower())
    here = {"COMPOSE_PROJECT_NAME": project, "GOODSTANDING_IMAGE": f"goodstanding:{project}", "COLUMNS": "200"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **ports, **here, "PATH": path}
    try:
        yield environment
    finally:
        down = ["docker", "compose", "--profile", "cli", "down", "--volumes", "--remove-orphans", "--timeout", "5"]
        subprocess.run(down, cwd=checkout, env=environment, capture_output=True, check=False)
        image = ["docker", "image", "rm", "--force", environment["GOODSTANDING_IMAGE"]]
        subprocess.run(image, env=environment, capture_output=True, check=False)


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_on_compose(checkout: Path) -> None:
    """All guides but one."""
    with _project(checkout) as environment:
        assert follow("operations.md", "compose", checkout, environment)
        assert follow("runbooks.md", "compose", checkout, environment)
        assert follow("partners.md", "compose", checkout, environment)
        assert follow("subscribers.md", "compose", checkout, environment)


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_load_the_past_on_compose(checkout: Path) -> None:
    with _project(checkout) as environment:
        assert follow("loading.md", "compose", checkout, environment) > 10


@pytest.mark.timeout(600)
def test_see_dispute_and_outlive_a_record(checkout: Path, newcomer: dict[str, str]) -> None:
    assert follow("people.md", None, checkout, newcomer) > 12
