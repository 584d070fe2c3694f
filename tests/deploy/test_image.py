"""The image: small, without build tools, the same files whenever it is built."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.deploy.compose import IMAGE, Compose, Platform, run

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

_SIZE_MAX = 80_000_000
"""What our layers may add to the base image, in bytes."""
_BUILD_TOOLS = ("pip", "pip3", "uv", "gcc", "cc", "make", "ld", "git")

File = tuple[str, int, int, int, str, str]
"""Name, mode, owner, group, target of a link, digest."""


@pytest.fixture(scope="module")
def compose(platform: Platform) -> Compose:
    return platform.compose


def _base(compose: Compose) -> str:
    from shared.settings import ROOT

    lines = (ROOT / "Dockerfile").read_text().splitlines()
    [default] = [line.partition("=")[2] for line in lines if line.startswith("ARG PYTHON_IMAGE=")]
    return default


def _layers(compose: Compose, image: str) -> list[str]:
    found: list[str] = json.loads(compose.docker("image", "inspect", image))[0]["RootFS"]["Layers"]
    return found


def test_it_is_small(compose: Compose, seen: Callable[[str], None]) -> None:
    sizes = [int(compose.docker("image", "inspect", "--format", "{{.Size}}", each)) for each in (IMAGE, _base(compose))]
    seen(f"image: {sizes[0] / 1e6:.0f} MB, {(sizes[0] - sizes[1]) / 1e6:.1f} MB of them over {_base(compose)}")
    assert sizes[0] - sizes[1] < _SIZE_MAX


def test_no_build_tools_are_in_it(compose: Compose) -> None:
    look = f"for tool in {' '.join(_BUILD_TOOLS)}; do command -v $tool; done; true"
    assert compose.docker("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", look) == ""
    imports = (
        "import importlib.util as u; print([m for m in ('pip', 'setuptools', 'hatchling', 'pytest') if u.find_spec(m)])"
    )
    assert compose.docker("run", "--rm", "--entrypoint", "python", IMAGE, "-c", imports).strip() == "[]"


_WITHOUT_BYTECODE = """
import importlib, os, pkgutil, sys
for name in ("services", "shared", "goodstanding"):
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        if not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except (ImportError, ValueError):
                pass  # of an extra that is not here, or a program and no module
cached = {name: getattr(module, "__cached__", None) or "" for name, module in sys.modules.items()}
print(sorted(name for name, file in cached.items() if file.startswith("/opt/") and not os.path.exists(file)))
print("services.scorer.app" in sys.modules)
"""


def test_whatever_is_imported_has_bytecode(compose: Compose) -> None:
    """The file system cannot be written to, so a process would compile what has no bytecode at every start."""
    found = compose.docker("run", "--rm", "--entrypoint", "python", IMAGE, "-W", "ignore", "-c", _WITHOUT_BYTECODE)
    assert found.splitlines() == ["[]", "True"]


def _files(compose: Compose, image: str) -> Iterator[File]:
    """Everything in the layers that are ours, times apart."""
    saved = io.BytesIO(run(["docker", "save", image], compose.environment))
    with tarfile.open(fileobj=saved) as archive:
        [manifest] = json.load(_member(archive, "manifest.json"))
        for layer in manifest["Layers"][len(_layers(compose, _base(compose))) :]:
            with tarfile.open(fileobj=_member(archive, layer)) as files:
                for each in files:
                    content = files.extractfile(each) if each.isfile() else None
                    digest = hashlib.sha256(content.read()).hexdigest() if content else ""
                    yield each.name, each.mode, each.uid, each.gid, each.linkname, digest


def _member(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    found = archive.extractfile(name)
    assert found
    return io.BytesIO(found.read())


def test_built_anew_it_is_the_same(compose: Compose, seen: Callable[[str], None]) -> None:
    """Code and dependencies to the bit; the layer below them, which removes pip and adds a user, times apart."""
    again = f"{IMAGE}-{uuid.uuid4().hex[:8]}"
    compose.docker("build", "--quiet", "--no-cache", "--tag", again, ".")
    try:
        files = [set(_files(compose, image)) for image in (IMAGE, again)]
        layers = [_layers(compose, image)[len(_layers(compose, _base(compose))) :] for image in (IMAGE, again)]
    finally:
        compose.docker("image", "rm", again)
    assert files[0] ^ files[1] == set()
    assert layers[0][1:] == layers[1][1:]
    seen(f"image: built anew without a cache, its {len(files[0]):,} files and the layer with the code are the same")
