"""Which names of zones are taken, and that no machine has a say in it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from shared.contracts import zones
from shared.settings import ROOT

TAKEN = ["Asia/Shanghai", "Europe/Oslo", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "UTC", "Etc/GMT+12"]
OLD = [
    ("PRC", "Asia/Shanghai"),
    ("US/Eastern", "America/New_York"),
    ("Asia/Calcutta", "Asia/Kolkata"),
    ("Asia/Chongqing", "Asia/Shanghai"),
    ("Europe/Kiev", "Europe/Kyiv"),
    ("Hongkong", "Asia/Hong_Kong"),
]
NONE = ["", "Asia", "Asia/", "Asia/Atlantis", "asia/shanghai", "Factory", "posix/Asia/Shanghai", "localtime"]
OUTSIDE = ["../../etc/passwd", "/etc/localtime", "Asia/../Asia/Shanghai", "tzdata.zi", "zone.tab", "\0"]


@pytest.mark.parametrize("name", TAKEN)
def test_a_canonical_name_is_the_same_zone_each_time(name: str) -> None:
    assert zones.zone(name) is zones.zone(name)
    assert zones.zone(name).key == name


@pytest.mark.parametrize(("name", "current"), OLD)
def test_an_old_name_is_refused_with_the_one_to_write(name: str, current: str) -> None:
    with pytest.raises(zones.ZoneError, match=f"write {current}"):
        zones.zone(name)


@pytest.mark.parametrize("name", [*NONE, *OUTSIDE])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(zones.ZoneError, match="such as Asia/Shanghai"):
        zones.zone(name)


def test_every_canonical_name_can_be_read() -> None:
    assert len(zones.names()) > 400
    assert {zones.zone(name).key for name in zones.names()} == zones.names()


def test_a_machine_without_zone_files_has_the_same_zones() -> None:
    program = "from shared.settings import DeploymentSettings as S; print(S(kafka='k').zone_info.key)"
    environment = {"PYTHONTZPATH": "", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("Asia/Shanghai\n", "")


def _makes_a_zone(file: Path) -> bool:
    source = file.read_bytes()
    # To parse each file of the product takes half a second; most do not even have the name.
    if b"ZoneInfo" not in source:
        return False
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(isinstance(called, ast.Name) and called.id == "ZoneInfo" for called in calls)


def test_no_other_place_makes_a_zone_from_the_machines_files() -> None:
    product = [file for folder in ("goodstanding", "services", "shared") for file in (ROOT / folder).rglob("*.py")]
    assert [file for file in product if _makes_a_zone(file)] == []
