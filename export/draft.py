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

FP32 = "fp32"


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

    def add_arrays(
        self, path: str, arrays: Mapping[str, np.ndarray], *, compressed: bool = False
    ) -> str:
        """Add an .npz file and return its path; ``compressed`` is for what is seldom read."""
        buffer = io.BytesIO()
        write = np.savez_compressed if compressed else np.savez
        write(buffer, allow_pickle=False, **arrays)
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
        """Add a verified fp32 graph with its golden vectors and its section of the manifest."""
        self.manifest[model] = {
            "inputs": contract[0],
            "outputs": contract[1],
            "golden": self.add_arrays(f"golden/{model}.npz", golden.arrays()),
            "variants": {},
            "default": {"cpu": FP32, "cuda": FP32},
            "refused": {},
            **facts,
        }
        self.add_variant(model, FP32, graph, parity, 1.0, requests)
        self.manifest[model]["layers"] = self.manifest[model]["variants"][FP32].pop("layers")

    def add_variant(
        self,
        model: str,
        variant: str,
        graph: bytes,
        parity: Parity,
        speedup: float,
        requests: Mapping[str, np.ndarray],
    ) -> None:
        """Add a verified graph of a model that is here already, and what its nodes put out.

        Args:
            model: "recommender" or "generator".
            variant: "fp16", "int8".
            graph: the graph's bytes.
            parity: what was measured against torch.
            speedup: how many times as fast as fp32 it is.
            requests: the requests that nodes are recorded for.

        Raises:
            UnusableInput: it is larger than one file may be.
            CheckFailed: it breaks a rule of :mod:`export.hygiene`.
        """
        section = self.manifest[model]
        file = f"{model}/{variant}.onnx"
        contract = (section["inputs"], section["outputs"])
        self.add_graph(file, graph, contract, self.metadata(variant))
        suffix = "" if variant == FP32 else f"-{variant}"
        layers = f"golden/{model}{suffix}-layers.npz"
        section["variants"][variant] = {
            "file": file,
            "parity": parity.to_json(),
            "bytes": len(graph),
            "speedup": round(speedup, 3),
            "layers": self.add_arrays(layers, record_layers(graph, requests), compressed=True),
        }

    def graph(self, model: str, variant: str) -> bytes:
        """Return the bytes of a graph that is here already."""
        return self.files[self.manifest[model]["variants"][variant]["file"]]
