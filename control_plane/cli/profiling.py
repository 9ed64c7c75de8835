"""What the commands of `foliot profile` do."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from control_plane.cli.failing import explained
from control_plane.cli.printing import Column, aside, print_facts, print_json, print_rows
from control_plane.cli.profiles import (
    Profile,
    profiles_file,
    read_profiles,
    write_profiles,
)
from shared.errors import InvalidRequest

FILES = ("ca_file", "client_cert", "client_key")
OF_A_KEY = "fol"
"""What an API key begins with; its id, which is no secret, comes next."""


def run_set(name: str, given: Mapping[str, Any]) -> None:
    changed = {field: value for field, value in given.items() if value is not None}
    with explained():
        if not name or name.startswith("-"):
            raise InvalidRequest("a profile's name does not begin with a dash", field="profile")
        if changed.get("key") == "-":
            changed["key"] = _key_typed()
        for field in FILES:
            if changed.get(field):
                # Commands are run from anywhere.
                changed[field] = str(Path(changed[field]).resolve())
        profiles = read_profiles()
        profile = replace(profiles.by_name.get(name, Profile()), **changed)
        written = profiles.with_one(name, profile)
        write_profiles(written)
    used = ", which is in use" if written.current == name else ""
    aside().print(Text(f"profile {name}{used}, in {profiles_file()}", "dim"), soft_wrap=True)


def run_list(output: str) -> None:
    with explained():
        profiles = read_profiles()
    names = sorted(profiles.by_name)
    if output == "json":
        print_json(
            [
                {"name": name, "current": name == profiles.current, **_told(profiles.by_name[name])}
                for name in names
            ]
        )
        return
    print_rows(
        [(name, profiles.by_name[name]) for name in names],
        [
            Column(name="", of=lambda one: "*" if one[0] == profiles.current else " "),
            Column(name="profile", of=lambda one: one[0], whole=True),
            Column(name="address", of=lambda one: one[1].address),
            Column(name="key", of=lambda one: _key_told(one[1].key)),
            Column(name="CA file", of=lambda one: one[1].ca_file),
            Column(name="certificate", of=lambda one: one[1].client_cert),
        ],
    )


def run_use(name: str) -> None:
    with explained():
        write_profiles(read_profiles().using(name))


def run_show(name: str, output: str) -> None:
    with explained():
        profiles = read_profiles()
        if not name and not profiles.current:
            raise InvalidRequest(
                "no profile is in use; `foliot profile use` takes one of those in `foliot profile"
                " list`",
                field="profile",
            )
        shown = name or profiles.current
        told = _told(profiles.named(shown))
    if output == "json":
        print_json({"name": shown, "current": shown == profiles.current, **told})
    else:
        print_facts({"profile": shown, **{field: str(value) for field, value in told.items()}})


def run_remove(name: str) -> None:
    with explained():
        write_profiles(read_profiles().without(name))


def _key_typed() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("API key", hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()


def _told(profile: Profile) -> dict[str, Any]:
    """Without what is not set, and without the key's secret."""
    told = {
        "address": profile.address,
        "key": _key_told(profile.key),
        "caFile": profile.ca_file,
        "clientCert": profile.client_cert,
        "clientKey": profile.client_key,
        "serverName": profile.server_name,
        "plaintext": profile.plaintext,
    }
    return {field: value for field, value in told.items() if value}


def _key_told(key: str) -> str:
    """What the server knows an API key by; of a token, that there is one."""
    if not key:
        return ""
    kind, _, rest = key.partition("_")
    key_id, is_whole, _ = rest.partition("_")
    return f"{kind}_{key_id}_…" if kind == OF_A_KEY and is_whole else "…"
