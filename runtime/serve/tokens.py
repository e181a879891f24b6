"""The token that a client must know where the server listens to more than its own machine."""

from __future__ import annotations

import functools
import hmac
import ipaddress

from runtime.errors import UnusableInput
from runtime.shop_files import read_text

_MIN_CHARACTERS = 16


class Token:
    """A secret; compared in constant time and never shown."""

    def __init__(self, secret: str) -> None:
        self._expected = f"Bearer {secret}".encode()

    def admits(self, authorization: bytes) -> bool:
        """Say whether ``authorization``, the header's value, carries the token."""
        scheme, _, secret = authorization.partition(b" ")
        given = scheme.title() + b" " + secret.strip()  # the scheme's case does not matter
        return hmac.compare_digest(given, self._expected)


def read_token(path: str) -> Token:
    """Read the token from the file ``path``.

    Raises:
        UnusableInput: the file cannot be read, or the token is short, or is not one word of ASCII.
    """
    secret = read_text(path).strip()
    if len(secret) < _MIN_CHARACTERS or not secret.isascii() or len(secret.split()) != 1:
        raise UnusableInput(
            f"{path!r} must hold a token of at least {_MIN_CHARACTERS} ASCII characters without "
            "blanks; make one with: openssl rand -hex 32"
        )
    return Token(secret)


@functools.lru_cache(64)  # of the few names by which clients call a server
def is_loopback(host: str) -> bool:
    """Say whether ``host`` is a name or address of this machine alone."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
