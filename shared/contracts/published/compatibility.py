"""Whether a JSON Schema may replace another without a new version: a comparison of the two, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_ANNOTATIONS = frozenset({"$schema", "$id", "title", "description", "examples"})
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_COMPARED = frozenset({"properties", "required", "additionalProperties", "items", "enum", "const", *_LOWER, *_UPPER})


def incompatibilities(old: Schema, new: Schema, followed: bool) -> tuple[str, ...]:
    """Each change that breaks somebody, as `path: what changed`; empty if `new` may take the place of `old`.

    Always breaking: a field removed, a field added that is required, a type changed, anything narrowed that was
    accepted so far. `followed`, for messages that others read: also a field no longer always there, and anything
    widened, since a reader may not expect it.
    """
    return tuple(_compare("data", _inlined(old, old), _inlined(new, new), followed))


def _compare(path: str, old: Schema, new: Schema, followed: bool) -> Iterator[str]:
    old, old_null = _without_null(old)
    new, new_null = _without_null(new)
    if old_null and not new_null:
        yield f"{path}: null is no longer taken"
    if new_null and not old_null and followed:
        yield f"{path}: may now be null"
    for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _COMPARED):
        if old.get(keyword) != new.get(keyword):
            yield f"{path}: `{keyword}` changed from {old.get(keyword)!r} to {new.get(keyword)!r}"
    yield from _bounds(path, old, new, followed)
    yield from _lists(path, old, new, followed)
    yield from _fields(path, old, new, followed)
    if "items" in old and "items" in new:
        yield from _compare(f"{path}[]", old["items"], new["items"], followed)
    elif ("items" in old) != ("items" in new):
        yield f"{path}: `items` changed"


def _bounds(path: str, old: Schema, new: Schema, followed: bool) -> Iterator[str]:
    for keyword in (*_LOWER, *_UPPER):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if before is None or (after is not None and (after > before if keyword in _LOWER else after < before)):
            yield f"{path}: `{keyword}` is narrower ({before} to {after})"
        elif followed:
            yield f"{path}: `{keyword}` is wider ({before} to {after})"


def _lists(path: str, old: Schema, new: Schema, followed: bool) -> Iterator[str]:
    before, after = _closed_list(old), _closed_list(new)
    if after is not None and (before is None or before - after):
        yield f"{path}: no longer taken: {sorted(before - after) if before else 'anything but a closed list'}"
    if before is not None and (after is None or after - before) and followed:
        yield f"{path}: newly possible: {sorted(after - before) if after else 'anything'}"


def _fields(path: str, old: Schema, new: Schema, followed: bool) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        if name not in after:
            yield f"{path}.{name}: the field was removed"
        else:
            yield from _compare(f"{path}.{name}", before[name], after[name], followed)
    for name in sorted(required_after - required_before):
        yield f"{path}.{name}: the field is now required"
    if followed:
        for name in sorted((required_before - required_after) & after.keys()):
            yield f"{path}.{name}: the field is no longer always there"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is False:
        yield f"{path}: other fields are no longer taken"


def _inlined(node: Any, root: Schema) -> Any:
    """The schema with each reference replaced by what it names; keywords beside a reference (a default) stay."""
    if isinstance(node, list):
        return [_inlined(member, root) for member in node]
    if not isinstance(node, dict):
        return node
    beside = {keyword: _inlined(value, root) for keyword, value in node.items() if keyword not in ("$ref", "$defs")}
    if "$ref" not in node:
        return beside
    return {**_inlined(root["$defs"][node["$ref"].removeprefix("#/$defs/")], root), **beside}


def _without_null(node: Schema) -> tuple[Schema, bool]:
    """`anyOf: [X, null]`, which is how pydantic writes `X | None`, as X and True."""
    choices = node.get("anyOf", [])
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(choices) != 2 or len(others) != 1:
        return node, False
    return {**others[0], **{keyword: value for keyword, value in node.items() if keyword != "anyOf"}}, True


def _closed_list(node: Schema) -> set[Any] | None:
    if "const" in node:
        return {node["const"]}
    return set(node["enum"]) if "enum" in node else None
