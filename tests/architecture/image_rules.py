"""Rules for the Dockerfile, for images, secrets and what containers may do."""

import re
import tomllib

from invoicing.bootstrap import GRACE
from tests.architecture.layout import APPLICATION, VARIABLE, Layout, copied, ignored, rule
from tests.architecture.tree import ROOMS

SECRET = re.compile(r"PASSWORD|PWD|SECRET|KEY|TOKEN|AUTOPAY_SERVICES")
PINNED = re.compile(r":v?\d+\.\d+")


@rule
def images_are_pinned(layout: Layout) -> list[str]:
    images = [s["image"] for s in layout.services.values() if "build" not in s]
    images += re.findall(r"^FROM (\S+)", layout.dockerfile, re.MULTILINE)
    return [image for image in images if not PINNED.search(image)]


@rule
def no_secret_is_written_down(layout: Layout) -> list[str]:
    found = []
    for service in layout.services:
        for name, value in layout.environment(service).items():
            if SECRET.search(name) and not re.fullmatch(r"\$\{[A-Z_]+(:\?[^}]+|:-)\}", value):
                found.append(f"{service}: {name}")
    found += [text for text in layout.strings() if re.search(r"//[^/@]*:[^/@]*@", VARIABLE.sub("x", text))]
    found += [line for line in layout.dockerfile.splitlines() if re.match(r"(ENV|ARG)\b", line) and SECRET.search(line)]
    given = re.findall(r"^#?([A-Z_]+)=(.+)$", layout.example, re.MULTILINE)
    return found + [name for name, value in given if SECRET.search(name) and value]


@rule
def workers_scale(layout: Layout) -> list[str]:
    return [name for name in ("container_name", "ports", "hostname") if name in layout.services["worker"]] + [
        f"{name} has a fixed name" for name, service in layout.services.items() if "container_name" in service
    ]


@rule
def workers_get_the_time_they_need_to_stop(layout: Layout) -> list[str]:
    given = str(layout.services["worker"].get("stop_grace_period", "10s"))
    return [] if int(given.removesuffix("s")) > GRACE.total_seconds() + 5 else [f"{given} is too short for {GRACE}"]


@rule
def containers_can_do_little(layout: Layout) -> list[str]:
    found = []
    for name in APPLICATION:
        service = layout.services[name]
        if not (service.get("read_only") and service.get("cap_drop") == ["ALL"] and service.get("security_opt")):
            found.append(name)
    return found


@rule
def versions_agree(layout: Layout) -> list[str]:
    module = (layout.root / "tools" / "temporal" / "go.sum").read_text(encoding="utf-8")
    versions = {
        "temporalio/server": re.search(r"go\.temporal\.io/server v(\S+) h1", module),
        "temporalio/ui": re.search(r"github\.com/temporalio/ui-server/v2 v(\S+) h1", module),
    }
    versions["temporalio/admin-tools"] = versions["temporalio/server"]
    found = []
    for service in layout.services.values():
        image, _, version = service["image"].partition(":")
        wanted = versions.get(image)
        if wanted and wanted[1] != version:
            found.append(f"{image} is {version}, tools/temporal builds {wanted[1]}")
    needs = tomllib.loads((layout.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    python = re.search(r"^FROM python:3\.(\d+)", layout.dockerfile, re.MULTILINE)
    lowest, highest = re.findall(r"3\.(\d+)", needs)
    if python is None or not int(lowest) <= int(python[1]) < int(highest):
        found.append(f"the image's Python does not fit {needs}")
    return found


@rule
def the_image_is_slim_and_not_root(layout: Layout) -> list[str]:
    stages = re.findall(r"^FROM \S+-slim\S*", layout.dockerfile, re.MULTILINE)
    last = layout.dockerfile.rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\w+)$", last, re.MULTILINE)
    found = [] if len(stages) == 2 else ["two slim stages are wanted"]
    found += [] if user and user[1] != "root" else ["the last stage runs as root"]
    found += [] if "\nSTOPSIGNAL SIGTERM\n" in last else ["no STOPSIGNAL"]
    found += [] if "-c constraints.txt -r pyproject.toml" in layout.dockerfile else ["packages are not constrained"]
    return found + ([] if 'CMD ["python", "worker.py"]' in last else ["it does not start a worker"])


@rule
def the_image_has_every_file_it_needs(layout: Layout) -> list[str]:
    found = [name for name in (*ROOMS, "worker.py", "deploy/alive.py") if not copied(layout, name)]
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", layout.dockerfile, re.MULTILINE):
        found += [f"COPY {source}" for source in line.split() if not (layout.root / source).exists()]
        found += [f"{source} is ignored" for source in line.split() if ignored(layout, source)]
    fonts = sorted((layout.root / "invoicing" / "documents" / "pdf" / "fonts").glob("*.ttf"))
    found += [] if fonts else ["there is no font"]
    found += [f"{font.name} is ignored" for font in fonts if ignored(layout, font.relative_to(layout.root).as_posix())]
    return found + [name for name in (".env", "var/x.db", "tests/x.py", ".git/config") if not ignored(layout, name)]
