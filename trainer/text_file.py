"""A text file, perhaps gzipped, read in blocks: a log need not fit into memory as text."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO, cast

from runtime.errors import UnusableInput

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class TextFile:
    """A file that was read once from end to end, and is text in its encoding.

    Attributes:
        path: the file, gzipped or not.
        encoding: a name that Python knows.
        lines: its lines, the blank ones counted.
        commas: whether it holds a comma.
    """

    path: Path
    encoding: str
    lines: int
    commas: bool

    @classmethod
    def check(cls, path: Path, encoding: str) -> TextFile:
        """Read a file through, and refuse what is no text.

        Raises:
            UnusableInput: missing, empty, damaged, binary or of another encoding.
        """
        known = _codec(encoding, first_bytes(path))
        decoder = codecs.getincrementaldecoder(known)()
        feeds, commas, last, read_bytes = 0, False, "", 0
        with open_bytes(path) as stream:
            while True:
                block = stream.read(BLOCK_BYTES)
                read_bytes += len(block)
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeError as error:
                    raise UnusableInput(_no_text(path, encoding, error, read_bytes)) from error
                if "\0" in text:
                    raise UnusableInput(_binary(path))
                feeds += text.count("\n")
                commas |= "," in text
                last = text[-1:] or last
                if not block:
                    return cls(path, known, feeds + (last != "\n"), commas)

    @contextmanager
    def open(self, newline: str | None) -> Iterator[TextIO]:
        """Open the text, without its byte order mark; ``newline`` as for :func:`open`."""
        with (
            open_bytes(self.path) as stream,
            io.TextIOWrapper(stream, self.encoding, newline=newline) as text,
        ):
            yield text


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked when it is gzipped.

    Raises:
        UnusableInput: it cannot be read, or what is read of it is damaged.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(IO[bytes], unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnusableInput(
            f"{str(path)!r} is a damaged gzip file: {error}; fetch or pack it again"
        ) from error
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else error.strerror
        raise UnusableInput(f"cannot read {str(path)!r}: {reason}; check the path") from error


def first_bytes(path: Path, count: int = 4) -> bytes:
    """Return the first bytes of a file that has any.

    Raises:
        UnusableInput: missing, empty or damaged.
    """
    with open_bytes(path) as stream:
        start = stream.read(count)
    if not start:
        raise UnusableInput(f"{str(path)!r} is empty; it needs a header and rows")
    return start


def _codec(encoding: str, start: bytes) -> str:
    """Name the codec of an encoding for a file that begins with ``start``."""
    try:
        name = codecs.lookup(encoding).name
        io.TextIOWrapper(io.BytesIO(), encoding)  # refuses codecs that are no text encodings
    except LookupError as error:
        raise UnusableInput(f"unknown text encoding {encoding!r}; try utf-8 or latin-1") from error
    if name == "utf-8":
        return "utf-8-sig"  # reads a file without a byte order mark too
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    if name in {"utf-16", "utf-32"} and not start.startswith(marks):
        return f"{name}-le"  # without a mark: the order that today's machines write
    return encoding


def _no_text(path: Path, encoding: str, error: UnicodeError, read_bytes: int) -> str:
    """Say why a file that failed after ``read_bytes`` is no text of an encoding."""
    with open_bytes(path) as stream:
        if any(b"\0" in block for block in iter(lambda: stream.read(BLOCK_BYTES), b"")):
            return _binary(path)
    place = ""
    if isinstance(error, UnicodeDecodeError):
        # The decoder was given what it had held back of earlier blocks, and then the last one.
        place = f" at byte {read_bytes - len(error.object) + error.start}"
    return (
        f"{str(path)!r} is not {encoding} text{place}; if it is text, name its encoding, such as "
        "--encoding latin-1"
    )


def _binary(path: Path) -> str:
    start = first_bytes(path)
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return f"{str(path)!r} is UTF-16 text; read it with --encoding utf-16"
    return f"{str(path)!r} is a binary file (it starts with {start!r}); give CSV or Parquet"
