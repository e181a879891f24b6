"""Building ONNX graphs by hand: constants, nodes, the contract's inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from runtime.errors import UnusableInput
from runtime.onnx_wire import CONTRIB_DOMAIN
from runtime.version import __version__

OPSET = 18
IR_VERSION = 9  # what onnxruntime has read since 1.16
BATCH = "batch"
MAX_GRAPH_BYTES = 1_500_000_000  # protobuf ends at 2 GiB, and a device reads the file whole

_TYPES = {
    "int8": TensorProto.INT8,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
}

TensorSpec = dict[str, Any]
"""{"name", "dtype", "shape"}: an input or output as the manifest states it."""


def tensor(name: str, dtype: str, *shape: int | str) -> TensorSpec:
    """Describe a graph input or output; ``shape`` holds ints and "batch"."""
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def refuse_large(size_bytes: int, what: str) -> None:
    """Raise :class:`UnusableInput` where ``what`` is more than one ONNX file may hold."""
    if size_bytes > MAX_GRAPH_BYTES:
        raise UnusableInput(
            f"{what} takes {size_bytes / 1e9:.3g} GB, and one ONNX file holds at most "
            f"{MAX_GRAPH_BYTES / 1e9:.3g} GB; train a smaller model, of fewer items or dimensions"
        )


Body = Callable[["GraphBuilder"], None]


class GraphBuilder:
    """Collects nodes and constants; every value is named after what it is.

    Args:
        outer: the graph that this one is the body of a node in, where it is; its constants are
            kept there.
    """

    def __init__(self, outer: GraphBuilder | None = None) -> None:
        self._outer = outer
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._stated: list[onnx.ValueInfoProto] = []
        self._bodies: list[GraphBuilder] = []
        self._size_bytes = 0

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant, a scalar where ``value`` has no axes, and return its name.

        Raises:
            UnusableInput: the constants together are more than one ONNX file may hold.
        """
        if self._outer is not None:
            return self._outer.constant(name, value)
        if name in self._constants:
            raise ValueError(f"constant {name!r} is defined twice")
        self._size_bytes += value.nbytes
        refuse_large(self._size_bytes, f"the graph with its constant {name!r}")
        self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def once(self, name: str, value: np.ndarray) -> str:
        """Add a constant that may be there already, with the same value."""
        if self._outer is not None:
            return self._outer.once(name, value)
        return name if name in self._constants else self.constant(name, value)

    def integers(self, name: str, *values: int) -> str:
        """Add an int64 constant of rank 1."""
        return self.constant(name, np.array(values, np.int64))

    def floats(self, name: str, *values: float) -> str:
        """Add a float32 constant of rank 1."""
        return self.constant(name, np.array(values, np.float32))

    def node(self, op_type: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        self.nodes(op_type, inputs, [output], **attributes)
        return output

    def nodes(
        self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """Add a node with several outputs; it is named after the first."""
        name = f"{op_type}_{outputs[0]}"
        self._nodes.append(helper.make_node(op_type, inputs, outputs, name=name, **attributes))

    def contrib(
        self, op_type: str, inputs: Sequence[str], output: TensorSpec, **attributes: Any
    ) -> str:
        """Add a node of ONNX Runtime's own operators, and return its output's name.

        ONNX has no schema of these, so the output's type and shape are stated in the graph, which
        lets ONNX's shape inference go on behind it. Which operators a bundle may hold is in
        :data:`runtime.onnx_wire.CONTRIB_OPERATORS`.
        """
        self._stated.append(_info(output))
        return self.node(op_type, inputs, output["name"], domain=CONTRIB_DOMAIN, **attributes)

    def each(
        self,
        body: Body,
        inputs: Mapping[str, TensorSpec],
        outputs: Mapping[str, TensorSpec],
    ) -> None:
        """Run ``body`` on every part of the first axis, one after the other, by ONNX's Scan.

        Args:
            body: adds the nodes of one part to the builder that it is given; constants go into
                this graph.
            inputs: tensor here, [parts, ...] -> the tensor of one part in the body, [...].
            outputs: tensor here, [parts, ...] -> the tensor of one part in the body, [...].
        """
        inner = GraphBuilder(self)
        body(inner)
        self._bodies.append(inner)
        graph = helper.make_graph(
            inner._nodes,
            f"each_of_{next(iter(inputs))}",
            [_info(spec) for spec in inputs.values()],
            [_info(spec) for spec in outputs.values()],
            value_info=inner._stated,
        )
        self.nodes("Scan", list(inputs), list(outputs), body=graph, num_scan_inputs=len(inputs))

    def _is_contrib(self) -> bool:
        nodes = any(node.domain == CONTRIB_DOMAIN for node in self._nodes)
        return nodes or any(body._is_contrib() for body in self._bodies)

    def finish(
        self,
        name: str,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        metadata: Mapping[str, str],
    ) -> bytes:
        """Assemble the model and serialise it; :mod:`export.hygiene` checks what comes out."""
        graph = helper.make_graph(
            self._nodes,
            name,
            [_info(spec) for spec in inputs],
            [_info(spec) for spec in outputs],
            list(self._constants.values()),
            value_info=self._stated,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        if self._is_contrib():
            opsets.append(helper.make_opsetid(CONTRIB_DOMAIN, 1))
        model = helper.make_model(
            graph,
            producer_name="endcap",
            producer_version=__version__,
            opset_imports=opsets,
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, dict(metadata))
        content: bytes = model.SerializeToString()
        return content


def _info(spec: TensorSpec) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(spec["name"], _TYPES[spec["dtype"]], spec["shape"])
