"""
What sentences call a state.
"""

ROOT_PATH = "."


def state_words(path: str, kind: str = "") -> str:
    """A state by its path: `state 'a.b'`, `parallel state 'a'`, `the root`."""
    kind = f"{kind} " if kind else ""
    return f"the {kind}root" if path == ROOT_PATH else f"{kind}state {path!r}"
