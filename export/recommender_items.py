"""The item vectors of the two-stage graph: looked up row by row, and scored all at once."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.graph import BATCH, GraphBuilder, tensor
from export.tables import INT8, LEVELS, Tables

MAX_BLOCK = 256  # the largest block of numbers with a scale of its own
MIDDLE = 128  # the code of zero


PACKED_BYTES = 128 << 20
"""Vectors that ONNX Runtime may copy into its own order when it opens the graph. That makes a
product up to a fifth faster; of larger ones the copy would be felt in memory."""


class Items:
    """Item vectors as float32 or float16, the catalogue scored by one product.

    Args:
        tables: the storage.
        vectors: float32 [n_rows, dim].
    """

    def __init__(self, build: GraphBuilder, tables: Tables, vectors: np.ndarray) -> None:
        self._build, self._tables, self._vectors = build, tables, vectors

    def rows(self, indices: str, output: str) -> str:
        """Look up vectors, float32 [*indices, dim]."""
        return self._tables.rows("item_vectors", self._vectors, indices, output)

    def scores(self, query: str, offset: str, output: str) -> str:
        """Multiply ``query``, [batch, dim], by every item and add ``offset``, [batch, n_rows]."""
        whole = self._tables.matrix("item_vectors", self._vectors)
        if self._vectors.nbytes > PACKED_BYTES:
            whole = self._as_it_lies(whole)
        return self._build.node("Gemm", [query, whole, offset], output, transB=1)

    def _as_it_lies(self, whole: str) -> str:
        """Hide from ONNX Runtime that ``whole`` is a constant, so that it makes no copy of it.

        It is given the shape that it has, to which nothing is added that only a request can tell;
        the numbers stay where they are.
        """
        build = self._build
        build.integers("nothing", 0)
        build.integers("vectors_shape", *self._vectors.shape)
        build.node("Mul", ["user", "nothing"], "no_users")
        build.node("ReduceSum", ["no_users"], "zero", keepdims=0)
        build.node("Add", ["vectors_shape", "zero"], "vectors_shape_of_request")
        return build.node("Reshape", [whole, "vectors_shape_of_request"], "vectors_as_they_lie")


class CodedItems:
    """Item vectors as 8-bit codes with a scale a row: a quarter of the memory to read.

    ``MatMulNBits`` takes codes row by row, as they are looked up too, so one copy serves both. It
    rounds each query to 8 bits as well, which is why its scores only choose candidates.
    """

    def __init__(self, build: GraphBuilder, vectors: np.ndarray) -> None:
        self._build = build
        n_rows, self._dim = vectors.shape
        self._n_rows = n_rows
        self._block = min(MAX_BLOCK, max(16, 1 << (self._dim - 1).bit_length()))
        blocks = -(-self._dim // self._block)
        padded = np.zeros((n_rows, blocks * self._block), np.float32)
        padded[:, : self._dim] = vectors
        parts = padded.reshape(n_rows, blocks, self._block)
        scale = np.abs(parts).max(axis=2) / LEVELS  # [n_rows, blocks]
        codes = np.rint(parts / np.where(scale > 0, scale, 1)[:, :, None]) + MIDDLE
        build.constant("item_vectors", codes.astype(np.uint8))
        build.constant("item_scales", scale.astype(np.float32))
        build.floats("middle", MIDDLE)
        self._is_padded = padded.shape[1] > self._dim

    def rows(self, indices: str, output: str) -> str:
        """Look up vectors, float32 [*indices, dim], for ``indices`` of [batch, n]."""
        build = self._build
        build.node("Gather", ["item_vectors", indices], f"{output}_stored")
        build.node("Cast", [f"{output}_stored"], f"{output}_codes", to=TensorProto.FLOAT)
        build.node("Sub", [f"{output}_codes", "middle"], f"{output}_centred")
        build.node("Gather", ["item_scales", indices], f"{output}_scales")
        build.integers(f"{output}_axis", -1)
        build.node("Unsqueeze", [f"{output}_scales", f"{output}_axis"], f"{output}_scale")
        build.node("Mul", [f"{output}_centred", f"{output}_scale"], f"{output}_blocks")
        build.integers(f"{output}_shape", 0, 0, -1)
        if not self._is_padded:
            return build.node("Reshape", [f"{output}_blocks", f"{output}_shape"], output)
        build.node("Reshape", [f"{output}_blocks", f"{output}_shape"], f"{output}_padded")
        build.integers(f"{output}_start", 0)
        build.integers(f"{output}_stop", self._dim)
        ends = [f"{output}_start", f"{output}_stop", f"{output}_axis"]
        return build.node("Slice", [f"{output}_padded", *ends], output)

    def products(self, query: str, bias: str, output: str) -> str:
        """Multiply ``query``, [batch, dim], by every item and add a ``bias``, [n_rows]."""
        return self._build.contrib(
            "MatMulNBits",
            [query, "item_vectors", "item_scales", "", "", bias],  # no zero points, no order
            tensor(output, "float32", BATCH, self._n_rows),
            K=self._dim,
            N=self._n_rows,
            bits=8,
            block_size=self._block,
            accuracy_level=4,  # multiply in int8
        )


def item_table(build: GraphBuilder, tables: Tables, vectors: np.ndarray) -> Items | CodedItems:
    """Add the item vectors as the variant stores them."""
    return CodedItems(build, vectors) if tables.variant == INT8 else Items(build, tables, vectors)
