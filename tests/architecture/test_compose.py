"""The production layout fits the code, and every rule that says so finds what it forbids."""

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.architecture import compose_rules, image_rules
from tests.architecture.layout import RULES, Layout
from tests.architecture.tree import ROOT

_RULES_ARE_IN = (compose_rules, image_rules)  # importing them fills RULES

Services = dict[str, dict[str, Any]]


def real() -> Layout:
    def text(name: str) -> str:
        return (ROOT / name).read_text(encoding="utf-8")

    compose = yaml.safe_load(text("docker-compose.yml"))
    return Layout(compose, text("Dockerfile"), text(".dockerignore"), text(".env.example"))


def put(service: str, *path: str, value: Any) -> Callable[[Services], None]:
    """A mutation: one value of one service becomes another."""

    def mutate(services: Services) -> None:
        at: Any = services[service]
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = value

    return mutate


def drop(service: str, *path: str) -> Callable[[Services], None]:
    """A mutation: something of one service is missing."""

    def mutate(services: Services) -> None:
        at: Any = services[service]
        for name in path[:-1]:
            at = at[name]
        del at[path[-1]]

    return mutate


COMPOSE_BREAKS: list[tuple[str, Callable[[Services], None]]] = [
    ("images_are_pinned", put("temporal-ui", "image", value="temporalio/ui:latest")),
    ("images_are_pinned", put("postgres", "image", value="postgres")),
    ("no_secret_is_written_down", put("postgres", "environment", "POSTGRES_PASSWORD", value="secret")),
    ("no_secret_is_written_down", put("api", "environment", "AUTH_SECRET", value="${AUTH_SECRET:-changeme}")),
    ("no_secret_is_written_down", put("api", "environment", "DATABASE_URL", value="postgresql+asyncpg://a:b@c/d")),
    ("every_setting_reaches_the_application", drop("worker", "environment", "MINIMUM_AMOUNT")),
    ("every_setting_reaches_the_application", drop("api", "environment", "HTTP_HOST")),
    ("every_variable_of_a_container_is_known", put("worker", "environment", "SMTP_HOSTNAME", value="x")),
    ("every_variable_of_a_container_is_known", put("temporal", "environment", "SERVICES", value="x")),
    ("every_variable_of_a_container_is_known", put("temporal-schema", "environment", "SQL_HOSTS", value="x")),
    ("every_variable_is_in_the_example", put("worker", "environment", "LOG_LEVEL", value="${LOGGING:-}")),
    ("the_containers_have_settings_that_load", put("api", "environment", "LOG_FORMAT", value="xml")),
    ("the_containers_have_settings_that_load", put("api", "environment", "HTTP_HOST", value="127.0.0.1")),
    ("the_containers_have_settings_that_load", put("api", "environment", "PGPASSWORD", value="")),
    ("the_containers_have_settings_that_load", put("worker", "environment", "TEMPORAL_ADDRESS", value="server:7233")),
    ("the_containers_have_settings_that_load", put("postgres", "environment", "POSTGRES_DB", value="other")),
    ("databases_are_apart", put("temporal", "environment", "DBNAME", value="paidcase")),
    ("databases_are_apart", put("temporal-schema", "environment", "VISIBILITY_DBNAME", value="other")),
    ("every_command_exists", put("worker", "command", value=["python", "workers.py"])),
    ("every_command_exists", put("worker", "command", value=["python", "Makefile"])),
    ("every_command_exists", put("api", "command", value=["python", "-m", "invoicing.relay"])),
    ("every_command_exists", put("migrations", "command", value=["python", "-m", "starter", "migrate"])),
    ("every_command_exists", put("temporal-schema", "command", value=["/paidcase/other.sh"])),
    ("every_command_exists", drop("api", "command")),
    ("every_mount_exists", put("temporal", "volumes", value=["./tools/temporal/dynamic.yaml:/x/y.yaml:ro"])),
    ("every_mount_exists", put("worker", "volumes", value=["papers:/var/lib/paidcase/documents"])),
    ("documents_and_database_outlive_their_containers", put("api", "volumes", value=[])),
    ("documents_and_database_outlive_their_containers", put("worker", "environment", "DOCUMENTS_URL", value="/srv/x")),
    ("documents_and_database_outlive_their_containers", put("postgres", "volumes", value=[])),
    ("the_server_reads_our_dynamic_configuration", put("temporal", "volumes", value=["./Makefile:/x/y.yaml:ro"])),
    ("the_server_reads_our_dynamic_configuration", drop("temporal", "volumes")),
    ("every_dependency_exists_and_can_be_waited_for", drop("postgres", "healthcheck")),
    (
        "every_dependency_exists_and_can_be_waited_for",
        put("api", "depends_on", "database", value={"condition": "service_healthy"}),
    ),
    (
        "every_dependency_exists_and_can_be_waited_for",
        put("api", "depends_on", "worker", value={"condition": "service_completed_successfully"}),
    ),
    (
        "every_dependency_exists_and_can_be_waited_for",
        put("api", "depends_on", "postgres", "condition", value="service_started"),
    ),
    ("everything_starts_in_its_order", drop("worker", "depends_on", "migrations")),
    ("everything_starts_in_its_order", drop("temporal", "depends_on")),
    ("jobs_end_and_servers_come_back", put("migrations", "restart", value="unless-stopped")),
    ("jobs_end_and_servers_come_back", drop("worker", "restart")),
    ("ports_are_those_that_are_listened_on", put("api", "ports", value=["8080:8080"])),
    ("ports_are_those_that_are_listened_on", put("api", "environment", "HTTP_PORT", value="9000")),
    ("ports_are_those_that_are_listened_on", put("temporal", "ports", value=["127.0.0.1:${X:-7233}:7233"])),
    ("ports_are_those_that_are_listened_on", put("temporal", "healthcheck", "test", value=["CMD", "nc", "7234"])),
    ("workers_scale", put("worker", "container_name", value="worker")),
    ("workers_scale", put("worker", "ports", value=["127.0.0.1:${X:-9000}:9000"])),
    ("workers_get_the_time_they_need_to_stop", drop("worker", "stop_grace_period")),
    ("containers_can_do_little", drop("api", "cap_drop")),
    ("trials_have_a_profile_of_their_own", drop("mailbox", "profiles")),
    ("versions_agree", put("temporal", "image", value="temporalio/server:1.30.1")),
    ("versions_agree", put("temporal-schema", "image", value="temporalio/admin-tools:1.30.1")),
    ("versions_agree", put("temporal-ui", "image", value="temporalio/ui:2.34.0")),
]

