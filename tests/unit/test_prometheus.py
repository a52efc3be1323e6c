"""What Prometheus and Grafana are given: expressions that parse, and targets that the production layout has."""

import re
from pathlib import PurePosixPath
from typing import Any

import promql_parser
import pytest
import yaml

from tests.architecture.documents import text
from tests.architecture.watching import expressions

SCRAPED = yaml.safe_load(text("deploy/prometheus/prometheus.yml"))
COMPOSE = yaml.safe_load(text("docker-compose.yml"))["services"]
RULES = PurePosixPath("deploy/prometheus")


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_of_rules_and_dashboard_parses(expression: str) -> None:
    assert promql_parser.parse(expression.replace("$__rate_interval", "5m"))


def test_what_is_no_promql_does_not_parse() -> None:
    with pytest.raises(ValueError, match="invalid promql query"):
        promql_parser.parse("sum by (code (paidcase_alerts_open)) > 0")


@pytest.mark.parametrize("job", SCRAPED["scrape_configs"], ids=lambda job: str(job["job_name"]))
def test_prometheus_asks_services_of_the_production_layout_where_they_serve(job: dict[str, Any]) -> None:
    (found,) = job["dns_sd_configs"]
    assert found["type"] == "A"
    for name in found["names"]:
        given = COMPOSE[name]["environment"]
        serves = {given.get("HTTP_PORT"), re.sub(r".*:(\d+)\}?$", r"\1", given["METRICS_ADDRESS"])}
        assert str(found["port"]) in serves


def test_every_process_of_ours_that_stays_is_asked() -> None:
    asked = {name for job in SCRAPED["scrape_configs"] for found in job["dns_sd_configs"] for name in found["names"]}
    assert asked == {"api", "worker"}


def test_the_rules_that_prometheus_reads_are_there() -> None:
    assert [text(str(RULES / PurePosixPath(name).name)) != "" for name in SCRAPED["rule_files"]] == [True]
