"""What dashboards, rules and alerts ask Prometheus, as they are shipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from shared.settings import ROOT

PROMETHEUS_FILES = ROOT / "deploy" / "prometheus"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
NAMES = ["pipeline", "records", "runtime", "scores"]
RATE_INTERVAL = "1m"
"""What Grafana would put in the place of $__rate_interval."""

# PromQL without its strings and label lists: what is left and no function, keyword or label is a metric.
_STRING = re.compile(r'"[^"]*"')
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=[\s{\[)>=,]|$)(?!\s*\()")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_LABELS = re.compile(r"\{[^}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]")
_WORDS = {"and", "or", "unless", "bool", "offset"}


def metrics_of(expression: str) -> set[str]:
    for noise in (_STRING, _LABELS, _RANGES, GROUPING):
        expression = noise.sub(" ", expression)
    names = set(_METRIC.findall(expression)) - _WORDS
    return {name for name in names if not re.fullmatch(r"\d.*|[smhd]", name)}


def rule_files() -> list[Path]:
    return sorted((PROMETHEUS_FILES / "rules").glob("*.yml"))


def rules() -> list[dict[str, Any]]:
    return [
        rule for file in rule_files() for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]
    ]


def alerts() -> list[str]:
    return [rule["alert"] for rule in rules() if "alert" in rule]


def dashboard(name: str = "pipeline") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DASHBOARDS / f"{name}.json").read_text())
    return found


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard(name)["panels"]
    return found


def dashboard_queries() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for panel in panels(name):
            for target in panel.get("targets", []):
                asked = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
                yield f"{name}: {panel['title']} {target['refId']}", asked


def marks() -> Iterator[tuple[str, str]]:
    """The annotations, which every graph shows."""
    for name in NAMES:
        for each in dashboard(name)["annotations"]["list"]:
            yield f"mark {each['name']} of {name}", each["expr"]


def selectors(expression: str) -> set[str]:
    """Each metric of the expression with the labels that it is asked for."""
    names = "|".join(sorted(map(re.escape, metrics_of(expression)), key=len, reverse=True))
    return set(re.findall(rf"(?<![\w:])(?:{names})(?![\w:])(?:\{{[^}}]*\}})?", expression))


def shown() -> list[tuple[str, str]]:
    """What must always show something: every panel and every recorded rule."""
    return [*dashboard_queries(), *((rule["record"], rule["expr"]) for rule in rules() if "record" in rule)]
