"""What a shell proposes at the tab key where a profile is to be named; no server is asked."""


def profile_names(incomplete: str) -> list[str]:
    """Names of profiles that begin so."""
    from control_plane.cli.profiles import read_profiles
    from shared.errors import FoliotError

    try:
        return [name for name in sorted(read_profiles().by_name) if name.startswith(incomplete)]
    except FoliotError:
        return []
