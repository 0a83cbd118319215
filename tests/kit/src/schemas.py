"""Holds values against docs/schema: reads [[name, value], ...] on standard input, prints what does not fit.

Objects may have no property that their schema does not name: what is printed must be documented.
Without input it checks the schemas themselves."""

import json
import pathlib
import re
import sys

import jsonschema

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "docs" / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")

formats = jsonschema.FormatChecker(formats=())
formats.checks("date-time")(lambda value: not isinstance(value, str) or bool(TIME.fullmatch(value)))


def strict(schema):
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        return {**closed, **{key: strict(value) for key, value in schema.items()}}
    return [strict(one) for one in schema] if isinstance(schema, list) else schema


def load(name):
    schema = json.loads((FOLDER / f"{name}.v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT and schema["$id"] == f"urn:logtap:schema:{name}:1", name
    return schema


def undescribed(schema, place):
    for name, one in schema.get("properties", {}).items() if isinstance(schema, dict) else ():
        if not one.get("description"):
            yield f"{place}.{name} has no description"
    for key, one in schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ():
        if key != "enum":
            yield from undescribed(one, f"{place}.{key}")


names = sorted(path.name.removesuffix(".v1.json") for path in FOLDER.glob("*.v1.json"))
text = sys.stdin.read()
problems = [] if text else [problem for name in names for problem in undescribed(load(name), name)]
for name, value in json.loads(text or "[]"):
    for error in jsonschema.Draft202012Validator(strict(load(name)), format_checker=formats).iter_errors(value):
        best = jsonschema.exceptions.best_match([error])
        problems.append(f"{name}: {best.json_path}: {best.message[:400]}")
print("\n".join(problems))
