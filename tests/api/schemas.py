"""What GitHub's description says of its answers (`data/github-licensing.json`), to hold ours against."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_SCHEMAS = json.loads((Path(__file__).parent / "data" / "github-licensing.json").read_text())["schemas"]


def _strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` is a type, and whatever is described is there."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(value) for name, value in schema.items() if name != "nullable"}
    if schema.get("nullable") is True:
        strict["type"] = [schema["type"], "null"]
    if "properties" in strict:
        strict["required"] = list(strict["properties"])
    return strict


def complaints(name: str, answer: Any) -> list[str]:
    """What is wrong with an answer by the schema of this name."""
    schema = {"type": "object", **_strict(_SCHEMAS[name])}
    return [f"{list(error.path)}: {error.message}" for error in Draft202012Validator(schema).iter_errors(answer)]
