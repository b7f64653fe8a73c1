"""The vendors that Tollbar knows, as rows, and what an operator makes of them.

A `Vendor` is a row: its wire, its address, where its key is looked for, how it deviates. An `Instance` is a vendor with
a name, a key and an address filled in: what a provider is built from. Rows of the package and of the operator go
through the same checks, and every fault is told at once. Nothing here reads the environment: it is handed in.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from types import MappingProxyType
from typing import Any

from tollbar.providers import aws
from tollbar.providers.destinations import url_fault
from tollbar.providers.rows import ALSO, PLACEHOLDER, WIRES, family_faults, row_faults

USUAL_AUTHS = MappingProxyType({"gemini": "x-goog-api-key", "bedrock": "aws"})
"""Where servers without a row expect their key, by their wire; elsewhere as a bearer's."""

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
_KEY = re.compile(r"[!-~]{1,8000}")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class VendorFaults(ValueError):
    """Everything that is wrong with some rows, one line each in `faults`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Vendor:
    """One row of the table.

    `placeholders` name, for each `{part}` of the address, the environment names that may fill it. `also` are the wires
    that it speaks besides, at the same address, for callers of those wires alone. `supports` None means that nobody
    wrote down what its models can do: then all is tried. `families` are the beginnings of bare model names that are
    this vendor's; `price_id` is its id in the price table. `query` is what every address ends with; with `deployments`
    a model's name is part of its address. `checked` is when it was last called for real, None for never.
    """

    name: str
    wire: str
    base_url: str
    key_env: tuple[str, ...] = ()
    auth: str = "bearer"
    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)
    also: tuple[str, ...] = ()
    supports: frozenset[str] | None = None
    quirks: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    default_model: str = ""
    price_id: str = ""
    is_local: bool = False
    query: str = ""
    deployments: bool = False
    documented: date | None = None
    checked: date | None = None

    @property
    def needs_key(self) -> bool:
        """Whether it answers nobody without a key."""
        return bool(self.key_env) and self.auth != "none" and not self.is_local

    @property
    def finds_key(self) -> bool:
        """Whether a provider that is declared without a key looks for one, as AWS's own tools do."""
        return self.needs_key and self.auth == "aws"


