"""A JSON Schema of each kind of TOML file, `docs/schemas`: made from the types that the services read the files with.

An editor completes and marks by it what the types say, and a few things more that are closed lists: kinds, months. All
that a policy must hold besides, such as its shares, is found by `goodstanding policy check`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import inspect

from goodstanding.person.held import Export
from goodstanding.published import docstrings
from goodstanding.published.bounds import BOUNDS, OF_FEATURES, Object, some_kinds
from services.benefits.core.table import TierTable
from services.ingest.core.mapping import PartnerMapping
from services.scorer.core.features import AnyFeature
from services.scorer.core.features.base import Feature, Windowed
from services.scorer.core.scorecard import Scorecard
from shared.contracts.own_kinds import OwnKinds
from shared.contracts.retention_profile import Profile
from shared.policy_file import OWN_KINDS
from shared.settings import ROOT

DIRECTORY = ROOT / "docs" / "schemas"
_DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors of TOML understand most widely."""
TYPES: Mapping[str, Any] = {
    "scorecard": Scorecard,
    "benefits": TierTable,
    "retention": Profile,
    "partner": PartnerMapping,
    "kinds": OwnKinds,
}
"""By the names of the schemas' files."""
FILES: Mapping[str, tuple[str, ...]] = {
    "scorecard": ("policies/scorecard*.toml", "policies/credit-card.toml"),
    "benefits": ("policies/benefits.toml",),
    "retention": ("policies/retention/*.toml",),
    "partner": ("partners/*.toml",),
    "kinds": (f"policies/{OWN_KINDS}",),
}
"""Which shipped files are of which kind; a deployment's own kinds are in none."""


def schema(name: str) -> Object:
    """The schema of a kind of file."""
    made = msgspec.json.schema(TYPES[name])
    parts: dict[str, Object] = made.pop("$defs")
    for cls in _structs(TYPES[name]):
        if cls.__name__ in parts:
            _describe(parts[cls.__name__], cls)
    whole = parts.pop(made["$ref"].rpartition("/")[2]) if "$ref" in made else made
    document = {"$schema": _DRAFT, **whole, "definitions": parts}
    return _for_toml(document)


def text(name: str) -> str:
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """What each file of schemas should hold."""
    return {DIRECTORY / f"{name}.json": text(name) for name in TYPES} | {DIRECTORY / "export.json": export_text()}


def export_text() -> str:
    """The schema of what a person gets who asks for all that is held."""
    made = msgspec.json.schema(Export)
    for part in made["$defs"].values():
        if "description" in part:
            # Each release of Python has its own opinion on how far the lines of a docstring are indented.
            part["description"] = docstrings.one_line(part["description"])
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def shipped() -> Iterator[tuple[str, Path]]:
    """Every shipped file, and the kind that it is of."""
    for name, patterns in FILES.items():
        for pattern in patterns:
            for file in sorted(ROOT.glob(pattern)):
                yield name, file


def directive(file: Path, name: str) -> str:
    """The line at the beginning of a file that tells an editor where its schema is."""
    up = "../" * len(file.relative_to(ROOT).parent.parts)
    return f"#:schema {up}docs/schemas/{name}.json"


def _structs(type_: Any) -> set[type]:
    """All structs of which a file of this type is made."""
    found: set[type] = set()

    def walk(info: Any) -> None:
        if isinstance(info, inspect.StructType):
            if info.cls in found:
                return
            found.add(info.cls)
            for field in info.fields:
                walk(field.type)
        for part in ("types", "item_types"):
            for each in getattr(info, part, ()):
                walk(each)
        for part in ("item_type", "key_type", "value_type"):
            if (each := getattr(info, part, None)) is not None:
                walk(each)

    walk(inspect.type_info(type_))
    return found


def _describe(part: Object, cls: type) -> None:
    """Add what the code says of each field, and closed lists that the types leave open."""
    part.pop("title", None)
    if said := docstrings.of_class(cls):
        part["description"] = said
    names = {field.name: field.encode_name for field in msgspec.structs.fields(cls)}
    properties = part["properties"]
    for name, words in docstrings.of_fields(cls).items():
        if name in names and "$ref" not in (described := properties[names[name]]):
            described["description"] = words
    for name, bounds in BOUNDS.get(cls, {}).items():
        _add(properties[name], bounds)
    for field in msgspec.structs.fields(cls):
        match inspect.type_info(field.type):
            case inspect.DictType(key_type=inspect.EnumType(cls=keys)):
                _close_table(properties[field.encode_name], [each.value for each in keys])
    if issubclass(cls, Feature):
        _close_feature(properties, cls)


def _close_table(table: Object, keys: Iterable[str]) -> None:
    """The keys can be these alone, so that an editor completes them."""
    value = table.pop("additionalProperties")
    table |= {"properties": dict.fromkeys(keys, value), "additionalProperties": False}


def _close_feature(properties: Object, cls: type[Feature]) -> None:
    for name, bounds in OF_FEATURES.items():
        if name in properties:
            _add(properties[name], bounds)
    if issubclass(cls, Windowed):
        _add(properties["kinds"], some_kinds(cls.shapes))


def _add(described: Object, said: Object) -> None:
    """What is said of a value, or of the values in it, beside what its type says."""
    for key, value in said.items():
        if isinstance(value, dict) and isinstance(described.get(key), dict):
            _add(described[key], value)
        else:
            described[key] = deepcopy(value)


def _value_for_toml(value: Any) -> Any:
    if isinstance(value, list):
        return [_value_for_toml(each) for each in value if each != {"type": "null"}]
    if isinstance(value, dict):
        return _for_toml(value)
    return value.replace("#/$defs/", "#/definitions/") if isinstance(value, str) else value


def _for_toml(node: Object) -> Object:
    """The same without null, which TOML cannot write, and with the words of the draft."""
    made = {key: _value_for_toml(value) for key, value in node.items() if not (key == "default" and value is None)}
    made.pop("discriminator", None)
    if "prefixItems" in made:
        made |= {"items": made.pop("prefixItems"), "additionalItems": False}
    if len(made.get("anyOf", ())) == 1:
        [only] = made.pop("anyOf")
        made = {**only, **made}
    return made


def features() -> tuple[type[Feature], ...]:
    """The closed set, in its order."""
    return get_args(AnyFeature)
