"""Rules for docker-compose.yml and .env.example."""

import re

from invoicing.errors import SettingsFault
from invoicing.settings import DEFAULTS, WITHOUT_DEFAULT, environment, load
from starter.__main__ import COMMANDS
from tests.architecture.layout import APPLICATION, JOBS, VARIABLE, Layout, copied, mounts, rule
from tools.temporal import dynamic_config, real_server

SETTINGS = {*DEFAULTS, *WITHOUT_DEFAULT}
OF_THE_API = {"HTTP_HOST", "HTTP_PORT"}
BESIDE_SETTINGS = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "PGPASSWORD"}
COMPOSE_ONLY = {
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "API_PORT",
    "TEMPORAL_UI_PORT",
    "MAILBOX_PORT",
    "TEMPORAL_CODEC_ENDPOINT",
}
OF_TEMPORAL = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_DB"}
OF_IMAGES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "temporal": {
        *real_server.environment({"POSTGRES_USER": "x", "POSTGRES_PWD": "x"}), "NUM_HISTORY_SHARDS",
    },
    "temporal-ui": {"TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE", "TEMPORAL_CODEC_ENDPOINT"},
    "mailbox": set(),
}  # fmt: skip
LISTENS = {"temporal-ui": "8080", "mailbox": "8025"}
"""Ports that images of others listen on; the API's is its HTTP_PORT."""


@rule
def every_setting_reaches_the_application(layout: Layout) -> list[str]:
    found = []
    for service in APPLICATION:
        wanted = SETTINGS | BESIDE_SETTINGS if service == "api" else (SETTINGS - OF_THE_API) | BESIDE_SETTINGS
        found += [f"{service} lacks {name}" for name in sorted(wanted - set(layout.environment(service)))]
    return found


@rule
def every_variable_of_a_container_is_known(layout: Layout) -> list[str]:
    found = []
    for service in layout.services:
        if service in OF_IMAGES:
            known = OF_IMAGES[service]
        elif service in APPLICATION:
            known = SETTINGS | BESIDE_SETTINGS
        else:
            known = _read_by_script(layout, service) | {"SQL_HOST", "SQL_PORT", "SQL_USER", "SQL_PASSWORD"}
        found += [f"{service}: {name}" for name in sorted(set(layout.environment(service)) - known)]
    return found


@rule
def every_variable_is_in_the_example(layout: Layout) -> list[str]:
    used = {match["name"] for text in layout.strings() for match in VARIABLE.finditer(text)}
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", layout.example, re.MULTILINE))
    missing = (used | SETTINGS | OF_TEMPORAL | COMPOSE_ONLY) - named
    unknown = named - SETTINGS - OF_TEMPORAL - COMPOSE_ONLY
    return [f"missing {name}" for name in sorted(missing)] + [f"unknown {name}" for name in sorted(unknown)]


@rule
def the_example_shows_the_defaults_of_the_code(layout: Layout) -> list[str]:
    shown = dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", layout.example, re.MULTILINE))
    wanted = {**DEFAULTS, **dict.fromkeys(WITHOUT_DEFAULT, "")}
    found = [name for name, value in wanted.items() if shown.get(name) != value]
    for text in layout.strings():
        for match in VARIABLE.finditer(text):
            if match["kind"] == "-" and match["rest"] and match["name"] in COMPOSE_ONLY:
                found += [] if shown.get(match["name"]) == match["rest"] else [match["name"]]
    return found


@rule
def the_containers_have_settings_that_load(layout: Layout) -> list[str]:
    given = {"POSTGRES_PASSWORD": "p@ss:w/rd", "AUTH_SECRET": "sixteen letters or more"}
    found = []
    for service in APPLICATION:
        env = environment(layout.resolved(service, given))
        try:
            settings = load(env, for_api=service == "api")
        except SettingsFault as fault:
            found.append(f"{service}: {fault.message}")
            continue
        database = layout.resolved("postgres", given)
        where = f"postgresql+asyncpg://{database['POSTGRES_USER']}@postgres:5432/{database['POSTGRES_DB']}"
        if settings.database_url != where or env.get("PGPASSWORD") != given["POSTGRES_PASSWORD"]:
            found.append(f"{service} does not reach the database of service postgres")
        if env["TEMPORAL_ADDRESS"] != "temporal:7233":
            found.append(f"{service} does not reach the server of service temporal")
    if layout.resolved("api", given)["HTTP_HOST"] != "0.0.0.0":  # noqa: S104  # inside the container
        found.append("api cannot be reached from outside its container")
    return found


@rule
def databases_are_apart(layout: Layout) -> list[str]:
    ours = layout.resolved("postgres", {})["POSTGRES_DB"]
    server, schema = layout.environment("temporal"), layout.environment("temporal-schema")
    theirs = [server["DBNAME"], server["VISIBILITY_DBNAME"]]
    found = [] if len({ours, *theirs}) == 3 else [f"{ours} and {theirs} share a database"]
    different = [n for n in ("DBNAME", "VISIBILITY_DBNAME", "DB") if server[n] != schema.get(n)]
    return found + [f"server and schema job differ in {name}" for name in different]


