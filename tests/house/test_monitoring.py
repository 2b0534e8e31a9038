"""Kinds of security events are recorded and documented; dashboards and alerts ask for metrics that exist."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from gateway.monitoring import metrics
from gateway.monitoring.security_events import BY_CODE, BY_STATUS, KINDS
from gateway.process import gauges
from tests.house.sources import nodes
from tests.one_database import database_url  # noqa: F401

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "fenqi.json").read_text(encoding="utf-8"))
RECORDING = ("security_event", "returned_refusal", "note")
NAME = re.compile(r"\bfenqi_[a-z_]+")
LABELS = re.compile(r"(fenqi_[a-z_]+)\{([^}]*)\}")


def recorded() -> Iterator[str]:
    """Kinds that the code names where it records one."""
    yield from BY_CODE.values()
    yield from BY_STATUS.values()
    for room in ("gateway", "merchant_portal"):
        for path in (ROOT / room).rglob("*.py"):
            for node in nodes(path):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    if name in RECORDING and str(node.args[0].value) not in ("", "None"):
                        yield str(node.args[0].value)


def test_every_kind_is_recorded_somewhere_and_every_recorded_kind_is_listed() -> None:
    assert {kind for kind in recorded() if re.fullmatch(r"[a-z_]+", kind)} == set(KINDS)


def test_every_kind_is_in_the_table_of_the_page() -> None:
    table = PAGE.partition("<!-- events -->\n")[2].partition("<!-- end of events -->")[0]
    rows = [f"| `{name}` | {kind.outcome} | {kind.meaning} |" for name, kind in KINDS.items()]
    assert table.splitlines()[2:] == rows


def exposed(app: Flask) -> dict[str, set[str]]:
    """Names that may be asked for, as /metrics spells them, with the labels of each."""
    text = (metrics.counted() + gauges.of(app.extensions["fenqi"])).decode()
    labels: dict[str, set[str]] = {}
    for collector, names in metrics.REGISTRY._collector_to_names.items():
        own = set(getattr(collector, "_labelnames", ()))
        labels |= {name: own | ({"le"} if name.endswith("_bucket") else set()) for name in names}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def asked() -> list[str]:
    """Every expression of the dashboard and of the alerts."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]


def test_dashboard_and_alerts_ask_for_metrics_and_labels_that_exist(app: Flask) -> None:
    there = exposed(app)
    for expression in asked():
        for name in NAME.findall(re.sub(r'"[^"]*"', '""', expression)):
            assert name in there, (name, expression)
        for name, matchers in LABELS.findall(expression):
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= there[name], expression
    kinds = re.findall(r'kind=~?"([^"]+)"', " ".join(asked()))
    assert {kind for group in kinds for kind in group.split("|")} <= set(KINDS)
    assert all(
        expression.count(a) == expression.count(b) for expression in asked() for a, b in ("()", "[]", "{}")
    )


def test_every_metric_is_documented_and_every_documented_metric_exists(app: Flask) -> None:
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed(app)}
    families = {name for name in plain if name + "_total" not in plain and not name.endswith("_created")}
    rows = set(re.findall(r"^\| `(fenqi_\w+)` \|", PAGE, re.MULTILINE))
    assert rows == families


def test_every_alert_says_what_it_means_what_to_do_and_where_more_stands() -> None:
    headings = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    rules: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len(rules) > 10
    for rule in rules:
        notes = rule["annotations"]
        assert notes["summary"], rule
        assert notes["action"].endswith("."), rule
        page, _, anchor = notes["docs"].partition("#")
        assert (page, anchor in anchors) == ("docs/monitoring.md", True), notes
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_whatever_waits_too_long_or_fails_has_an_alert(app: Flask) -> None:
    """A gauge that says late, overdue, failing or how long something waits is asked for by an alert, not by chance."""
    kind = re.compile(r"_(overdue|failing|stuck|late|dead|lag_seconds|verified_timestamp_seconds)$")
    alerts = {
        name for group in ALERTS["groups"] for rule in group["rules"] for name in NAME.findall(rule["expr"])
    }
    found = {name for name in exposed(app) if kind.search(name)}
    assert {"fenqi_complaints_overdue", "fenqi_reviews_overdue", "fenqi_outbox_lag_seconds"} <= found
    assert found <= alerts
