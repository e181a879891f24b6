"""Weights as a variant stores them: float32, float16 or int8; graphs compute in float32."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.graph import GraphBuilder

FP32, FP16, INT8 = "fp32", "fp16", "int8"
LEVELS = 127  # of an int8 code to either side of zero


def codes_of_rows(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round float32 [n, dim] to int8 codes of the same shape and a scale a row, float32 [n, 1].

    A row's largest number becomes 127 or -127, so that codes times scale are the nearest such row.
    """
    scale = np.abs(value).max(axis=1, keepdims=True) / LEVELS
    codes = np.rint(value / np.where(scale > 0, scale, 1))
    return codes.astype(np.int8), scale.astype(np.float32)


class Tables:
    """Adds weights to a graph in the storage of a variant.

    Args:
        build: the graph.
        variant: "fp32"; "fp16" halves every table; "int8" quarters it, with a scale a row of what
            is looked up and a scale a column of what is multiplied by.
    """

    def __init__(self, build: GraphBuilder, variant: str) -> None:
        self._build = build
        self.variant = variant
        self._stored: set[str] = set()

    def matrix(self, name: str, value: np.ndarray) -> str:
        """Add float32 [inputs, outputs] to multiply by, and return the name of its float32 form.

        That is made of constants only, so ONNX Runtime makes it once, when it opens the graph.
        """
        build = self._build
        if self.variant != INT8:
            self._store(name, value)
        if self.variant == FP32:
            return name
        if self.variant == FP16:
            return build.node("Cast", [name], f"{name}_fp32", to=TensorProto.FLOAT)
        codes, scale = codes_of_rows(value.T)
        build.constant(name, codes.T)
        build.constant(f"{name}_scale", scale.T)  # [1, outputs]
        build.node("Cast", [name], f"{name}_codes", to=TensorProto.FLOAT)
        return build.node("Mul", [f"{name}_codes", f"{name}_scale"], f"{name}_fp32")

    def rows(self, name: str, value: np.ndarray, indices: str, output: str) -> str:
        """Look up rows of ``value``, float32 [n, dim]; return ``output``, [*indices, dim].

        A table is added once, under ``name``, however often it is looked up.
        """
        build = self._build
        self._store(name, value)
        if self.variant == FP32:
            return build.node("Gather", [name, indices], output)
        build.node("Gather", [name, indices], f"{output}_stored")
        if self.variant == FP16:
            return build.node("Cast", [f"{output}_stored"], output, to=TensorProto.FLOAT)
        build.node("Cast", [f"{output}_stored"], f"{output}_codes", to=TensorProto.FLOAT)
        build.node("Gather", [f"{name}_scale", indices], f"{output}_scale")
        return build.node("Mul", [f"{output}_codes", f"{output}_scale"], output)

    def _store(self, name: str, value: np.ndarray) -> None:
        if name in self._stored:
            return
        self._stored.add(name)
        if self.variant == FP32:
            self._build.constant(name, value)
        elif self.variant == FP16:
            self._build.constant(name, value.astype(np.float16))
        else:
            codes, scale = codes_of_rows(value)
            self._build.constant(name, codes)
            self._build.constant(f"{name}_scale", scale)
