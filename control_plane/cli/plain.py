"""Text of others on a terminal: shown, and never obeyed."""

_SHOWN = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
del _SHOWN[ord("\n")], _SHOWN[ord("\t")]
_SHOWN |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def visible(text: str) -> str:
    """
    The text with what would steer a terminal written out: an escape in a business key must
    not paint over the line above, and a change of direction must not reorder it.
    """
    return text.translate(_SHOWN)
