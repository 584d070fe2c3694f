"""Reads what ingest works by: the partners' mappings, the exchange rates, where behavior ends, and the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, cast

from services.ingest.core.compiling import compile_partner
from services.ingest.core.context import ReadingContext, assumed_customers, digests, pseudonyms
from services.ingest.core.mapping import MappingFaultsError, PartnerMapping
from services.ingest.core.money import RateError, Rates, read_rates
from services.ingest.core.partner import Partner
from services.ingest.core.unsaid import hint
from services.ingest.service import Numbers, Policy, customers_of
from services.ingest.settings import IngestSettings
from shared import toml_file
from shared.contracts.retention_profile import Profile
from shared.kafka.crosswalk import Crosswalk
from shared.kafka.schemas import LIBRARIES, Schemas
from shared.partner_files import check_file, partner_files
from shared.policy_file import RATES, load_kinds, load_policy, profile_file
from shared.runner.one_story.commit_note import owner_of
from shared.settings import key_bytes
from shared.toml_file import ConfigError, content_name, error_at, first_of, text_of


class Loaded(NamedTuple):
    """What ingest is given, and what further mappings are read with."""

    policy: Policy
    context: ReadingContext


def load(settings: IngestSettings) -> Loaded:
    """Raises ConfigError."""
    key = key_bytes(settings.key)
    crosswalk = Crosswalk(key)
    context = load_context(settings, crosswalk)
    wait_ms = round(settings.crosswalk_wait_s * 1000)
    partners = load_partners(settings.partners, context)
    schemas = schemas_of(settings, [partner.name for partner in partners.values() if partner.registry])
    return Loaded(Policy(partners, owner_of(key), Numbers(crosswalk, wait_ms), schemas, key), context)


def schemas_of(settings: IngestSettings, partners: list[str]) -> Schemas | None:
    """Raises ConfigError for a partner with a registry where there is none, or nothing to read its schemas with."""
    if not partners:
        return None
    file = settings.partners / f"{partners[0]}.toml"
    if settings.schema_registry is None:
        sentence = "There is no schema registry; set GOODSTANDING_SCHEMA_REGISTRY to its address."
        raise error_at(file, ("registry",), sentence)
    for library in LIBRARIES:
        if find_spec(library) is None:
            sentence = f"The library {library} is not installed. Add the extra: goodstanding[registry]"
            raise error_at(file, ("registry",), sentence)
    return Schemas(settings.schema_registry)


def load_context(settings: IngestSettings, crosswalk: Crosswalk | None = None) -> ReadingContext:
    """Without the crosswalk each customer number is taken for a person of its own. Raises ConfigError."""
    load_kinds(settings.policies)
    key = key_bytes(settings.key)
    profile = load_policy(profile_file(settings.policies, settings.retention_profile), Profile)
    return ReadingContext(
        zone=settings.zone_info,
        rates=load_rates(settings.policies / RATES, settings.currency),
        behavior_days_late_max=profile.behavior_days_late_max,
        person_of=pseudonyms(key, settings.identity_scheme),
        customers_of=partial(customers_of, crosswalk)
        if crosswalk is not None
        else assumed_customers(key_bytes(settings.key)),
        digest_of=digests(key),
    )


def load_rates(path: Path, base: str) -> Rates:
    """Raises ConfigError."""
    return parse_rates(path, text_of(path), base)


def parse_rates(path: Path, text: str, base: str) -> Rates:
    """The rates that a text says, which is or will be that of the file. Raises ConfigError."""
    try:
        return read_rates(text, base)
    except RateError as error:
        raise first_of(ConfigError(path, each.line, "", each.sentence) for each in (error, *error.others)) from None


def load_mapping(path: Path) -> PartnerMapping:
    """What a mapping file says, in the right types. Raises ConfigError with file, line and key."""
    return toml_file.load(path, PartnerMapping, hint)  # type: ignore[arg-type]  # a union is a type to msgspec only


def load_partner(path: Path, deployment: ReadingContext) -> Partner:
    """The partner of one mapping file, named as the file is. Raises ConfigError with file, line and key, also for a
    name that no topic can carry and for what is no file."""
    check_file(path)
    try:
        mapping = load_mapping(path)
    except ConfigError as error:
        # Of a file with keys that nobody knows, whatever else is wrong is told at once.
        known = cast(PartnerMapping | None, error.rest)
        raise first_of([*error.all, *(_faults(path, known, deployment) if known else ())]) from None
    try:
        partner = compile_partner(path.stem, mapping, deployment)
    except MappingFaultsError as found:
        raise first_of(error_at(path, each.key, each.sentence) for each in found.errors) from None
    return replace(partner, mapping=f"{partner.name}@{content_name(path)}")


def _faults(path: Path, mapping: PartnerMapping, deployment: ReadingContext) -> Sequence[ConfigError]:
    try:
        compile_partner(path.stem, mapping, deployment)
    except MappingFaultsError as found:
        return [error_at(path, each.key, each.sentence) for each in found.errors]
    return ()


def load_partners(directory: Path, deployment: ReadingContext) -> Mapping[str, Partner]:
    """All partners of a directory, by name. Raises ConfigError, also for a name that no topic can carry."""
    return {file.stem: load_partner(file, deployment) for file in partner_files(directory)}
