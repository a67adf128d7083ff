"""Enough of JSON schema to judge what we write: references, alternatives, keys, kinds, ranges."""

from __future__ import annotations

from typing import Any

KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}


def fits(schema: Any, rule: Any, value: Any) -> bool:
    """Whether a value obeys a rule of a schema."""
    if isinstance(rule, bool):
        return rule
    if "$ref" in rule:
        return fits(schema, schema["$defs"][rule["$ref"].rpartition("/")[2]], value)
    if "anyOf" in rule:
        return any(fits(schema, r, value) for r in rule["anyOf"])
    wanted = rule.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(isinstance(value, KINDS[k]) for k in wanted):
        return False
    if value not in rule.get("enum", [value]) or not _within(rule, value):
        return False
    if isinstance(value, list):
        return all(fits(schema, rule.get("items", {}), v) for v in value)
    if not isinstance(value, dict):
        return True
    if set(rule.get("required", [])) - set(value):
        return False
    known, others = rule.get("properties", {}), rule.get("additionalProperties", {})
    return all(fits(schema, known.get(k, others), v) for k, v in value.items())


def _within(rule: Any, value: Any) -> bool:
    """Whether a number, or the length of a list, is in its range."""
    if isinstance(value, list):
        return rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return True
    above = "exclusiveMinimum" not in rule or value > rule["exclusiveMinimum"]
    return above and rule.get("minimum", value) <= value <= rule.get("maximum", value)
