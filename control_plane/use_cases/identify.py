"""From what a caller sends to a principal, whatever kind of credential it is."""

from collections.abc import Awaitable

from control_plane.access.keys import PREFIX
from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.use_cases.authenticate import KeyRing, authenticate
from control_plane.use_cases.authenticate_callback import CallbackRing
from control_plane.use_cases.authenticate_token import TokenRing
from shared.callbacks import PREFIX as CALLBACK_PREFIX

DOTS_IN_A_TOKEN = 2


def identify(
    keys: KeyRing, tokens: TokenRing | None, callbacks: CallbackRing, text: str
) -> Awaitable[Principal]:
    """
    The principal of a key, a token or a callback token, told apart by their form alone: one that
    is recognised and not good is never tried as another.

    Raises CredentialRefused for what is not good, and Overloaded if that cannot be told now.
    """
    if text.startswith(CALLBACK_PREFIX):
        return callbacks.authenticate(text)
    if tokens is None or text.startswith(f"{PREFIX}_"):
        return authenticate(keys, text)
    if text.count(".") != DOTS_IN_A_TOKEN:
        raise CredentialRefused("it is neither of the form of a key nor of a token")
    return tokens.authenticate(text)
