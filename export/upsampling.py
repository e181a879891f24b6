"""Transposed convolutions rewritten exactly as plain ones, channels last.

Of stride 1, a transposed convolution is a plain one turned over.

A 4x4 transposed convolution of stride 2 puts out twice as many rows as it reads, in pairs (blocks):
row ``2j + t`` before its padding is cut off is ``x[j-1] w[t+2] + x[j] w[t]`` (Dumoulin and Visin,
"A guide to convolution arithmetic for deep learning", 2016, section 4). So each row of a block is
a plain convolution, and several of them can be one with as many times the outputs. Which outputs
are computed together is free, and is chosen here by what it costs onnxruntime's int8 kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KERNEL = 4
_NONE = KERNEL  # the tap of an output that doesn't read an input of its convolution
_ALIGNED = 4  # int8 kernels without an im2col want multiples of these many outputs,
_LEAST = 16  # and no fewer than these
_IM2COL = 3  # costs these times as much
_MACS_A_NODE = 500_000  # what a node's overhead is worth in multiplications
_MACS_A_RUN = 2_000  # and a run of bytes copied


@dataclass(frozen=True)
class Part:
    """A plain convolution along one axis that makes some of the outputs.

    Attributes:
        taps: for each output of a place and each input that it reads, the index of the transposed
            kernel's weight, or 4 for none.
        stride: inputs from one place to the next.
        pads: zeros before the first and after the last input.
        places: how many places there are.
    """

    taps: tuple[tuple[int, ...], ...]
    stride: int
    pads: tuple[int, int]
    places: int


@dataclass(frozen=True)
class Axis:
    """One axis of a transposed convolution: its parts take turns, and the ends are cut off.

    Attributes:
        parts: one convolution, or two whose outputs take turns.
        crop: the outputs that count, as [start, stop).
    """

    parts: tuple[Part, ...]
    crop: tuple[int, int]

    @property
    def outputs(self) -> int:
        """Outputs before the ends are cut off."""
        return sum(part.places * len(part.taps) for part in self.parts)

    @property
    def cropped(self) -> bool:
        """Whether something is cut off."""
        return self.crop != (0, self.outputs)


@dataclass(frozen=True)
class Form:
    """How a transposed convolution is rewritten: rows and columns each in their way."""

    rows: Axis
    columns: Axis

    @property
    def in_place(self) -> bool:
        """Whether one convolution makes one output a place, and none is cut off."""
        parts = [*self.rows.parts, *self.columns.parts]
        cropped = self.rows.cropped or self.columns.cropped
        return len(parts) == 2 and all(len(part.taps) == 1 for part in parts) and not cropped


def phases(side: int, padding: int) -> Axis:
    """Make even and odd outputs each by a convolution of 2 inputs; nothing is cut off.

    Args:
        side: inputs on this axis.
        padding: of the transposed convolution, 1 or 2.
    """
    places = side + 1 - padding
    parts = []
    for output in (padding, padding + 1):
        block, tap = divmod(output, 2)
        parts.append(_part(((tap + 2, tap),), 1, 1 - block, places, side))
    return Axis(tuple(parts), (0, 2 * places))


def blocks(side: int, padding: int, size: int) -> Axis:
    """Make ``size`` neighbouring outputs by one convolution, and cut off what is too much.

    Args:
        side: inputs on this axis.
        padding: of the transposed convolution, 0 to 3.
        size: 2, 4 and so on; ``size`` outputs read ``size / 2 + 1`` inputs.
    """
    stride = size // 2
    first, last = padding // 2, (2 * side + 1 - padding) // 2  # of the blocks that count
    places = -(-(last + 1 - first) // stride)
    taps = np.full((size, stride + 1), _NONE)
    for output in range(size):
        block, tap = divmod(output, 2)
        taps[output, block : block + 2] = tap + 2, tap
    start = padding - 2 * first
    part = _part(tuple(map(tuple, taps.tolist())), stride, 1 - first, places, side)
    return Axis((part,), (start, start + 2 * side + 2 - 2 * padding))


def same(side: int, padding: int) -> Axis:
    """Make the outputs of stride 1 by one convolution: as many of them as there are inputs.

    Args:
        side: inputs on this axis.
        padding: of the transposed convolution, whose kernel is twice that and 1 long.
    """
    taps = (tuple(range(2 * padding, -1, -1)),)
    return Axis((_part(taps, 1, padding, side, side),), (0, side))


def _part(
    taps: tuple[tuple[int, ...], ...], stride: int, before: int, places: int, side: int
) -> Part:
    after = (places - 1) * stride + len(taps[0]) - before - side
    return Part(taps, stride, (before, after), places)


def choose_form(side: int, inputs: int, outputs: int, padding: int, stride: int) -> Form:
    """Return the form that costs least on onnxruntime's int8 kernels.

    Args:
        side: pixels on a side of the square map that is read.
        inputs: channels of that map.
        outputs: channels of the map that is made.
        padding: of the transposed convolution, 1 to 3 where the stride is 2; where it is 1, half
            of what is left of the kernel's side without its middle.
        stride: 1 or 2.
    """
    if stride == 1:
        return Form(same(side, padding), same(side, padding))
    wide, wider = blocks(side, padding, 2), blocks(side, padding, 4)
    forms = [Form(wide, wide), Form(wider, wider)]
    if padding < 3:
        halves = phases(side, padding)
        forms += [Form(halves, halves), Form(halves, wide)]
    return min(forms, key=lambda form: _cost(form, inputs, outputs))


def _cost(form: Form, inputs: int, outputs: int) -> float:
    """Return the cost in multiplications: kernels fill 16 outputs at a time."""
    cost = 0.0
    for row in form.rows.parts:
        for column in form.columns.parts:
            made = len(row.taps) * len(column.taps) * outputs
            read = len(row.taps[0]) * len(column.taps[0]) * inputs
            lanes = -(-made // _LEAST) * _LEAST
            slow = _IM2COL if made % _ALIGNED or made < _LEAST else 1
            places = row.places * column.places
            cost += places * lanes * read * slow + _MACS_A_NODE
            moved = places if len(form.columns.parts) > 1 or len(row.taps) > 1 else row.places
            cost += moved * len(row.taps) * _MACS_A_RUN
    return cost


def kernel(weight: np.ndarray, row: Part, column: Part) -> np.ndarray:
    """Return the plain convolution's kernel.

    Args:
        weight: [inputs, outputs, 4, 4], of the transposed convolution.
        row: which rows it makes.
        column: which columns it makes.

    Returns:
        [rows * columns * outputs, inputs, height, width]: the outputs of a place in that order.
    """
    with_none = np.pad(weight, ((0, 0), (0, 0), (0, 1), (0, 1)))
    of_row, of_column = np.array(row.taps), np.array(column.taps)
    picked = with_none[:, :, of_row[:, :, None, None], of_column[None, None]]
    # [inputs, outputs, rows, height, columns, width]
    ordered = picked.transpose(2, 4, 1, 0, 3, 5)
    return np.ascontiguousarray(ordered.reshape(-1, weight.shape[0], *ordered.shape[4:]))
