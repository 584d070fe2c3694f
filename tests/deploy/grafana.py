"""Whether what Grafana reads is what Grafana knows; a name that it does not know it passes over in silence."""

from __future__ import annotations

import enum
import json
import re
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import UnknownDataquery, panelcfg_config
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldConfig,
    FieldConfigSource,
    Panel,
)

register_default_plugins()

_UNITS = {value for value in vars(units).values() if isinstance(value, str)}
_COLOR = re.compile(r"((super-light|light|semi-dark|dark)-)?(red|orange|yellow|green|blue|purple)")
_TRANSFORMATIONS = {"organize": {"excludeByName", "includeByName", "indexByName", "renameByName"}}
"""The options of those in use; the library has no types for them."""
_ANYTHING = {(DataTransformerConfig, "options"), (DynamicConfigValue, "value"), (UnknownDataquery, "data")}
"""What the library takes as it is, and is looked at in another way."""
_JSON: dict[Any, Any] = {float: (float, int), object: str}
"""The values of a type, where it is not those of that name. An object is one of the library's types, or a name."""


def problems(document: dict[str, Any]) -> list[str]:
    """What in a dashboard is not in Grafana's schema, by the types that Grafana Labs publishes."""
    return list(_unfit(Dashboard, document, "dashboard"))


def _unfit(model: Any, value: dict[str, Any], at: str) -> Iterator[str]:
    """The library's parsers leave out the names that they do not know, and take any value."""
    parsed = model.from_json(value)
    kept = dict(_leaves(json.loads(JSONEncoder().encode(parsed)), at))
    for place, leaf in _leaves(value, at):
        if place not in kept or kept[place] != leaf:
            yield f"{place}: {leaf!r} is lost"
    yield from _untyped(parsed, model, at)


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _leaves(member, f"{at}.{name}")
    elif isinstance(value, list) and value:
        for index, member in enumerate(value):
            yield from _leaves(member, f"{at}.{index}")
    else:
        yield at, value


def _untyped(value: Any, hint: Any, at: str) -> Iterator[str]:
    """Values that are not of their declared type."""
    kind, members = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        if value is None and types.NoneType in members:
            return
        possible = [each for each in members if each is not types.NoneType]
        chosen = [each for each in possible if isinstance(each, type) and isinstance(value, each)] or possible
        yield from min((list(_untyped(value, each, at)) for each in chosen), key=len)
    elif kind is list and isinstance(value, list):
        for index, member in enumerate(value):
            yield from _untyped(member, members[0], f"{at}.{index}")
    elif kind is dict and isinstance(value, dict):
        for name, member in value.items():
            yield from _untyped(member, members[1], f"{at}.{name}")
    elif kind is Literal:
        if value not in members:
            yield f"{at}: {value!r} is none of {members}"
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in [member.value for member in kind]:
            yield f"{at}: {value!r} is no {kind.__name__}"
    elif hasattr(kind, "from_json") and isinstance(value, dict):
        yield from _unfit(kind, value, at)  # which the library has left as it was
    elif hasattr(value, "to_json") and isinstance(value, kind):
        yield from _of_its_own(value, at)
        for name, inner in get_type_hints(type(value)).items():
            if (type(value), name) not in _ANYTHING:
                yield from _untyped(getattr(value, name), inner, f"{at}.{name}")
    elif not isinstance(value, _JSON.get(kind, kind)) or (isinstance(value, bool) and kind is not bool):
        yield f"{at}: {value!r} is no {kind.__name__}"


def _of_its_own(value: Any, at: str) -> Iterator[str]:
    """What the library's types do not say."""
    match value:
        case Panel() if panelcfg_config(value.type_val) is None:
            yield f"{at}: there is no panel of type {value.type_val!r}"
        case UnknownDataquery():
            yield f"{at}: of no data source that is known"
        case FieldConfig() if value.unit is not None and value.unit not in _UNITS:
            yield f"{at}: {value.unit!r} is no unit"
        case FieldConfigSource():
            for index, override in enumerate(value.overrides):
                for each in override.properties:
                    of_panel = each.id_val.startswith("custom.")
                    model = type(value.defaults.custom) if of_panel else FieldConfig
                    changed = {each.id_val.removeprefix("custom."): each.value}
                    yield from _unfit(model, changed, f"{at}.overrides.{index}")
        case DataTransformerConfig(id_val=name, options=dict(options)):
            for unknown in options.keys() - _TRANSFORMATIONS.get(name, set()):
                yield f"{at}: {name!r} has no option {unknown!r}"
    for name, color in vars(value).items():
        if name.endswith("color") and isinstance(color, str) and not _COLOR.fullmatch(color):
            yield f"{at}.{name}: {color!r} is no color"


class _Provisioned(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """With the names that Grafana's documentation gives; the library knows nothing of these files."""


class _Options(_Provisioned):
    path: str
    folders_from_files_structure: bool = False


class _Provider(_Provisioned):
    name: str
    type: Literal["file"]
    options: _Options
    org_id: int = 1
    folder: str = ""
    folder_uid: str = ""
    disable_deletion: bool = False
    update_interval_seconds: int = 10
    allow_ui_updates: bool = False


class Providers(_Provisioned):
    api_version: Literal[1]
    providers: list[_Provider]


class _Prometheus(_Provisioned):
    time_interval: str = "15s"
    query_timeout: str = "60s"
    http_method: Literal["POST", "GET"] = "POST"


class _DataSource(_Provisioned):
    name: str
    uid: str
    type: Literal["prometheus"]
    access: Literal["proxy"]
    url: str
    json_data: _Prometheus
    org_id: int = 1
    is_default: bool = False
    editable: bool = False


class DataSources(_Provisioned):
    api_version: Literal[1]
    datasources: list[_DataSource]
