"""What Alertmanager is told of alerts is true of those that the rules have."""

from __future__ import annotations

import re
from itertools import chain

import yaml

from shared.settings import ROOT
from tests.deploy.queries import alerts, rules

CONFIGURATION = yaml.safe_load((ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text())
_MATCHER = re.compile(r'(\w+) =~? "?([\w|]+)"?')


def named(label: str, matchers: list[str]) -> set[str]:
    """The values of the label that these matchers let through."""
    found = (match.groups() for match in map(_MATCHER.fullmatch, matchers) if match)
    return {value for name, values in found if name == label for value in values.split("|")}


def test_every_severity_has_a_receiver() -> None:
    routes = CONFIGURATION["route"]["routes"]
    routed = set(chain.from_iterable(named("severity", route["matchers"]) for route in routes))
    assert routed == {rule["labels"]["severity"] for rule in rules() if "alert" in rule}
    assert {route["receiver"] for route in routes} <= {each["name"] for each in CONFIGURATION["receivers"]}


def test_what_is_silenced_by_something_else_exists() -> None:
    for rule in CONFIGURATION["inhibit_rules"]:
        for side in ("source_matchers", "target_matchers"):
            assert (names := named("alertname", rule[side]))
            assert names <= {*alerts()}
