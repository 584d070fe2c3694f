"""The kinds of panels that the dashboard is made of, each with the options that all of its kind have."""

from __future__ import annotations

import string
from typing import TypeVar

from grafana_foundation_sdk.builders import common as part
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard, units

from shared.contracts.topics import SERVICES

PROMETHEUS = common.DataSourceRef("prometheus", "goodstanding")
"""As provisioning/datasources/prometheus.yml makes it."""

# A service has the same color in every graph that has one line for each of them; red is for limits.
COLORS = dict(zip(SERVICES, ("blue", "orange", "green", "purple"), strict=True))

Panel = TypeVar("Panel", stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)


def number(
    title: str,
    description: str,
    queries: dict[str, str],
    unit: str = units.LocaleFormat,
    *,
    lowest: str = "green",
    **colors: float,
) -> stat.Panel:
    """What is so at this moment. Only this moment is asked for: what has gone is not shown as it was."""
    panel = stat.Panel().graph_mode(common.BigValueGraphMode.NONE).thresholds(limits(lowest, **colors))
    panel.reduce_options(part.ReduceDataOptions().calcs(["lastNotNull"]))
    targets = [prometheus.Dataquery().legend_format(name).expr(asked).instant() for name, asked in queries.items()]
    return described(panel, title, description, targets, unit)


def graph(
    title: str,
    description: str,
    queries: dict[str, str],
    unit: str = units.LocaleFormat,
    *,
    steps: bool = False,
    logarithmic: bool = False,
    **dashed: float,
) -> timeseries.Panel:
    """Lines over time, with a gap where there is nothing. A dashed limit is in sight only when a line comes near it."""
    panel = timeseries.Panel().line_width(1).fill_opacity(5).show_points(common.VisibilityMode.AUTO)
    panel.legend(part.VizLegendOptions().show_legend(True))
    panel.tooltip(part.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    if logarithmic:
        panel.scale_distribution(part.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10))
    else:
        panel.min(0)
    if steps:
        panel.line_interpolation(common.LineInterpolation.STEP_AFTER)
    if dashed:
        panel.thresholds(limits("green", **dashed))
        panel.thresholds_style(part.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    for service in COLORS if "{{job}}" in queries else ():
        panel.override_by_name(
            service, [option("color", dashboard.FieldColor(dashboard.FieldColorModeId.FIXED, COLORS[service]))]
        )
    targets = [prometheus.Dataquery().legend_format(name).expr(asked).range() for name, asked in queries.items()]
    return described(panel, title, description, targets, unit)


def limits(lowest: str, **colors: float) -> build.ThresholdsConfig:
    """The color of the lowest values, and of those from a value on."""
    steps = [dashboard.Threshold(color=lowest), *(dashboard.Threshold(colors[color], color) for color in colors)]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def option(name: str, value: object) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue(name, value)


def described(
    panel: Panel, title: str, description: str, targets: list[prometheus.Dataquery], unit: str = units.LocaleFormat
) -> Panel:
    panel.title(title).description(description).datasource(PROMETHEUS).unit(unit)
    if unit == units.LocaleFormat:
        panel.decimals(0)
    for letter, target in zip(string.ascii_uppercase, targets, strict=False):
        panel.with_target(target.ref_id(letter).datasource(PROMETHEUS))
    return panel
