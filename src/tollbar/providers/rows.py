"""What a row of the vendor table may hold, checked key by key; every fault is found, none is raised."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from difflib import get_close_matches

from tollbar.providers.destinations import url_fault
from tollbar.providers.quirks import NAMES as QUIRKS

WIRES = frozenset({"openai", "responses", "anthropic", "gemini", "ollama", "bedrock"})
ALSO = frozenset({"responses", "completions", "files", "predict"})
"""What a server may have beside its usual wire, at the same address: other wires, files, vectors as Vertex AI's."""
HEADER_AUTHS = frozenset({"api-key", "x-api-key", "x-goog-api-key"})
AUTHS = frozenset({"bearer", "none", "google_oauth", "aws"}) | HEADER_AUTHS
FEATURES = frozenset({"tools", "images", "audio", "files", "json_schema", "logprobs"})
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_FAMILY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WORD = re.compile(r"\S{1,200}")
_QUERY = re.compile(r"[A-Za-z_-]+=[A-Za-z0-9_.{}-]+")

Check = Callable[[object], str]


def row_faults(name: str, row: Mapping[str, object]) -> list[str]:
    """Everything that is wrong with one row."""
    faults = [] if _NAME.fullmatch(name) else ["its name must be lower case letters, digits, _ and -, from a letter on"]
    for key, value in row.items():
        check = CHECKS.get(key)
        if check is None:
            near = get_close_matches(key, CHECKS, n=1)
            faults.append(f"{key} is no key of a vendor{f'; {near[0]} is' if near else ''}")
        elif fault := check(value):
            faults.append(f"{key} {fault}")
    faults += [f"{key} is missing" for key in ("wire", "base_url") if key not in row]
    return faults or _joint_faults(row)


def _joint_faults(row: Mapping[str, object]) -> list[str]:
    """What is wrong between the keys of a row, each of which is right by itself."""
    faults: list[str] = []
    placeholders = row.get("placeholders", {})
    used = set(PLACEHOLDER.findall(f"{row['base_url']} {row.get('query', '')}"))
    named = set(placeholders) if isinstance(placeholders, Mapping) else set()
    faults += [f"the address has {{{name}}}, which placeholders do not fill" for name in sorted(used - named)]
    faults += [f"placeholders fill {{{name}}}, which the address does not have" for name in sorted(named - used)]
    if row.get("auth") == "aws" and row["wire"] != "bedrock":
        faults.append('auth = "aws" goes with wire = "bedrock" alone: no other signs its requests')
    if not row.get("key_env") and row.get("auth", "bearer") != "none" and not row.get("local"):
        faults.append('key_env is missing: say where its key is found, or auth = "none"')
    return faults


def family_faults(families: Iterable[tuple[str, str]]) -> list[str]:
    """The (family, vendor) pairs that claim the same model names for different vendors."""
    ordered = sorted(families)
    return [
        f"vendor {vendor}: family {family!r} overlaps {other!r} of {owner}"
        for position, (other, owner) in enumerate(ordered)
        for family, vendor in ordered[position + 1 :]
        if family.startswith(other) and vendor != owner
    ]


def _one_of(allowed: Collection[str]) -> Check:
    refusal = f"must be one of {', '.join(sorted(allowed))}"
    return lambda value: "" if isinstance(value, str) and value in allowed else refusal


def _each_of(allowed: Collection[str]) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, list | tuple):
            return "must be a list"
        wrong = [str(item) for item in value if not isinstance(item, str) or item not in allowed]
        return f"has {', '.join(wrong)}, and may have {', '.join(sorted(allowed))}" if wrong else ""

    return check


def _list_of(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, list | tuple):
            return "must be a list"
        is_right = all(isinstance(item, str) and pattern.fullmatch(item) for item in value)
        return "" if is_right else f"must hold {what}"

    return check


def _of_type(kind: type, what: str) -> Check:
    return lambda value: "" if isinstance(value, kind) else f"must be {what}"


def _word(value: object) -> str:
    return "" if isinstance(value, str) and _WORD.fullmatch(value) else "must be a word"


def _base_url(value: object) -> str:
    if not isinstance(value, str):
        return "must be text"
    example = PLACEHOLDER.sub("x", f"https://{value}" if value.startswith("{") else value)
    return url_fault(example) or ("must not end with /" if value.endswith("/") else "")


def _query(value: object) -> str:
    return "" if isinstance(value, str) and _QUERY.fullmatch(value) else "must be one name=value"


def _placeholders(value: object) -> str:
    if not isinstance(value, Mapping):
        return "must be a table"
    faults = (_list_of(_ENVIRONMENT_NAME, "")(names) for names in value.values())
    return "must give a list of environment names for each placeholder" if any(faults) else ""


CHECKS: Mapping[str, Check] = {
    "wire": _one_of(WIRES),
    "base_url": _base_url,
    "query": _query,
    "deployments": _of_type(bool, "true or false"),
    "key_env": _list_of(_ENVIRONMENT_NAME, "environment names"),
    "auth": _one_of(AUTHS),
    "placeholders": _placeholders,
    "also": _each_of(ALSO),
    "supports": _each_of(FEATURES),
    "quirks": _each_of(QUIRKS),
    "families": _list_of(_FAMILY, "beginnings of model names"),
    "default_model": _word,
    "price_id": _word,
    "local": _of_type(bool, "true or false"),
    "documented": _of_type(date, "a date"),
    "checked": _of_type(date, "a date"),
}
