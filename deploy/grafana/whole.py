"""A dashboard, out of headings and lines of panels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

from deploy.grafana.panels import PROMETHEUS
from deploy.grafana.queries import FIRING

Line: TypeAlias = list[stat.Panel | statetimeline.Panel | table.Panel | timeseries.Panel]
"""Panels side by side, of one width; the first are wider where 24 columns cannot be shared equally."""


def text(name: str, lines: Iterable[str | Line], past: str = "now-1h") -> str:
    """The file of the dashboard `name`, which shows what has happened since `past`."""
    return JSONEncoder(indent=2, ensure_ascii=False).encode(_whole(name, lines, past)) + "\n"


def _whole(name: str, lines: Iterable[str | Line], past: str) -> dashboard.Dashboard:
    firing = build.AnnotationQuery().name("Alerts").datasource(PROMETHEUS).enable(True).icon_color("red")
    firing.expr(FIRING).title_format("{{alertname}}").text_format("{{of}}").tag_keys("severity")
    uid = f"goodstanding-{name.replace(' ', '-')}"
    whole = build.Dashboard(f"Goodstanding: {name}").uid(uid).tags(["goodstanding"]).readonly()
    whole.timezone(common.TimeZoneBrowser).time(past, "now").refresh("10s")
    whole.tooltip(dashboard.DashboardCursorSync.CROSSHAIR).annotation(firing).variables([])
    others = build.DashboardLink("Goodstanding").type(dashboard.DashboardLinkType.DASHBOARDS).tags(["goodstanding"])
    whole.link(others.as_dropdown(True).keep_time(True))
    for line in lines:
        if isinstance(line, str):
            whole.with_row(build.Row(line))
            continue
        share, rest = divmod(24, len(line))
        for index, panel in enumerate(line):
            height = 6 if isinstance(panel, stat.Panel) else 8
            whole.with_panel(panel.span(share + (index < rest)).height(height))
    made = whole.build()
    for identity, each in enumerate(made.panels or [], start=1):
        each.id_val = identity
    return made
