"""What the server takes at most; beyond it, a request is refused and nothing grows."""

from __future__ import annotations

from dataclasses import dataclass, fields

from runtime.errors import UnusableInput

_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of what one request, and all of them together, may cost.

    Attributes:
        body_bytes: of a request with tensors or stock, also after decompression.
        small_body_bytes: of any other request.
        held_bytes: of all bodies whose requests are not answered yet.
        body_timeout_s: for a body to arrive, from its first byte.
        head_timeout_s: for a request's head to arrive.
        reply_timeout_s: for a client to take what was written to it; one that does not is cut off.
        head_bytes: of a request's head.
        connections: open at one time; those beyond are answered 503.
        batch: requests or pictures in one inference request.
        basket: item ids in a basket.
        listed: item ids in ``only`` and in ``exclude``.
        images: pictures of one category in one request.
        events: in one request.
        queue: requests that wait to be computed; those beyond are answered 503.
        picture_queue: the same for pictures.
        searches: searches of the catalogue at one time; those beyond are answered 503.
        photos: photos that are read at one time; the same.
        restocks: replacements of the stock at one time; the same.
        reloads: looks for something newer that wait at one time; the same.
        wait_s: for a request to be computed; one that waited longer is answered 503.
        picture_wait_s: for a picture to be begun; the same.
        retry_after_s: when who was answered 503 may come again.
        stop_s: for what was begun to be finished when the server stops.
    """

    body_bytes: int = 32 * _MIB
    small_body_bytes: int = _MIB
    held_bytes: int = 128 * _MIB
    body_timeout_s: float = 10.0
    head_timeout_s: float = 10.0
    reply_timeout_s: float = 60.0
    head_bytes: int = 64 << 10
    connections: int = 1000
    batch: int = 256
    basket: int = 1000
    listed: int = 10_000
    images: int = 64
    events: int = 1000
    queue: int = 128
    picture_queue: int = 16
    searches: int = 32
    photos: int = 64
    restocks: int = 4
    reloads: int = 4
    wait_s: float = 0.06
    picture_wait_s: float = 2.0
    retry_after_s: int = 1
    stop_s: int = 30

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < float("inf"):
                raise UnusableInput(f"limit {field.name!r} is {value}; it must be above 0")
