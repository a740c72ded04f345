"""docs/operations.md lists every name that the product reads from the environment, with its default, and no other."""

import ast
import re
from pathlib import Path

import licensesync

SOURCE = Path(licensesync.__file__).parent
OPERATIONS = SOURCE.parent / "docs" / "operations.md"
READERS = {"text", "flag", "number", "whole_number", "listing", "places", "hosts"}


def names_read() -> dict[str, str]:
    """Each name and default, as the calls of the readers spell them."""
    found: dict[str, str] = {}
    for path in [*SOURCE.glob("*.py"), *SOURCE.glob("*/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            reader = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0].value
            if reader in READERS and isinstance(name, str) and re.fullmatch(r"[A-Z_]{4,}", name):
                found[name] = spelled(ast.literal_eval(node.args[1])) if len(node.args) > 1 else ""
    return found


def spelled(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def names_documented() -> dict[str, str]:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`|–) \| .+ \|$", OPERATIONS.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a name stands there twice"
    return dict(rows)


def test_every_name_is_documented_with_its_default_and_no_other() -> None:
    assert names_documented() == names_read()
    assert len(names_read()) > 20