FILE_BREAKS = [
    ("images_are_pinned", "dockerfile", "python:3.11-slim-bookworm", "python:slim"),
    ("no_secret_is_written_down", "dockerfile", "ENV PATH", "ENV AUTH_SECRET=x PATH"),
    ("no_secret_is_written_down", "example", "POSTGRES_PASSWORD=\n", "POSTGRES_PASSWORD=postgres\n"),
    ("every_variable_is_in_the_example", "example", "#MAIL_FROM=\n", ""),
    ("every_variable_is_in_the_example", "example", "#MAIL_FROM=\n", "#MAIL_FROM=\n#MAIL_TO=\n"),
    ("the_example_shows_the_defaults_of_the_code", "example", "#SMTP_PORT=587\n", "#SMTP_PORT=25\n"),
    ("the_example_shows_the_defaults_of_the_code", "example", "#API_PORT=8080\n", "#API_PORT=80\n"),
    ("documents_and_database_outlive_their_containers", "dockerfile", "install -d -o", "install -d -g"),
    ("versions_agree", "dockerfile", "FROM python:3.11", "FROM python:3.10"),
    ("the_image_is_slim_and_not_root", "dockerfile", "USER paidcase\n", ""),
    ("the_image_is_slim_and_not_root", "dockerfile", "STOPSIGNAL SIGTERM\n", ""),
    ("the_image_is_slim_and_not_root", "dockerfile", "-c constraints.txt -r", "-r"),
    ("the_image_has_every_file_it_needs", "dockerfile", "COPY starter ./starter\n", ""),
    ("the_image_has_every_file_it_needs", "dockerfile", "COPY worker.py ./", "COPY worker.py main.py ./"),
    ("the_image_has_every_file_it_needs", "dockerignore", "!invoicing\n", ""),
    ("the_image_has_every_file_it_needs", "dockerignore", "*\n!pyproject", "!pyproject"),
    ("the_image_has_every_file_it_needs", "dockerignore", "**/*.pyc\n", "**/*.ttf\n"),
]


@pytest.mark.parametrize("name", RULES)
def test_the_layout_keeps_the_rule(name: str) -> None:
    assert RULES[name](real()) == []


@pytest.mark.parametrize(("name", "mutate"), COMPOSE_BREAKS)
def test_a_broken_compose_file_breaks_the_rule_by_name(name: str, mutate: Callable[[Services], None]) -> None:
    layout = real()
    compose = copy.deepcopy(layout.compose)
    mutate(compose["services"])
    assert RULES[name](replace(layout, compose=compose)) != []


@pytest.mark.parametrize(("name", "file", "old", "new"), FILE_BREAKS)
def test_a_broken_file_breaks_the_rule_by_name(name: str, file: str, old: str, new: str) -> None:
    layout = real()
    text = str(getattr(layout, file))
    assert old in text
    changed = {file: text.replace(old, new, 1)}
    assert RULES[name](replace(layout, **changed)) != []  # type: ignore[arg-type]  # one of three texts, by name


def test_every_rule_has_something_that_breaks_it() -> None:
    assert set(RULES) == {name for name, *_ in (*COMPOSE_BREAKS, *FILE_BREAKS)}


def test_the_services_are_those_of_the_production_layout() -> None:
    assert set(real().services) == {
        "postgres", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui",
        "migrations", "worker", "api", "mailbox",
    }  # fmt: skip


def test_the_heading_tells_how_to_start_and_scale_it() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.search(r"docker compose up .*--scale worker=\d", text)
    assert "--profile trial" in text
