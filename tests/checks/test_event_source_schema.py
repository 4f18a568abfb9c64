# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source's documentation, its schema, its rulebooks and the page on it say what the source accepts."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import event_stream, incidents

ROOT = Path(__file__).resolve().parents[2]
EDA = ROOT / "extensions" / "eda"
PLUGIN = EDA / "plugins" / "event_source" / "incidents.py"
SCHEMA = json.loads((PLUGIN.parent / "schemas" / "incidents.json").read_text(encoding="utf-8"))
RULEBOOKS = sorted((EDA / "rulebooks").glob("*.yml"))
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
NAME = "mssp.defender.incidents"

_TYPES = {"str": "string", "path": "string", "int": "integer", "bool": "boolean", "list": "array", "dict": "object"}


def _constants() -> dict[str, str]:
    """The texts that the plugin's file gives names to."""
    module = ast.parse(PLUGIN.read_text(encoding="utf-8"))
    assigned = [node for node in module.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    return {node.targets[0].id: node.value.value for node in assigned if isinstance(node.targets[0], ast.Name)}


DOCUMENTATION = yaml.safe_load(_constants()["DOCUMENTATION"])


def _schema_of(spec: dict[str, Any]) -> dict[str, Any]:
    """What a JSON schema says of an option."""
    found: dict[str, Any] = {"type": _TYPES[spec["type"]]}
    if "default" in spec:
        found["default"] = spec["default"]
    if "elements" in spec:
        found["items"] = {"type": _TYPES[spec["elements"]]}
    if "options" in spec:
        options = {name: _schema_of(option) for name, option in spec["options"].items()}
        found["items"] |= {"properties": options, "additionalProperties": False}
    if "choices" in spec:
        (found["items"] if "elements" in spec else found)["enum"] = list(spec["choices"])
    return found


def _without_descriptions(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without_descriptions(value) for name, value in schema.items() if name != "description"}
    return schema


def _sources(text: str) -> Iterator[dict[str, Any]]:
    """The options of every source of ours in a rulebook or a list of sources."""
    loaded = yaml.safe_load(text)
    for entry in loaded if isinstance(loaded, list) else []:
        for source in entry.get("sources", [entry]):
            if NAME in source:
                yield source[NAME]


def _page_sources() -> list[dict[str, Any]]:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [options for block in blocks for options in _sources(block)]


def test_the_schema_is_that_of_the_options() -> None:
    properties = SCHEMA["properties"]
    assert all(option["description"] for option in properties.values())
    expected = {name: _schema_of(spec) for name, spec in event_stream.STREAM.arguments.items()}
    expected["interval"]["minimum"] = expected["concurrency"]["minimum"] = 1
    assert {name: _without_descriptions(option) for name, option in properties.items()} == expected
    assert SCHEMA["required"] == [name for name, spec in event_stream.STREAM.arguments.items() if spec.get("required")]
    assert SCHEMA["additionalProperties"] is False


def test_the_documentation_is_that_of_the_options() -> None:
    options = DOCUMENTATION["options"]
    own = {
        name: spec
        for name, spec in event_stream.STREAM.arguments.items()
        if incidents.OPERATION.arguments.get(name) != spec
    }
    assert set(options) == {*own, "tenants"}
    for name, option in options.items():
        spec = event_stream.STREAM.arguments[name]
        for key in ("type", "elements", "default"):
            assert option.get(key) == spec.get(key), f"{key} of {name}"
        assert option.get("required", False) == spec.get("required", False)
    shared = set(re.findall(r"C\((\w+)\)", DOCUMENTATION["description"][-1]))
    assert shared == set(event_stream.STREAM.arguments) - set(options)


EXAMPLES = [*_sources(_constants()["EXAMPLES"]), *_page_sources()]


def test_there_are_examples_and_rulebooks() -> None:
    assert len(_page_sources()) >= 1
    assert len(EXAMPLES) >= 3
    assert RULEBOOKS


@pytest.mark.parametrize("options", EXAMPLES, ids=[str(number) for number, _options in enumerate(EXAMPLES)])
def test_the_schema_takes_every_example(options: dict[str, Any]) -> None:
    jsonschema.validate(options, SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"intervall": 5},
        {"interval": 0},
        {"interval": "often"},
        {"severity": ["Severe"]},
        {"api": "rest"},
        {"tenants": [{"name": "contoso", "tenant": "contoso.example"}]},
        {"checkpoint": None},
        {"files": ["customers.csv"]},
        {"tenants": None},
        {"limit": 5},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    right = {"tenants": [{"name": "contoso", "tenant_id": "contoso.example"}], "checkpoint": "folder"}
    jsonschema.validate(right, SCHEMA)
    options = {name: value for name, value in {**right, **wrong}.items() if value is not None}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, SCHEMA)


@pytest.mark.parametrize("rulebook", RULEBOOKS, ids=lambda path: path.stem)
def test_rulebooks_are_valid(rulebook: Path) -> None:
    loaded = yaml.safe_load(rulebook.read_text(encoding="utf-8"))
    options = list(_sources(rulebook.read_text(encoding="utf-8")))
    assert options
    assert {name for one in options for name in one} <= set(event_stream.STREAM.arguments)
    found = importlib.util.find_spec("ansible_rulebook")
    if not found or not found.origin:
        pytest.skip("not on this machine: ansible-rulebook")
    schema = Path(found.origin).parent / "schema" / "ruleset_schema.json"
    jsonschema.validate(loaded, json.loads(schema.read_text(encoding="utf-8")))
