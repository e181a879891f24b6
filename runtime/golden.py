"""Golden vectors: inputs and torch's own outputs, kept in the bundle to be replayed anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from runtime.errors import UnusableInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH_REQUESTS = 32
_BATCH_BYTES = 32 << 20  # of allowed masks: 32 requests at a million items
G = TypeVar("G", bound="Golden")


class Golden:
    """Base of both kinds: frozen dataclasses whose fields are the arrays of one .npz file."""

    @classmethod
    def from_arrays(cls: type[G], arrays: Mapping[str, NDArray[Any]], file: str) -> G:
        """Build from the arrays of ``file``.

        Raises:
            UnusableInput: an array is missing, or has the wrong dtype, rank or length.
        """
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        for name in names:
            if name not in arrays:
                raise UnusableInput(f"{file!r} has no array {name!r}; export the bundle again")
        try:
            return cls(**{name: arrays[name] for name in names})
        except ValueError as error:
            raise UnusableInput(f"{file!r}: {error}; export the bundle again") from error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, ready for ``np.savez``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def _require(self, name: str, dtype: type, shape: tuple[int | None, ...]) -> None:
        array = getattr(self, name)
        fits = array.ndim == len(shape) and all(
            want is None or have == want for have, want in zip(array.shape, shape, strict=True)
        )
        if array.dtype != np.dtype(dtype) or not fits:
            wanted = ", ".join("any" if axis is None else str(axis) for axis in shape)
            raise ValueError(
                f"{name} is {array.dtype}{list(array.shape)}, not {np.dtype(dtype)}[{wanted}]"
            )


@dataclass(frozen=True)
class RecommenderGolden(Golden):
    """Requests to the recommender and torch's answers; n requests.

    Attributes:
        user: int64 [n], user rows, 0 = anonymous.
        basket: int64 [n, max_basket], right-aligned, 0 = padding.
        target: int64 [n], the held-out item row, 0 = none.
        only: bool [n], how the rule rows are meant.
        rule_offsets: int64 [n + 1] into ``rule_rows``.
        rule_rows: int64, rows denied where ``only`` is False, the sole rows allowed where True.
        item: int64 [n, top_k], torch's item rows, best first, 0 = none.
        score: float32 [n, top_k], torch's scores, -inf where item is 0.
    """

    user: NDArray[np.int64]
    basket: NDArray[np.int64]
    target: NDArray[np.int64]
    only: NDArray[np.bool_]
    rule_offsets: NDArray[np.int64]
    rule_rows: NDArray[np.int64]
    item: NDArray[np.int64]
    score: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.user) if self.user.ndim else 0
        self._require("user", np.int64, (n,))
        self._require("basket", np.int64, (n, None))
        self._require("target", np.int64, (n,))
        self._require("only", np.bool_, (n,))
        self._require("rule_offsets", np.int64, (n + 1,))
        self._require("rule_rows", np.int64, (None,))
        self._require("item", np.int64, (n, None))
        self._require("score", np.float32, self.item.shape)
        offsets = self.rule_offsets
        if offsets[0] != 0 or offsets[-1] != len(self.rule_rows) or np.any(np.diff(offsets) < 0):
            raise ValueError("rule_offsets do not cut rule_rows into one part a request")

    def __len__(self) -> int:
        return len(self.user)

    def allowed(self, index: int, n_rows: int) -> NDArray[np.bool_]:
        """Return the allowed mask of request ``index``: bool [n_rows], row 0 never allowed."""
        rows = self.rule_rows[self.rule_offsets[index] : self.rule_offsets[index + 1]]
        if np.any((rows < 0) | (rows >= n_rows)):
            raise UnusableInput(f"golden request {index} names rows outside 0..{n_rows - 1}")
        mask = np.full(n_rows, not self.only[index], dtype=np.bool_)
        mask[rows] = self.only[index]
        mask[0] = False
        return mask

    def feeds(self, start: int, stop: int, n_rows: int) -> dict[str, NDArray[Any]]:
        """Return the graph's inputs for requests start..stop (design section 3.1)."""
        return self.pick(range(start, stop), n_rows)

    def pick(self, indices: Sequence[int], n_rows: int) -> dict[str, NDArray[Any]]:
        """Return the graph's inputs for the requests ``indices``, in that order."""
        return {
            "user": self.user[indices, None],  # [batch, 1]
            "basket": self.basket[indices],  # [batch, max_basket]
            "allowed": np.stack([self.allowed(i, n_rows) for i in indices]),
        }

    def batches(self, n_rows: int) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the graph's inputs for all requests, in batches that fit into memory."""
        size = max(1, min(_BATCH_REQUESTS, _BATCH_BYTES // n_rows))
        for start in range(0, len(self), size):
            yield self.feeds(start, min(start + size, len(self)), n_rows)


@dataclass(frozen=True)
class GeneratorGolden(Golden):
    """Latents and torch's pictures; n pictures.

    Attributes:
        z: float32 [n, z_dim].
        category: int64 [n, 1], category rows.
        image: uint8 [n, height, width, channels], torch's own.
    """

    z: NDArray[np.float32]
    category: NDArray[np.int64]
    image: NDArray[np.uint8]

    def __post_init__(self) -> None:
        n = len(self.z) if self.z.ndim else 0
        self._require("z", np.float32, (n, None))
        self._require("category", np.int64, (n, 1))
        self._require("image", np.uint8, (n, None, None, None))

    def __len__(self) -> int:
        return len(self.z)

    def feeds(self, start: int, stop: int) -> dict[str, NDArray[Any]]:
        """Return the graph's inputs for pictures start..stop (design section 4.1)."""
        return self.pick(range(start, stop))

    def pick(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """Return the graph's inputs for the pictures ``indices``, in that order."""
        return {"z": self.z[indices], "category": self.category[indices]}

    def batches(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the graph's inputs for all pictures in batches."""
        for start in range(0, len(self), _BATCH_REQUESTS):
            yield self.feeds(start, min(start + _BATCH_REQUESTS, len(self)))


def joined(parts: Sequence[RecommenderGolden]) -> RecommenderGolden:
    """Put requests one behind the other; there must be one part at least."""
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(RecommenderGolden)
    }
    sizes = np.concatenate([np.diff(part.rule_offsets) for part in parts])
    return RecommenderGolden(**arrays | {"rule_offsets": np.cumsum([0, *sizes], dtype=np.int64)})


def pack_rules(
    allowed: Iterable[NDArray[np.bool_]],
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Pack allowed masks, each bool [n_rows], into (only, rule_offsets, rule_rows).

    Each mask is kept as its denied rows or its allowed rows, whichever are fewer; row 0 is never
    allowed and never listed.
    """
    only: list[bool] = []
    parts: list[NDArray[np.int64]] = []
    for mask in allowed:
        listed = bool(mask[1:].sum() * 2 < len(mask) - 1)
        only.append(listed)
        parts.append(np.flatnonzero(mask[1:] == listed).astype(np.int64) + 1)
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    rows = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return np.array(only, np.bool_), offsets, rows
