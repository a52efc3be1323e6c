"""Alert rules and dashboard as data: their expressions, and which metrics and labels these ask for."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.documents import text

Labels = dict[str, set[str]]
METRIC = re.compile(r"\b((?:paidcase|temporal)_[a-z0-9_]+)\b(?:\s*\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    groups = yaml.safe_load(text("deploy/prometheus/rules.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    """Of rules and panels."""
    panels = json.loads(text("deploy/grafana/paidcase.json"))["panels"]
    return [rule["expr"] for rule in rules()] + [target["expr"] for panel in panels for target in panel["targets"]]


def asked(of: Iterable[str]) -> Labels:
    """Metrics by name, with the labels that expressions select or group by."""
    found: Labels = defaultdict(set)
    for expression in of:
        grouped = {name.strip() for names in GROUPING.findall(expression) for name in names.split(",") if name.strip()}
        for name, selected in METRIC.findall(expression):
            found[name] |= grouped | set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selected))
    return found


def told(exposition: str) -> Labels:
    """Samples of Prometheus' text format by name, with the labels that they carry."""
    found: Labels = defaultdict(set)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


def unanswered(wanted: Labels, exposition: str, beginning: str = "") -> list[str]:
    """What is asked for, of metrics whose name begins so, and not told."""
    there = told(exposition)
    return [
        f"{name}{sorted(labels - there[name]) if name in there else ''}"
        for name, labels in sorted(wanted.items())
        if name.startswith(beginning) and (name not in there or labels - there[name])
    ]
