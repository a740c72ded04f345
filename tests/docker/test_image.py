"""The image, as far as it can be known without building it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.files import DOCKER, PROJECT, copy_image, image
from tests.product import product_environment


@pytest.mark.parametrize(
    "path",
    [
        "tests/conftest.py", "var/secret-key", "var/licensesync.sqlite3", ".env", ".git/config", ".ci/run", "README.md",
        "docker/secrets/secret-key", "docker/compose.yaml", "licensesync/__pycache__/errors.cpython-311.pyc",
        "backup.tar", ".venv/bin/python", "node_modules/x.js",
    ],
)  # fmt: skip
def test_no_test_no_data_no_secret_is_in_it(path: str) -> None:
    assert not image().holds(path)


@pytest.mark.parametrize(
    "path",
    [
        "manage.py",
        "licensesync/config/wsgi.py",
        "templates/base.html",
        "static/css/tokens.css",
        "locale/django.pot",
        "docs/operations.md",
    ],
)
def test_what_runs_is_in_it(path: str) -> None:
    assert (PROJECT / path).exists()
    assert image().holds(path)


def test_its_files_are_enough(tmp_path: Path) -> None:
    """Nothing of the product reads a file that the image does not have."""
    copy_image(tmp_path / "app")
    answer = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
        cwd=tmp_path / "app", env=product_environment(tmp_path / "data"), capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr


def test_nobody_is_root_and_no_tool_that_builds_is_left() -> None:
    said = dict(image().instructions)
    assert said["USER"] == "10001"
    assert said["FROM"].endswith("-slim")
    assert re.search(r"pip uninstall .*\bpip\b", said["RUN"])
    assert not [words for words in image().instructions if "apt-get" in words[1]]
    assert image().environment["LICENSESYNC_DATA_DIR"] == said["VOLUME"] == "/data"


def test_it_is_built_from_the_lock() -> None:
    assert "uv sync --locked --no-dev" in (DOCKER / "Dockerfile").read_text()


def test_secrets_are_made_once(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_bytes((DOCKER / "make-secrets").read_bytes())
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True, timeout=30)
        made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        kept = locals().get("kept", made)
        assert made == kept
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert all(re.fullmatch(r"[\w-]{43}=", secret) for secret in made.values())
    assert len(set(made.values())) == len(made) == 4
