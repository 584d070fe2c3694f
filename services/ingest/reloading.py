"""Reads mappings and rates again when their files change, so that a partner needs no restart (decision 0037).

    files = PartnerFiles(settings)     # raises ConfigError
    files.mode                         # what the runner asks for before each batch
    await files.look()                 # called about once a second

A file that has a fault changes nothing: what was read before stays in force, and `faults` says why. So does one that
is gone, since an editor may put another in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import structlog

from services.ingest.loading import Loaded, load, load_partner, load_rates, schemas_of
from services.ingest.service import Policy, service
from services.ingest.settings import IngestSettings
from shared.partner_files import check_file, partner_files
from shared.policy_file import RATES
from shared.runner.service import Forward, Service
from shared.toml_file import ConfigError, content_name

log = structlog.get_logger("ingest")

Stamps: TypeAlias = Mapping[Path, tuple[int, ...]]
"""What tells without reading a file whether it was written again."""


class _Read(NamedTuple):
    """What a look at changed files has come to."""

    loaded: Loaded
    in_force: Mapping[Path, str]
    faults: Mapping[Path, str]


@dataclass(slots=True)
class PartnerFiles:
    """The partners' mappings as their files say, and the service that follows from them."""

    settings: IngestSettings
    _loaded: Loaded
    _in_force: Mapping[Path, str]
    _service: Service[Forward]
    _looked: Stamps
    """The files as they lay there at the last look."""
    _judged: Stamps
    """The files as they lay there when they were read."""
    _faults: Mapping[Path, str]

    @classmethod
    def load(cls, settings: IngestSettings) -> PartnerFiles:
        """Raises ConfigError, also where one file of many has a fault."""
        partner_files(settings.partners)  # before one of them is opened: a pipe would keep the start waiting for ever
        stamps = _stamps(settings)
        in_force = {file: content_name(file) for file in stamps}
        loaded = load(settings)
        return cls(settings, loaded, in_force, service(loaded.policy), stamps, stamps, {})

    @property
    def service(self) -> Service[Forward]:
        """The service for the runner, which keeps up with the files."""
        return replace(self._service, mode=replace(self.mode, newest=lambda: self.mode), files=self)

    @property
    def mode(self) -> Forward:
        """The rules by what was read last."""
        return self._service.mode

    @property
    def in_force(self) -> Mapping[str, str]:
        """By file, below `partners` or `policies`, whatever these directories are called, the name of the content that
        is in force."""
        rates = self.settings.policies / RATES
        return {
            f"{'policies' if file == rates else 'partners'}/{file.name}": name for file, name in self._in_force.items()
        }

    @property
    def faults(self) -> Sequence[str]:
        """A sentence for each file that is not used as it lies there."""
        return tuple(self._faults.values())

    async def look(self) -> None:
        """Read what has changed, once it lies there unchanged for two looks: nobody is writing it any more."""
        stamps = await asyncio.to_thread(_stamps, self.settings)
        settled, self._looked = stamps == self._looked, stamps
        if not settled or stamps == self._judged:
            return
        found = await asyncio.to_thread(self._read, stamps)
        policy = found.loaded.policy
        if policy.numbers is not None:
            await policy.numbers.crosswalk.follow_too(
                [partner.name for partner in policy.partners.values() if partner.crosswalk]
            )
        self._tell(found)
        if policy is not self._loaded.policy:
            self._service = service(policy)
        self._loaded, self._in_force, self._faults, self._judged = *found, stamps

    def _read(self, stamps: Stamps) -> _Read:
        loaded, in_force, faults = self._loaded, dict(self._in_force), dict[Path, str]()
        changed = {file for file, stamp in stamps.items() if self._judged.get(file) != stamp or file in self._faults}
        rates = self.settings.policies / RATES
        context, partners, schemas = loaded.context, dict(loaded.policy.partners), loaded.policy.schemas
        try:
            if rates in changed:
                name = content_name(rates)
                context = replace(context, rates=load_rates(rates, self.settings.currency))
                in_force[rates] = name
                changed |= stamps.keys()
        except (ConfigError, OSError) as error:
            faults[rates] = f"{error} The rates before it stay in force."
        for file in sorted(changed - {rates}):
            try:
                check_file(file)
                name = content_name(file)
                partner = load_partner(file, context)
                if partner.registry and schemas is None:
                    schemas = schemas_of(self.settings, [partner.name])
            except (ConfigError, OSError) as error:
                before = "The mapping before it stays in force." if file in in_force else "It is not in force."
                faults[file] = f"{error} {before}"
                continue
            partners[partner.name], in_force[file] = partner, name
        for file in in_force.keys() - stamps.keys():
            faults[file] = f"{file} is gone. What it said stays in force until the services are restarted."
        if in_force == self._in_force:
            return _Read(loaded, in_force, faults)
        policy: Policy = loaded.policy._replace(partners=partners, schemas=schemas)
        return _Read(Loaded(policy, context), in_force, faults)

    def _tell(self, found: _Read) -> None:
        for file, name in found.in_force.items():
            if self._in_force.get(file) != name:
                log.info("a file is in force", file=file.name, content=name, before=self._in_force.get(file))
        for file, sentence in found.faults.items():
            if self._faults.get(file) != sentence:
                log.error("a file is not used", file=file.name, because=sentence)


def _stamps(settings: IngestSettings) -> Stamps:
    files = [*settings.partners.glob("[!.]*.toml"), settings.policies / RATES]
    stamps = {}
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        stamps[file] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return stamps
