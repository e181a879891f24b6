"""Bodies read with suspicion: bounded in size, in time and in sum, then decoded or refused."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, MutableMapping
from typing import Any, ParamSpec, TypeVar

import msgspec
from starlette.requests import Request

from runtime.serve.errors import ClosingError, HttpError, Overloaded
from runtime.serve.limits import Limits

P = ParamSpec("P")
T = TypeVar("T")

_BODY = "the body"
_HELD = "endcap.held_bytes"  # of a request, in its scope
_LONG_BYTES = 1 << 16  # what takes longer to read than shoppers beside it should wait
_WINDOW = {"gzip": 31, "deflate": 15}  # zlib's wbits: with a gzip header, with a zlib header


class Bodies:
    """Reads request bodies within ``limits``; knows how many bytes all of them hold just now.

    A body counts until :meth:`release`, when its request has been answered: what was made of it is
    held as long.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How many bytes all bodies hold just now."""
        return self._held_bytes

    async def read(self, request: Request, limit_bytes: int) -> bytes:
        """Return the body of ``request``, decompressed where its Content-Encoding says so.

        Raises:
            HttpError: it is longer than ``limit_bytes``, as it came or decompressed (413), comes
                too slowly (408), ends before its stated length (400), has an encoding that is not
                known (415) or not kept to (400), or the bodies of others leave it no room (503).
        """
        body = await self._received(request, limit_bytes)
        encoding = request.headers.get("content-encoding", "")
        if not encoding:
            return body
        body = await asyncio.to_thread(decompressed, body, encoding, limit_bytes)
        self.hold(request, len(body))
        return body

    async def _received(self, request: Request, limit_bytes: int) -> bytes:
        """Return the body of ``request`` as it came."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit_bytes:
            raise _too_long(limit_bytes)
        length = 0
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                more = True
                while more:
                    message = await request.receive()
                    if message["type"] == "http.disconnect":
                        raise ClosingError("the body ends before its stated length", 400)
                    part: bytes = message.get("body", b"")
                    more = message.get("more_body", False)
                    length += len(part)
                    self.hold(request, len(part))
                    if length > limit_bytes:
                        raise _too_long(limit_bytes)
                    parts.append(part)
        except TimeoutError as error:
            seconds = self._limits.body_timeout_s
            raise ClosingError(f"the body did not arrive within {seconds:g} s", 408) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def hold(self, request: Request, size_bytes: int) -> None:
        """Count ``size_bytes`` more that ``request`` holds.

        Raises:
            Overloaded: all requests together hold too much.
        """
        self._held_bytes += size_bytes
        request.scope[_HELD] = request.scope.get(_HELD, 0) + size_bytes
        if self._held_bytes > self._limits.held_bytes:
            raise Overloaded("too many long bodies at a time", self._limits.retry_after_s)

    def release(self, scope: MutableMapping[str, Any]) -> None:
        """Count the body of ``scope``'s request no longer."""
        self._held_bytes -= scope.pop(_HELD, 0)


async def off_loop(size_bytes: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return ``work(…)``, done in a thread where its ``size_bytes`` would keep the loop waiting."""
    if size_bytes < _LONG_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def decompressed(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo a Content-Encoding of gzip or deflate.

    Raises:
        HttpError: the encoding is another (415), the body is damaged (400), or it grows beyond
            ``limit_bytes`` (413).
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOW:
        raise HttpError(f"Content-Encoding is {encoding[:40]!r}; known: gzip, deflate", 415)
    inflater = zlib.decompressobj(_WINDOW[encoding])
    try:
        result = inflater.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise HttpError(f"the body is not {encoding} ({error})") from error
    if len(result) > limit_bytes:
        raise _too_long(limit_bytes)
    if not inflater.eof:
        raise HttpError(f"the body is not whole {encoding} data")
    return result


def decode(body: bytes, kind: type[T] | Any, what: str = _BODY) -> T:
    """Decode JSON into ``kind``; the sentence of a refusal names the field.

    Raises:
        HttpError: it is not UTF-8, not JSON, or does not fit (400).
    """
    if not body:
        raise HttpError(f"{what} is empty; send JSON")
    try:
        result: T = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise HttpError(_named(str(error), what)) from error
    except UnicodeDecodeError as error:
        raise HttpError(f"{what} is not UTF-8 ({error.reason})") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise HttpError(f"{what} is not JSON: {error}") from error
    return result


def _named(complaint: str, what: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.k`" into "k: expected int, got str"."""
    said, _, place = complaint.partition(" - at ")
    of_key = place.startswith("`key` in ")  # of a map, whose keys msgspec does not tell
    path = place.removeprefix("`key` in ").strip("`").removeprefix("$")
    path, in_map, _ = path.partition("[...]")
    field = path.removeprefix(".") if what == _BODY and path else what + path
    if of_key or in_map:
        field = f"a {'key' if of_key else 'value'} of {field}"
    said = said[:1].lower() + said[1:]
    return f"{field}: {said}".replace("`", "'")


def _too_long(limit_bytes: int) -> HttpError:
    return ClosingError(f"the body is longer than {limit_bytes} bytes", 413)