@dataclass(frozen=True, slots=True)
class Instance:
    """A vendor as configured. `credential` says where its key comes from, for messages: a setting, or a variable.

    `region` is where Amazon's signatures hold; empty where none are made.
    """

    name: str
    vendor: Vendor
    base_url: str
    api_key: str = field(default="", repr=False)
    credential: str = ""
    query: str = ""
    region: str = ""

    @property
    def finds_key(self) -> bool:
        """Whether its key is looked for when a call needs it."""
        return self.vendor.finds_key and not self.api_key

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that carry the key."""
        auth = self.vendor.auth
        if not self.api_key or auth == "none" or (auth == "aws" and aws.access_key(self.api_key)):
            return {}
        if auth in {"bearer", "aws"}:
            return {"Authorization": f"Bearer {self.api_key}"}
        return {auth: self.api_key}


@dataclass(frozen=True, slots=True)
class Found:
    """What an environment configures: instances, and for each vendor whose key is there in vain, the reason."""

    instances: tuple[Instance, ...]
    unusable: Mapping[str, str]


def load(rows: Mapping[str, Mapping[str, object]] = _NOTHING) -> Mapping[str, Vendor]:
    """Every vendor by name, the operator's rows laid over the package's key by key; raises VendorFaults."""
    text = resources.files("tollbar.providers").joinpath("vendors.toml").read_text(encoding="utf-8")
    table: dict[str, Mapping[str, object]] = dict(tomllib.loads(text))
    for name, row in rows.items():
        table[name] = {**table.get(name, {}), **row}
    return parse(table)


def parse(table: Mapping[str, Mapping[str, object]]) -> Mapping[str, Vendor]:
    """The vendors that a table describes, in its order; raises VendorFaults."""
    faults = [f"vendor {name}: {fault}" for name, row in table.items() for fault in row_faults(name, row)]
    if faults:
        raise VendorFaults(faults)
    vendors = {name: _vendor(name, row) for name, row in table.items()}
    if faults := family_faults((family, name) for name, vendor in vendors.items() for family in vendor.families):
        raise VendorFaults(faults)
    return MappingProxyType(vendors)


def custom(name: str, wire: str) -> Vendor:
    """A vendor for a server that has no row; its key is optional, its address comes with the instance.

    Raises VendorFaults when nobody knows the wire.
    """
    if wire not in WIRES:
        raise VendorFaults([f"provider {name}: wire must be one of {', '.join(sorted(WIRES))}"])
    return Vendor(name, wire, base_url="", auth=USUAL_AUTHS.get(wire, "bearer"))


def speaking(name: str, vendor: Vendor, also: Sequence[str] | None) -> Vendor:
    """The vendor with other wires beside its usual one, its own where None is said; raises VendorFaults."""
    if also is None:
        return vendor
    if unknown := sorted(set(also) - ALSO):
        raise VendorFaults([f"provider {name}: also has {', '.join(unknown)}, and may have {', '.join(sorted(ALSO))}"])
    return replace(vendor, also=tuple(also))


def configure(
    name: str,
    vendor: Vendor,
    environment: Mapping[str, str],
    api_key: str = "",
    base_url: str = "",
    setting: str = "",
) -> Instance:
    """An instance of a vendor; raises VendorFaults.

    `api_key` and `base_url` go before what the environment holds; `setting` is where the key was set, for messages.
    """
    faults: list[str] = []
    address, address_faults = _address(vendor, base_url, environment)
    query, query_faults = _filled(vendor, vendor.query, environment)
    variable = next((variable for variable in vendor.key_env if environment.get(variable)), "")
    key = (api_key or _key_at(variable, environment)).strip()
    is_found = vendor.finds_key and not key
    if vendor.needs_key and not key and not is_found:
        faults.append(f"has no key: set {' or '.join(vendor.key_env)}")
    elif key and not _KEY.fullmatch(key):
        faults.append("has a key with blanks, control characters or characters beyond ASCII")
    region = ""
    if is_found or (vendor.auth == "aws" and aws.access_key(key)):
        region = aws.region_of(address, environment)
        faults += [fault for fault in (aws.key_fault(key), aws.region_fault(region)) if fault]
    faults += [*address_faults, *query_faults]
    if faults:
        raise VendorFaults([f"provider {name}: {fault}" for fault in faults])
    credential = (setting if api_key else variable) or setting or next(iter(vendor.key_env), "")
    credential = aws.FOUND if is_found else credential
    return Instance(name, vendor, address, key, credential, query, region)


def find_configured(vendors: Mapping[str, Vendor], environment: Mapping[str, str]) -> Found:
    """The vendors whose key lies in the environment under a usual name; servers on this machine are found otherwise."""
    instances: list[Instance] = []
    unusable: dict[str, str] = {}
    taken: set[str] = set()
    for name, vendor in vendors.items():
        if not taken.isdisjoint(vendor.key_env):
            continue  # another way to call the same models with the same key: for those who name it
        if vendor.is_local or not any(environment.get(variable) for variable in vendor.key_env):
            continue
        taken.update(vendor.key_env)
        try:
            instances.append(configure(name, vendor, environment))
        except VendorFaults as found:
            unusable[name] = str(found)
    return Found(tuple(instances), unusable)


def _vendor(name: str, row: Mapping[str, Any]) -> Vendor:
    supports = row.get("supports")
    placeholders = {part: tuple(names) for part, names in row.get("placeholders", {}).items()}
    return Vendor(
        name=name,
        wire=row["wire"],
        base_url=row["base_url"],
        key_env=tuple(row.get("key_env", ())),
        auth=row.get("auth", "bearer"),
        placeholders=MappingProxyType(placeholders),
        also=tuple(row.get("also", ())),
        supports=None if supports is None else frozenset(supports),
        quirks=tuple(row.get("quirks", ())),
        families=tuple(row.get("families", ())),
        default_model=row.get("default_model", ""),
        price_id=row.get("price_id", ""),
        is_local=row.get("local", False),
        query=row.get("query", ""),
        deployments=row.get("deployments", False),
        documented=row.get("documented"),
        checked=row.get("checked"),
    )


def _key_at(variable: str, environment: Mapping[str, str]) -> str:
    """The key that lies under a name; one of Amazon's that signs lies under several."""
    if variable != aws.KEY_ID:
        return environment.get(variable, "")
    parts = (environment.get(name, "").strip() for name in (aws.KEY_ID, aws.SECRET, aws.TOKEN))
    return aws.AccessKey(*parts).written


def _address(vendor: Vendor, base_url: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Where an instance is called, and what is wrong with that."""
    address, faults = (base_url, []) if base_url else _filled(vendor, vendor.base_url, environment)
    address = address.rstrip("/")
    if not faults and not address:
        faults.append("has no base_url: say where the server is")
    elif not faults and (fault := url_fault(address)):
        faults.append(f"base_url {fault}")
    return address, faults


def _filled(vendor: Vendor, text: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """A part of an address with what the environment has for its placeholders, and what is wrong with that."""
    filled, faults = text, []
    for part in PLACEHOLDER.findall(text):
        names = vendor.placeholders[part]
        value = next((environment[name] for name in names if environment.get(name)), "").strip().rstrip("/")
        if not value:
            faults.append(f"has no {part}: set {' or '.join(names)}")
        elif not text.startswith(f"{{{part}}}"):
            if not _PART.fullmatch(value):
                faults.append(f"has a {part} ({names[0]}) that is no part of an address")
        elif "://" not in value:
            value = f"https://{value}"
        filled = filled.replace(f"{{{part}}}", value)
    return filled, faults
