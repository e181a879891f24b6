"""What ``endcap serve`` was told: where to listen, what to serve, what to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runtime.device import usable_cores
from runtime.errors import UnusableInput
from runtime.serve.limits import Limits
from runtime.serve.tokens import Token, is_loopback

_MAX_DEFAULT_THREADS = 4
_MAX_PORT = 65535


@dataclass(frozen=True)
class Settings:
    """How a bundle is served.

    Attributes:
        bundle: its folder or zip, or a symbolic link to one.
        host: address to listen on.
        port: port to listen on; 0 for any that is free.
        provider: "cpu", "cuda" or "auto".
        variant: "auto" or the name of one.
        threads: threads that compute; None leaves a core to the till, and takes 4 at most.
        token: what clients must know; needed where ``host`` is not this machine alone.
        stock: CSV of the stock to begin with, read again whenever it changes; None for not known.
        rules: TOML with the shop's own rules, read again whenever it changes; None for none.
        photos: folder of the shop's own photos, named by item id; None for none.
        events: SQLite file to keep events in; None to keep none.
        events_bytes: how large that file may grow before the oldest events go.
        poll_s: how often bundle, stock and rules are looked at for changes; 0 for never.
        limits: what requests may cost.

    Raises:
        UnusableInput: a number is out of range, or a token is missing.
    """

    bundle: Path
    host: str = "127.0.0.1"
    port: int = 8080
    provider: str = "auto"
    variant: str = "auto"
    threads: int | None = None
    token: Token | None = None
    stock: str | None = None
    rules: str | None = None
    photos: str | None = None
    events: str | None = None
    events_bytes: int = 256 << 20
    poll_s: float = 2.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= _MAX_PORT:
            raise UnusableInput(f"port is {self.port}; it must be from 0 to {_MAX_PORT}")
        if not 0 <= self.poll_s < float("inf"):
            raise UnusableInput(
                f"poll is {self.poll_s}; it must be 0 (never) or a number of seconds"
            )
        if self.token is None and not self.only_here:
            raise UnusableInput(
                f"host {self.host!r} is open to other machines and needs a token; "
                "write one to a file and give it with --token-file"
            )

    @property
    def only_here(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def compute_threads(self) -> int:
        """How many threads compute."""
        if self.threads is not None:
            return self.threads
        return max(1, min(_MAX_DEFAULT_THREADS, usable_cores() - 1))
