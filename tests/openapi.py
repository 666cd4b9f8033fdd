"""Validates requests and responses against Discord's published OpenAPI description.

The description is not part of the repository. It is read from `../shared/discord-openapi.json`;
without that file, the tests that need it are skipped.
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
        # The description differs from Discord's reference in three places. It declares ids as
        # strings, but requests may also contain numbers, which the reference and discord.py use
        # for new attachments. It declares the codes inside form errors as integers, but they are
        # names such as BASE_TYPE_MAX_LENGTH. It lacks the reference type of forwarded messages.
        snowflake = {**schemas["SnowflakeType"], "type": ["string", "integer"]}
        form_error = {**schemas["Error"], "properties": {"code": {"type": "string"}}}
        form_errors = {**schemas["InnerErrors"], "properties": {"_errors": {"items": form_error}}}
        references = {"type": "integer", "enum": list(ReferenceType)}
        self._responses = _Schemas(
            description, InnerErrors=form_errors, MessageReferenceType=references
        )
        self._requests = _Schemas(description, SnowflakeType=snowflake)

    def errors(self, request: RecordedRequest) -> list[str]:
        """The deviations of a request, and of the sandbox's response, from the description."""
        operation = self._paths.get(request.route, {}).get(request.method.lower())
        if operation is None:
            return [f"{request.name}: not in the description"]
        found = [*self._request_errors(request, operation)]
        if request.status is not None:
            found += self._response_errors(request, operation, request.status)
        return [f"{request.name} → {request.status}: {error}" for error in found]

    def payload_errors(self, schema: str, payload: Any) -> list[str]:
        """The deviations of a payload from one of the named schemas."""
        return self._responses.errors(f"/components/schemas/{schema}", payload)

    def _request_errors(self, request: RecordedRequest, operation: dict[str, Any]) -> Iterable[str]:
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
            pointer = _pointer("paths", request.route, request.method.lower())
            pointer += _pointer("requestBody", "content", "application/json", "schema")
            yield from self._requests.errors(pointer, request.json)

    def _response_errors(
        self, request: RecordedRequest, operation: dict[str, Any], status: int
    ) -> Iterable[str]:
        if status >= 500:
            return
        if status == 429:
            pointer = "/components/schemas/RatelimitedResponse"
        elif status >= 400:
            pointer = "/components/schemas/ErrorResponse"
        elif str(status) not in operation["responses"]:
            yield "has a status that the description does not know"
            return
        elif "content" not in operation["responses"][str(status)]:
            if request.response is not None:
                yield "has a response body where none is expected"
            return
        else:
            pointer = _pointer("paths", request.route, request.method.lower(), "responses")
            pointer += _pointer(str(status), "content", "application/json", "schema")
        for error in self._responses.errors(pointer, request.response):
            yield f"the answer: {error}"


@cache
def load_openapi() -> OpenApi:
    """The description. Skips the current test if the file is absent."""
    if not DESCRIPTION.exists():
        pytest.skip("Discord's OpenAPI description is not at ../shared/discord-openapi.json")
    return OpenApi(json.loads(DESCRIPTION.read_text()))


def assert_valid(requests: Iterable[RecordedRequest]) -> None:
    """Fails with all deviations of recorded requests, and their responses, from the description."""
    openapi = load_openapi()
    errors = [error for each in requests for error in openapi.errors(each)]
    assert not errors, "\n".join(errors)


class _Schemas:
    """The schemas of a description, with corrections, to validate payloads against."""

    def __init__(self, description: dict[str, Any], **corrected: dict[str, Any]) -> None:
        schemas = {**description["components"]["schemas"], **corrected}
        contents = {**description, "components": {**description["components"], "schemas": schemas}}
        resource = Resource(contents=contents, specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_ROOT, resource)
        self._fast_registry = jsonschema_rs.Registry([(_ROOT, contents)])
        self._fast: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def errors(self, pointer: str, payload: Any) -> list[str]:
        """The deviations of a payload from the schema at a JSON pointer in the description."""
        schema = {"$ref": f"{_ROOT}#{pointer}"}
        if pointer not in self._fast:
            fast = jsonschema_rs.Draft202012Validator(schema, registry=self._fast_registry)
            self._fast[pointer] = fast
        if self._fast[pointer].is_valid(payload):
            return []
        # The slow validator has better error messages.
        slow = jsonschema.Draft202012Validator(schema, registry=self._registry)
        found = [_message(_deepest(error)) for error in slow.iter_errors(payload)]
        return found or [str(error) for error in self._fast[pointer].iter_errors(payload)]


def _pointer(*parts: str | None) -> str:
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    # In a URL fragment, braces must be percent-encoded.
    return "".join(f"/{part}".replace("{", "%7B").replace("}", "%7D") for part in escaped)


def _message(error: jsonschema.ValidationError) -> str:
    message = error.message
    if len(message) > 300:
        message = f"{message[:100]} … {message[-200:]}"
    return f"{error.json_path}: {message}"


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """The most specific part of an error, inside the alternative that matches best."""
    while error.context:
        error = jsonschema.exceptions.best_match(error.context)
    return error
