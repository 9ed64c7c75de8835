"""
Profiles: servers one often talks to, under names, in a file that only its owner may read.

The file is `foliot/profiles.json` below $XDG_CONFIG_HOME, or below ~/.config.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.errors import InvalidRequest

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""What nobody but the owner of a file with keys may do with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One server, and who one is there. The key is not shown by repr()."""

    address: str = ""
    key: str = field(default="", repr=False)
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""
    plaintext: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """All of them by name, and the name of the one in use: empty if none is."""

    current: str = ""
    by_name: Mapping[str, Profile] = field(default_factory=dict)

    def named(self, name: str) -> Profile:
        """Raises InvalidRequest for a name that there is not."""
        found = self.by_name.get(name)
        if found is None:
            known = ", ".join(sorted(self.by_name)) or "none yet"
            raise InvalidRequest(
                f"there is no profile {name!r}; there are: {known}. `foliot profile set {name}`"
                " makes it",
                field="profile",
            )
        return found

    def with_one(self, name: str, profile: Profile) -> "Profiles":
        """The first one is used from then on."""
        return Profiles(current=self.current or name, by_name={**self.by_name, name: profile})

    def without(self, name: str) -> "Profiles":
        self.named(name)
        left = {known: profile for known, profile in self.by_name.items() if known != name}
        return Profiles(current="" if self.current == name else self.current, by_name=left)

    def using(self, name: str) -> "Profiles":
        self.named(name)
        return replace(self, current=name)


def profiles_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The specification has relative paths ignored.
    home = Path(base) if base and Path(base).is_absolute() else Path.home() / ".config"
    return home / "foliot" / "profiles.json"


def read_profiles() -> Profiles:
    """
    None of them if there is no file. Raises InvalidRequest for one that others may read, as there
    are keys in it, and for one that is not what write_profiles writes.
    """
    file = profiles_file()
    try:
        with file.open(encoding="utf-8") as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & OTHERS:
                raise InvalidRequest(
                    f"{file} has keys in it, and others may read it: `chmod 600 {file}`"
                )
            kept = json.load(opened)
        return _profiles_of(kept)
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidRequest(
            f"{file} is not as foliot writes it; mend it, or remove it and set your profiles anew"
        ) from error


def write_profiles(profiles: Profiles) -> None:
    """Whole or not at all, and from the first byte on for its owner only."""
    file = profiles_file()
    kept = {
        "current": profiles.current,
        "profiles": {name: _kept(one) for name, one in sorted(profiles.by_name.items())},
    }
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp creates it 0600.
        descriptor, beside = tempfile.mkstemp(prefix=".profiles.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                json.dump(kept, opened, ensure_ascii=False, indent=2)
                opened.write("\n")
            Path(beside).replace(file)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror or error}") from error


def _profiles_of(kept: Any) -> Profiles:
    return Profiles(
        current=kept["current"],
        by_name={name: Profile(**one) for name, one in kept["profiles"].items()},
    )


def _kept(profile: Profile) -> dict[str, Any]:
    return {name: value for name, value in asdict(profile).items() if value}
