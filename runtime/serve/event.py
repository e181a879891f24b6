"""An event: what was shown, tapped or bought, as a client tells it and as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["shown", "tapped", "bought"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Event:
    """Something that a shopper did, or was shown.

    Attributes:
        id: the client's own; the same id twice is one event.
        kind: "shown", "tapped" or "bought".
        session: whoever stands at the kiosk or till now.
        user: the shop's user id; None for nobody known. It is hashed before it is kept.
        item_id: the shop's own id of the item.
        quantity: how many.
        bundle: name of the bundle that answered.
        version: its version.
        time_s: when it happened, seconds since 1970.
    """

    id: str
    kind: str
    session: str
    user: str | None
    item_id: str
    quantity: int
    bundle: str
    version: int
    time_s: float


@dataclass(frozen=True)
class KeptEvent(Event):
    """An event as it was kept: ``user`` is the shopper's hash in hexadecimal.

    Attributes:
        received_s: when it came to the server, seconds since 1970.
    """

    received_s: float
