"""Which of the files that people edit a deployment's running services work by: as they read them at their start, or
again since then (decision 0037)."""

from __future__ import annotations

import time
from collections.abc import Mapping

from goodstanding.platform import files_at_start
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.service_process import ServiceProcess

_READ_WITHIN_S = 5.0
_LOOK_AGAIN_S = 0.1


def edited(deployment: Deployment, partner: str = "") -> list[str]:
    """A sentence for each file that was edited since a running service read it. With a partner, only files that bear on
    its events count."""
    found: list[str] = []
    for service in deployment.settings.services:
        process = deployment.process(service)
        read = _in_force(process)
        remarks = process.kept_up().remarks
        found += [said for said in remarks if not partner or f"/{partner}.toml" in said]
        if read and read != (now := deployment.files(service)):
            found += [
                sentence
                for file, sentence in files_at_start.differences(service, read, now)
                if (not partner or files_at_start.bears_on(file, partner)) and not any(file in said for said in remarks)
            ]
    return found


def wait_for(deployment: Deployment, partner: str) -> None:
    """Return when ingest has read the partner's files as they lie there, or when it has had time to."""
    give_up = time.monotonic() + _READ_WITHIN_S
    while (files := not_read_by(deployment, "ingest", partner)) and time.monotonic() < give_up:
        if any(not files_at_start.is_kept_up_with("ingest", file) for file in files):
            return
        time.sleep(_LOOK_AGAIN_S)  # the other process says what it has read only when it is asked


def not_read_by(deployment: Deployment, service: str, partner: str) -> list[str]:
    """The files that bear on the partner's events and were edited since the service's running process read them."""
    read, now = _in_force(deployment.process(service)), deployment.files(service)
    bearing = (file for file in sorted(read.keys() | now.keys()) if files_at_start.bears_on(file, partner))
    return [file for file in bearing if read and read.get(file) != now.get(file)]


def _in_force(process: ServiceProcess) -> Mapping[str, str]:
    """The names of the contents that the running process works by, by file; empty when none runs."""
    at_start, now = process.files, process.kept_up().files
    kept_up = files_at_start.is_kept_up_with
    others = {file: name for file, name in at_start.items() if not (now and kept_up(process.service, file))}
    return {**others, **now} if at_start else {}
