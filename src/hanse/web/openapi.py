"""What the API's description says of every operation: how to authenticate, and what refusals look like."""

from typing import Any

from ninja.openapi.schema import OpenAPISchema

from hanse.web.idempotency import HEADER
from hanse.web.problems import CONTENT_TYPE

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What, where, and what to do."},
        "rules": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The rules of policy that refuse.",
        },
        "see": {"type": "string", "description": "Path of the page that shows what is in the way."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {
                    "where": {"type": "array", "items": {"type": "string"}},
                    "what": {"type": "string"},
                },
            },
        },
    },
}

_REFUSAL = {
    "description": "Refused, with the reason",
    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}

_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Sent again with the same key and body, the request happens once.",
}

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
}


def describe(schema: OpenAPISchema) -> OpenAPISchema:
    """The schema with authentication, refusals and idempotency keys added to each operation."""
    components: dict[str, Any] = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = _SCHEMES
    schema["security"] = [{"token": []}, {"session": []}]
    for path in schema["paths"].values():
        for method, operation in path.items():
            operation["responses"] |= {"4XX": _REFUSAL, "5XX": _REFUSAL}
            if method == "get":
                operation["responses"]["304"] = {"description": "Not changed since If-None-Match"}
            if method in {"post", "patch"}:
                operation["parameters"] = [*operation.get("parameters", []), _KEY]
    return schema
