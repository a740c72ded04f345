"""What docker/ says, read without a container engine: the image's files and commands, and the services of compose."""

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
DOCKER = PROJECT / "docker"


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps this path out: the last line that matches it or a folder above decides."""
    decision = False
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            if re.fullmatch(f"{pattern}(?:/.*)?", path):
                decision = not line.startswith("!")
    return decision


@dataclass(frozen=True)
class Image:
    """The last stage of the Dockerfile, and what the stage before copies from the project."""

    copied: list[str]
    environment: dict[str, str]
    entrypoint: list[str]
    command: list[str]
    healthcheck: list[str]
    instructions: list[tuple[str, str]]  # of the last stage

    def holds(self, path: str) -> bool:
        return not ignored(path) and any(path == each or path.startswith(f"{each}/") for each in self.copied)


def image() -> Image:
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    instructions = [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip()]
    start = max(number for number, (word, _) in enumerate(instructions) if word == "FROM")
    last = instructions[start:]
    said = dict(last)
    copies = [shlex.split(rest) for word, rest in instructions[:start] if word == "COPY"]
    return Image(
        copied=[path.removeprefix("./") for words in copies for path in words[:-1]],
        environment=dict(word.split("=", 1) for word in shlex.split(said["ENV"])),
        entrypoint=json.loads(said["ENTRYPOINT"]),
        command=json.loads(said["CMD"]),
        healthcheck=json.loads(said["HEALTHCHECK"].partition("CMD ")[2]),
        instructions=last,
    )


def copy_image(folder: Path) -> None:
    """The project's files as they are in the image."""
    there = image()
    for path in PROJECT.rglob("*"):
        name = str(path.relative_to(PROJECT))
        if not name.startswith((".", "var/")) and path.is_file() and there.holds(name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)


def compose() -> dict[str, Any]:
    """With each ${NAME:-default} as its default: filled in after reading, as compose does, so that "" stays a text."""
    found: dict[str, Any] = with_defaults(yaml.safe_load((DOCKER / "compose.yaml").read_text()))
    return found


def with_defaults(read: Any) -> Any:
    match read:
        case dict():
            return {name: with_defaults(each) for name, each in read.items()}
        case list():
            return [with_defaults(each) for each in read]
        case str():
            return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", read)
    return read


def our_services() -> dict[str, dict[str, Any]]:
    return {name: each for name, each in compose()["services"].items() if each["image"] == "licensesync"}
