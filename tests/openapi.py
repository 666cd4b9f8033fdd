"""Checks requests and answers against Discord's published OpenAPI description.

The description lies beside the repository, in `../shared/discord-openapi.json`, and is not part of
it. Where it is absent, the tests that need it say so and are skipped.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.discord.constants import ReferenceType
from sandbox.discord.recorder import RecordedRequest

DESCRIPTION = Path(__file__).parents[2] / "shared" / "discord-openapi.json"

_FILE_PART = re.compile(r"files\[\d\]")
_ROOT = "urn:discord"


class OpenApi:
    """Discord's description of its API, version 10."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._paths = description["paths"]
        schemas = description["components"]["schemas"]
        # Three places where the description and Discord's own reference differ. It calls ids
        # strings: in requests Discord takes numbers as well (the reference numbers new attachments
        # so, and discord.py too). It calls the codes inside form errors integers: they are names,
        # such as BASE_TYPE_MAX_LENGTH. It does not know that a message can refer to one that it
        # forwards.
        snowflake = {**schemas["SnowflakeType"], "type": ["string", "integer"]}
        form_error = {**schemas["Error"], "properties": {"code": {"type": "string"}}}
        form_errors = {**schemas["InnerErrors"], "properties": {"_errors": {"items": form_error}}}
        references = {"type": "integer", "enum": list(ReferenceType)}
        self._answers = _Schemas(
            description, InnerErrors=form_errors, MessageReferenceType=references
        )
        self._requests = _Schemas(description, SnowflakeType=snowflake)

    def faults(self, request: RecordedRequest) -> list[str]:
        """What is wrong with a request, and with the answer that the sandbox gave to it."""
        operation = self._paths.get(request.route, {}).get(request.method.lower())
        if operation is None:
            return [f"{request.name}: not in the description"]
        found = [*self._request_faults(request, operation)]
        if request.status is not None:
            found += self._answer_faults(request, operation, request.status)
        return [f"{request.name} → {request.status}: {fault}" for fault in found]

    def payload_faults(self, schema: str, payload: Any) -> list[str]:
        """What is wrong with a payload that should follow one of the named schemas."""
        return self._answers.problems(f"/components/schemas/{schema}", payload)

    def _request_faults(self, request: RecordedRequest, operation: dict[str, Any]) -> Iterable[str]:
        shared = self._paths[request.route].get("parameters", [])
        parameters = [*shared, *operation.get("parameters", [])]
        known = {each["name"] for each in parameters if each["in"] == "query"}
        for name in request.query.keys() - known:
            yield f"unknown query parameter {name!r}"
        body = operation.get("requestBody")
        if body is None:
            if request.json is not None or request.files:
                yield "has a body where none is expected"
            return
        if request.json is None and body.get("required"):
            yield "has no body"
        if request.multipart and "multipart/form-data" not in body["content"]:
            yield "is a form where none is expected"
        for file in request.files:
            if not _FILE_PART.fullmatch(file.part):
                yield f"has a file in the part {file.part!r}"
        if request.json is not None:
            place = _pointer("paths", request.route, request.method.lower())
            place += _pointer("requestBody", "content", "application/json", "schema")
            yield from self._requests.problems(place, request.json)

    def _answer_faults(
        self, request: RecordedRequest, operation: dict[str, Any], status: int
    ) -> Iterable[str]:
        if status >= 500:
            return
        if status == 429:
            place = "/components/schemas/RatelimitedResponse"
        elif status >= 400:
            place = "/components/schemas/ErrorResponse"
        elif str(status) not in operation["responses"]:
            yield "has a status that the description does not know"
            return
        elif "content" not in operation["responses"][str(status)]:
            if request.response is not None:
                yield "is answered with a body where none is expected"
            return
        else:
            place = _pointer("paths", request.route, request.method.lower(), "responses")
            place += _pointer(str(status), "content", "application/json", "schema")
        for problem in self._answers.problems(place, request.response):
            yield f"the answer: {problem}"


@cache
def load_openapi() -> OpenApi:
    """The description; skips the test that asks for it where the file is absent."""
    if not DESCRIPTION.exists():
        pytest.skip("Discord's OpenAPI description is not at ../shared/discord-openapi.json")
    return OpenApi(json.loads(DESCRIPTION.read_text()))


def assert_valid(requests: Iterable[RecordedRequest]) -> None:
    """Fail with every deviation of recorded requests, and answers, from Discord's description."""
    openapi = load_openapi()
    faults = [fault for each in requests for fault in openapi.faults(each)]
    assert not faults, "\n".join(faults)


class _Schemas:
    """All schemas of a description, to judge payloads by."""

    def __init__(self, description: dict[str, Any], **corrected: dict[str, Any]) -> None:
        schemas = {**description["components"]["schemas"], **corrected}
        contents = {**description, "components": {**description["components"], "schemas": schemas}}
        resource = Resource(contents=contents, specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_ROOT, resource)
        self._quick_registry = jsonschema_rs.Registry([(_ROOT, contents)])
        self._quick: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def problems(self, place: str, payload: Any) -> list[str]:
        """What is wrong with a payload, by the schema in a place of the description."""
        schema = {"$ref": f"{_ROOT}#{place}"}
        if place not in self._quick:
            quick = jsonschema_rs.Draft202012Validator(schema, registry=self._quick_registry)
            self._quick[place] = quick
        if self._quick[place].is_valid(payload):
            return []
        # The slow one finds the better words.
        slow = jsonschema.Draft202012Validator(schema, registry=self._registry)
        found = [_told(_deepest(error)) for error in slow.iter_errors(payload)]
        return found or [str(error) for error in self._quick[place].iter_errors(payload)]


def _pointer(*parts: str | None) -> str:
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    # A pointer within an address: braces are not allowed there as they are.
    return "".join(f"/{part}".replace("{", "%7B").replace("}", "%7D") for part in escaped)


def _told(error: jsonschema.ValidationError) -> str:
    words = error.message
    if len(words) > 300:
        words = f"{words[:100]} … {words[-200:]}"
    return f"{error.json_path}: {words}"


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """The part of an error that says most: inside the alternative that fits best."""
    while error.context:
        error = jsonschema.exceptions.best_match(error.context)
    return error
