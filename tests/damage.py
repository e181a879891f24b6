"""Damage to a copy of a bundle, for tests of what the reader refuses and what parity catches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper


class Damage:
    """Changes to a bundle folder that keep, or don't keep, its manifest true."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.folder / "manifest.json"
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")

    def replace(self, name: str, content: bytes) -> None:
        """Put ``content`` at ``name`` and state its true size and hash in the manifest."""
        (self.folder / name).write_bytes(content)
        record = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.manifest(lambda document: document["files"].update({name: record}))

    def graph(self, name: str, change: Callable[[onnx.ModelProto], None]) -> None:
        """Change the graph ``name`` and make the manifest agree, so that only parity can tell."""
        model = onnx.load(self.folder / name)
        change(model)
        self.replace(name, model.SerializeToString())


def node_of(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    """Return the node called ``name``."""
    (node,) = (node for node in model.graph.node if node.name == name)
    return node


def one_weight_by_1_percent(tensor: str) -> Callable[[onnx.ModelProto], None]:
    """Return the damage: the largest weight of ``tensor`` grows by 1 %."""

    def change(model: onnx.ModelProto) -> None:
        (weights,) = (one for one in model.graph.initializer if one.name == tensor)
        array = numpy_helper.to_array(weights).copy()
        size = np.abs(np.where(np.isfinite(array), array, 0))
        array.flat[size.argmax()] *= 1.01
        weights.CopyFrom(numpy_helper.from_array(array, tensor))

    return change


def swapped_inputs(node: str, first: int = 0, second: int = 1) -> Callable[[onnx.ModelProto], None]:
    """Return the damage: two inputs of ``node`` change places."""

    def change(model: onnx.ModelProto) -> None:
        inputs = node_of(model, node).input
        inputs[first], inputs[second] = inputs[second], inputs[first]

    return change


def round_as_before_opset_11(node: str) -> Callable[[onnx.ModelProto], None]:
    """Return the damage: an opset rewrite that knows no Round and cuts the fraction off."""

    def change(model: onnx.ModelProto) -> None:
        node_of(model, node).op_type = "Floor"

    return change


def stated_opset(version: int) -> Callable[[onnx.ModelProto], None]:
    """Return the damage: the graph says that its nodes are of another opset than they are."""

    def change(model: onnx.ModelProto) -> None:
        (opset,) = (one for one in model.opset_import if one.domain == "")
        opset.version = version

    return change


def reversed_rows(tensor: str) -> Callable[[onnx.ModelProto], None]:
    """Return the damage: the rows of ``tensor`` stand in the opposite order."""

    def change(model: onnx.ModelProto) -> None:
        (table,) = (one for one in model.graph.initializer if one.name == tensor)
        rows = numpy_helper.to_array(table)[::-1].copy()
        table.CopyFrom(numpy_helper.from_array(rows, tensor))

    return change


def scatter_as_before_opset_16(node: str) -> Callable[[onnx.ModelProto], None]:
    """Return the damage: an opset rewrite that knows no reduction, and so overwrites."""

    def change(model: onnx.ModelProto) -> None:
        attributes = node_of(model, node).attribute
        attributes.remove(next(one for one in attributes if one.name == "reduction"))

    return change
