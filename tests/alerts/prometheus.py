"""A real Prometheus, with the shipped configuration and a quick copy of the shipped rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from goodstanding.platform.servers.ports import free_ports
from shared.contracts.topics import PROCESSES
from tests.alerts.quick_rules import quick_rules
from tests.deploy.compose import until
from tests.deploy.queries import PROMETHEUS_FILES, rule_files

_OFTEN = "500ms"
"""Several times within the shortest time that is left."""
_RARELY = {"scrape_interval": "2s", "scrape_timeout": "2s"}


class Prometheus:
    def __init__(self, address: str) -> None:
        self._api = f"http://{address}/api/v1"

    def ask(self, path: str, **parameters: str) -> Any:
        with urllib.request.urlopen(f"{self._api}/{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {each["metric"]["alertname"] for each in self.query('ALERTS{alertstate="firing"}')}

    @property
    def answers(self) -> bool:
        try:
            return bool(self.ask("status/runtimeinfo"))
        except (OSError, urllib.error.HTTPError):
            return False


@contextmanager
def running(directory: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """It ends with the block. `targets` are the addresses of the processes of each job."""
    program = shutil.which("prometheus")
    assert program, "Prometheus is needed: install it (Debian: prometheus)"
    for file in rule_files():
        _write(directory / "rules" / file.name, quick_rules(yaml.safe_load(file.read_text())))
    shipped = yaml.safe_load((PROMETHEUS_FILES / "prometheus.yml").read_text())
    jobs = [
        # Exporters ask their servers anew each time.
        {"job_name": job["job_name"], **({} if job["job_name"] in PROCESSES else _RARELY),
         "static_configs": [{"targets": list(targets[job["job_name"]])}]}
        for job in shipped["scrape_configs"]
    ]  # fmt: skip
    often = {"scrape_interval": _OFTEN, "scrape_timeout": _OFTEN, "evaluation_interval": _OFTEN}
    _write(directory / "prometheus.yml", {"global": often, "rule_files": shipped["rule_files"], "scrape_configs": jobs})
    address = f"127.0.0.1:{free_ports(1)[0]}"
    argv = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=directory, stdout=log, stderr=log)
        try:
            prometheus = Prometheus(address)
            until(lambda: process.poll() is not None or prometheus.answers, "Prometheus answers")
            assert process.poll() is None, (directory / "prometheus.log").read_text()[-2_000:]
            yield prometheus
        finally:
            process.kill()
            process.wait()


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False))
