"""The AsyncAPI document: valid, current, whole, and its examples do as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.samples import Setting, samples
from shared.contracts.cloudevents import Headers
from shared.contracts.dead_letters import redriven_headers
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import TYPES, Refusal
from shared.contracts.published import asyncapi
from shared.contracts.refusals import refusal_headers
from shared.contracts.topics import PROCESSES, topics
from shared.runner.answers import dead_letter
from shared.runner.service import DeadLetter

DOCUMENT = asyncapi.document()
MESSAGES = DOCUMENT["components"]["messages"]
SPECIFICATION = json.loads(Path(__file__).with_name("asyncapi-3.1.0.schema.json").read_text(encoding="utf-8"))
REGISTRY: Registry[Any] = Registry().with_resource("urn:document", DRAFT7.create_resource(DOCUMENT))


def validator(message: str, part: str) -> Draft7Validator:
    """Of the payload or the headers of a message, references into the document included."""
    where = f"urn:document#/components/messages/{message}/{part}"
    return Draft7Validator({"$ref": where}, registry=REGISTRY)


def test_it_is_an_asyncapi_3_document() -> None:
    errors = list(Draft7Validator(SPECIFICATION).iter_errors(DOCUMENT))
    assert not errors, [f"{error.json_path}: {error.message[:200]}" for error in errors]


@pytest.mark.parametrize("part", ["asyncapi", "info", "channels.scores.changed.address"])
def test_the_specification_would_notice(part: str) -> None:
    broken = json.loads(asyncapi.text())
    if part.startswith("channels"):
        broken["channels"]["scores.changed"]["address"] = 7
    else:
        del broken[part]
    assert not Draft7Validator(SPECIFICATION).is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            node = list(node.values())
        if isinstance(node, list):
            for member in node:
                yield from references(member)

    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        target: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_topic_is_a_channel_with_its_writers_and_readers() -> None:
    table = topics(["partner"])
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {topic.name.replace(".partner", ".{partner}") for topic in table}
    expected = {
        (service, action, topic.name.removesuffix(".partner"))
        for topic in table
        for action, services in (("send", topic.writers), ("receive", topic.readers))
        for service in services
        if service in PROCESSES
    }
    operations = DOCUMENT["operations"].values()
    assert {
        (each["tags"][0]["name"], each["action"], each["channel"]["$ref"].removeprefix("#/channels/"))
        for each in operations
    } == expected


def test_every_type_is_on_a_topic_and_has_good_and_bad_examples() -> None:
    for name in TYPES.values():
        assert MESSAGES[name]["examples"]
        assert MESSAGES[name]["x-refused"]
    carried = {name for channel in DOCUMENT["channels"].values() for name in channel["messages"]}
    assert carried == MESSAGES.keys()


def test_a_message_on_no_topic_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(asyncapi.CARRIES, "scores.changed")
    with pytest.raises(ValueError, match=r"goodstanding\.score\.changed\.v1"):
        asyncapi.document()


EXAMPLES = [
    (name, part, example["name"], example[part])
    for name, message in MESSAGES.items()
    for example in message.get("examples", [])
    for part in ("payload", "headers")
    if part in example
]


@pytest.mark.parametrize(("name", "part", "example", "value"), EXAMPLES, ids=[f"{e[0]}-{e[2]}" for e in EXAMPLES])
def test_good_examples_fit(name: str, part: str, example: str, value: Any) -> None:
    if part == "headers":  # examples of refusals show what is theirs, not the attributes that every message has
        value = {"ce_specversion": "1.0", "ce_id": "i", "ce_source": "/ingest", "ce_type": name, **value}
    validator(name, part).validate(value)


@pytest.mark.parametrize("name", sorted({*TYPES.values()} - {TYPES[Refusal]}))
def test_bad_examples_of_form_do_not_fit(name: str) -> None:
    of_form = {"missing-field", "unknown-kind", "out-of-bounds", "wrong-type", "text-length", "text-form"}
    bad = [each for each in MESSAGES[name]["x-refused"] if each["code"] in of_form]
    assert bad
    for each in bad:
        assert not validator(name, "payload").is_valid(each["payload"]), each["name"]


def test_what_the_native_partner_sends_fits() -> None:
    setting = Setting("CNY", ZoneInfo("Asia/Shanghai"), datetime(2026, 1, 15, tzinfo=UTC))
    by_type = {MESSAGES[name]["name"]: name for name in ("native.behavior", "native.record")}
    seen = set()
    for event in islice(samples("city", mapping_of("city"), setting, seed=0), 60):
        value = json.loads(event.value)
        validator(by_type[value["type"]], "payload").validate(value)
        seen.add(value["type"])
    assert seen


def _texts(headers: Headers) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in headers}


def test_headers_as_services_write_them_fit() -> None:
    fault = Fault(Code.IN_FUTURE, "ce_time", "Too early.")
    refusal = _texts(refusal_headers("ingest", "behavior.raw.bank/0/1", fault, "e"))
    validator("goodstanding.event.rejected.v1", "headers").validate(refusal)
    for place in ("behavior.raw.bank/0/1", "timer/24312", "timer/"):
        letter = dead_letter("ingest", DeadLetter("misplaced", "Why."), place)
        validator("goodstanding.record.dead-lettered.v1", "headers").validate(_texts(letter.headers))
    note = _texts(redriven_headers("behavior.raw.bank/0/1", 1))
    validator("goodstanding.record.redriven.v1", "headers").validate(note)


def test_it_is_committed_and_a_stale_one_is_noticed(tmp_path: Path) -> None:
    assert asyncapi.check() == []
    file = tmp_path / "asyncapi.json"
    assert len(asyncapi.check(file)) == 1
    asyncapi.write(file)
    assert asyncapi.check(file) == []
    file.write_text(file.read_text().replace("compact", "delete"))
    assert len(asyncapi.check(file)) == 1
