"""Checks that a running server answers what its OpenAPI document says.

conformity.py URL [part] < lines of "METHOD DESCRIBED-PATH ASKED-PATH [BODY]"

All that is described has to be asked, unless it is called a part.
"""

import json
import sys
import urllib.error
import urllib.request

import jsonschema
from openapi_spec_validator import validate

base = sys.argv[1].rstrip("/")
faults = []


def ask(method, path, body=None):
    data = None if body is None else body.encode()
    request = urllib.request.Request(base + path, data=data, method=method.upper())
    if data is not None:
        request.add_header("content-type", "application/json")
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    kind = response.headers.get_content_type()
    text = response.readline() if kind == "text/event-stream" else response.read()
    response.close()
    return response.status, kind, text.decode()


document = json.loads(ask("get", "/api/v1/openapi.json")[2])
validate(document)

# What is not described may not be answered.
for schema in document["components"]["schemas"].values():
    if "properties" in schema and "additionalProperties" not in schema:
        schema["additionalProperties"] = False

covered = set()
for line in sys.stdin:
    method, described, asked, *body = line.strip().split(" ", 3)
    status, kind, text = ask(method, asked, *body)
    responses = document["paths"][described][method]["responses"]
    covered.add((described, method))
    if str(status) not in responses:
        faults.append(f"{line.strip()}: status {status} is not described: {text[:300]}")
        continue
    content = responses[str(status)].get("content", {})
    if kind not in content:
        faults.append(f"{line.strip()}: {kind} is not described")
        continue
    if kind == "application/json":
        schema = dict(content[kind]["schema"], components=document["components"])
        validator = jsonschema.Draft202012Validator(schema)
        for error in validator.iter_errors(json.loads(text)):
            faults.append(f"{line.strip()}: {error.json_path}: {error.message[:300]}")

# A login is told apart from the rest: without users there is none.
for path, methods in document["paths"].items():
    for method in methods:
        if sys.argv[2:] != ["part"] and (path, method) not in covered and not path.endswith("/login"):
            faults.append(f"{method} {path} was not asked")

print("\n".join(faults))
sys.exit(1 if faults else 0)