@rule
def every_command_exists(layout: Layout) -> list[str]:
    found = []
    for name, service in layout.services.items():
        commands = [service.get("command", []), service.get("healthcheck", {}).get("test", [])[1:]]
        for command in commands:
            match command:
                case ["python", "-m", "starter", *rest]:
                    found += [] if len(rest) == 1 and rest[0] in COMMANDS else [f"{name}: starter {rest}"]
                case ["python", "-m", module]:
                    found += (
                        []
                        if (layout.root / module.replace(".", "/") / "__main__.py").is_file()
                        else [f"{name}: {module}"]
                    )
                case ["python", "-c", code]:
                    compile(code, name, "exec")
                case ["python", file]:
                    found += [] if (layout.root / file).is_file() and copied(layout, file) else [f"{name}: {file}"]
                case [script] if script.startswith("/paidcase/"):
                    host = mounts(service).get(script, "")
                    found += [] if (layout.root / host).is_file() and host else [f"{name}: {script}"]
    missing = [name for name in (*JOBS, "worker", "api") if not layout.services[name].get("command")]
    return found + [f"{name} has no command" for name in missing]


@rule
def every_mount_exists(layout: Layout) -> list[str]:
    declared, found, used = set(layout.compose["volumes"]), [], set()
    for name, service in layout.services.items():
        for target, source in mounts(service).items():
            if source.startswith("./"):
                found += [] if (layout.root / source).is_file() else [f"{name}: {source}"]
            else:
                used.add(source)
                found += [] if source in declared else [f"{name}: volume {source} is not declared"]
            if not target.startswith("/"):
                found.append(f"{name}: {target}")
    return found + [f"volume {name} is not used" for name in declared - used]


@rule
def documents_and_database_outlive_their_containers(layout: Layout) -> list[str]:
    found = []
    for name in ("worker", "api"):
        folder = layout.environment(name)["DOCUMENTS_URL"]
        found += [] if mounts(layout.services[name]).get(folder) == "documents" else [f"{name}: {folder}"]
        if not re.search(rf"install -d -o \w+ -g \w+ {re.escape(folder)}$", layout.dockerfile, re.MULTILINE):
            found.append(f"the image does not give {folder} to its user")
    data = mounts(layout.services["postgres"])
    return found + ([] if data.get("/var/lib/postgresql") == "postgres" else ["postgres keeps nothing"])


@rule
def the_server_reads_our_dynamic_configuration(layout: Layout) -> list[str]:
    where = layout.environment("temporal")["DYNAMIC_CONFIG_FILE_PATH"]
    source = mounts(layout.services["temporal"]).get(where, "")
    return (
        []
        if (layout.root / source).resolve() == dynamic_config.FILE.resolve()
        else [f"{where} is {source or 'no file'}"]
    )


@rule
def every_dependency_exists_and_can_be_waited_for(layout: Layout) -> list[str]:
    found = []
    for name, service in layout.services.items():
        for target, how in service.get("depends_on", {}).items():
            other = layout.services.get(target)
            if other is None:
                found.append(f"{name} waits for {target}, which is not there")
            elif how["condition"] == "service_healthy" and "healthcheck" not in other:
                found.append(f"{name} waits for the health of {target}, which has no check")
            elif how["condition"] == "service_completed_successfully" and target not in JOBS:
                found.append(f"{name} waits for the end of {target}, which never ends")
            elif how["condition"] == "service_started":
                found.append(f"{name} does not wait until {target} can be used")
    return found


@rule
def everything_starts_in_its_order(layout: Layout) -> list[str]:
    order = [
        ("temporal-schema", "postgres"), ("temporal", "temporal-schema"), ("temporal-namespace", "temporal"),
        ("temporal-ui", "temporal"), ("migrations", "postgres"), ("migrations", "temporal-namespace"),
        ("worker", "migrations"), ("api", "migrations"),
    ]  # fmt: skip
    missing = [(a, b) for a, b in order if b not in layout.services[a].get("depends_on", {})]
    return [f"{later} does not wait for {earlier}" for later, earlier in missing]


@rule
def jobs_end_and_servers_come_back(layout: Layout) -> list[str]:
    found = []
    for name, service in layout.services.items():
        wanted = r"on-failure:\d+" if name in JOBS else r"unless-stopped"
        found += [] if re.fullmatch(wanted, service.get("restart", "")) else [f"{name}: {service.get('restart')}"]
    return found


@rule
def ports_are_those_that_are_listened_on(layout: Layout) -> list[str]:
    listens = {**LISTENS, "api": layout.environment("api")["HTTP_PORT"]}
    found = []
    for name, service in layout.services.items():
        for port in service.get("ports", []):
            match = re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-(\d+)\}:(\d+)", port)
            if match is None:
                found.append(f"{name}: {port} is not on the loopback, or not a setting")
            elif listens.get(name) != match[2]:
                found.append(f"{name}: {port} goes nowhere")
    health = " ".join(layout.services["api"]["healthcheck"]["test"])
    if f"http://127.0.0.1:{listens['api']}/healthz" not in health:
        found.append("the health check of api asks elsewhere")
    if layout.services["temporal"]["healthcheck"]["test"][-1] != "7233":
        found.append("the health check of temporal asks elsewhere")
    return found


@rule
def trials_have_a_profile_of_their_own(layout: Layout) -> list[str]:
    found = {name: service.get("profiles") for name, service in layout.services.items() if "profiles" in service}
    return [] if found == {"mailbox": ["trial"]} else [str(found)]


def _read_by_script(layout: Layout, service: str) -> set[str]:
    script = next(iter(mounts(layout.services[service]).values()))
    return set(re.findall(r"\$\{?([A-Z_]+)", (layout.root / script).read_text(encoding="utf-8")))
