"""The alert rules and the dashboard query metrics that the bot and the engine export."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

# The metrics are registered when their modules are imported.
import bot.__main__  # noqa: F401
import engine.service  # noqa: F401

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
QUERIES = [each["expr"] for each in (*RULES, *TARGETS)]

PROMETHEUS_LABELS = {"job", "instance", "le"}
"""Labels that Prometheus adds, and the label of a histogram's buckets."""
SELECTOR = re.compile(r"\b(up|imagine_\w+)(?:\{([^}]*)\})?")
DURATION = r"(\d+[smhd])+"


def exported_metrics() -> dict[str, set[str]]:
    """The labels of every exported metric, by the name that Prometheus stores."""
    return {
        name: {*collector._labelnames}  # type: ignore[attr-defined]
        for name, collector in REGISTRY._names_to_collectors.items()
        if name.startswith("imagine_") and not name.endswith("_created")
    }


def selectors(query: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics of a query, each with the labels of its matchers."""
    for name, matchers in SELECTOR.findall(query):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_in_a_query_is_exported_with_its_labels(query: str) -> None:
    metrics = exported_metrics() | {"up": set()}
    found = dict(selectors(query))
    assert found
    assert {name: labels for name, labels in found.items() if name not in metrics} == {}
    labels = PROMETHEUS_LABELS.union(*(metrics[name] for name in found))
    assert set().union(*found.values()) <= labels
    grouped = re.findall(r"(?:by|without|ignoring|on) \(([^)]*)\)", query)
    assert {label.strip() for each in grouped for label in each.split(",")} <= labels
    assert query.count("(") == query.count(")")


def test_histograms_are_queried_by_bucket_and_counters_by_rate() -> None:
    for query in QUERIES:
        assert ("histogram_quantile(" in query) == ("_bucket" in query), query
        for counter in re.findall(r"\w+_(?:count|bucket)\b", query):
            assert re.search(rf"(rate|increase)\({counter}(\{{[^}}]*\}})?\[", query), query


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for target in TARGETS for name, _ in selectors(target["expr"])}
    missing = [
        collector
        for collector in {REGISTRY._names_to_collectors[name] for name in exported_metrics()}
        if not shown & {*REGISTRY._get_names(collector)}
    ]
    assert missing == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_has_a_severity_and_a_description(rule: dict[str, Any]) -> None:
    assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Imagine[A-Z]\w+", rule["alert"])
    assert re.fullmatch(DURATION, rule.get("for", "1m"))
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}
    known = set().union(*exported_metrics().values()) | PROMETHEUS_LABELS
    for text in rule["annotations"].values():
        assert {*re.findall(r"\$labels\.(\w+)", text)} <= known
        assert not re.search(r"\{\{(?! \$(value|labels\.\w+)( \| humanize\w+)? \}\})", text)


def test_alert_names_are_unique() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len({*names}) == len(names)


def test_panels_do_not_overlap_and_have_unique_ids() -> None:
    """They fill all 24 columns of Grafana's grid."""
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in PANELS)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len({*cells}) == len(cells)
    assert {x for x, _ in cells} == {*range(24)}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert panel["type"] in ("stat", "timeseries")
        references = [target["refId"] for target in panel["targets"]]
        assert len({*references}) == len(references) > 0
        sources = {target["datasource"]["uid"] for target in (panel, *panel["targets"])}
        assert sources == {"${datasource}"}  # a variable, selected at the top of the dashboard
