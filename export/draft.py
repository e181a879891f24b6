"""A bundle in the making: files and manifest, into which only checked graphs go."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from export.hygiene import Contract, check_hygiene, graph_metadata
from export.parity import Parity
from runtime.golden import Golden
from runtime.layers import record_layers

VARIANT = "fp32"


@dataclass
class Draft:
    """A bundle in the making.

    Attributes:
        manifest: the document so far; name and version are there from the start.
        files: content by path inside the bundle.
        commands: the commands that led here, for the card.
    """

    manifest: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    def metadata(self, variant: str) -> dict[str, str]:
        """Return what a graph of this bundle says of itself."""
        return graph_metadata(self.manifest["name"], self.manifest["version"], variant)

    def add_arrays(self, path: str, arrays: Mapping[str, np.ndarray]) -> str:
        """Add an .npz file and return its path."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        self.files[path] = buffer.getvalue()
        return path

    def add_graph(
        self, file: str, content: bytes, contract: Contract, metadata: Mapping[str, str]
    ) -> None:
        """Add a graph.

        Raises:
            UnusableInput: it is larger than one file may be.
            CheckFailed: it breaks a rule of :mod:`export.hygiene`.
        """
        check_hygiene(file, content, contract, metadata)
        self.files[file] = content

    def add_model(
        self,
        model: str,
        graph: bytes,
        parity: Parity,
        golden: Golden,
        requests: Mapping[str, np.ndarray],
        contract: Contract,
        facts: Mapping[str, Any],
    ) -> None:
        """Add a verified graph with its golden vectors and its section of the manifest."""
        file = f"{model}/{VARIANT}.onnx"
        self.add_graph(file, graph, contract, self.metadata(VARIANT))
        self.manifest[model] = {
            "inputs": contract[0],
            "outputs": contract[1],
            "golden": self.add_arrays(f"golden/{model}.npz", golden.arrays()),
            "layers": self.add_arrays(f"golden/{model}-layers.npz", record_layers(graph, requests)),
            "variants": {
                VARIANT: {
                    "file": file,
                    "parity": parity.to_json(),
                    "bytes": len(graph),
                    "speedup": 1.0,
                }
            },
            "default": {"cpu": VARIANT, "cuda": VARIANT},
            "refused": {},
            **facts,
        }
