"""Judges files by JSON Schemas, as an editor would: one verdict a line.

    check_schemas.py FOLDER

FOLDER holds NAME.schema.json and cases.json, a list of {"schema": NAME, "yaml": text}.
"""

import json
import pathlib
import sys

import jsonschema
import yaml

folder = pathlib.Path(sys.argv[1])
validators = {}
for path in folder.glob("*.schema.json"):
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validators[path.name.removesuffix(".schema.json")] = jsonschema.Draft202012Validator(schema)
for case in json.loads((folder / "cases.json").read_text()):
    document = yaml.safe_load(case["yaml"])
    errors = [error.message for error in validators[case["schema"]].iter_errors(document)]
    print(json.dumps({"valid": not errors, "errors": errors}))
