"""Where a graph begins to differ: its inner tensors, recorded at export, replayed on a device."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.errors import UnusableInput
from runtime.onnx_wire import expose_outputs, scan_model
from runtime.session import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.manifest import Variant

REQUESTS = 4
"""How many golden requests the layers are recorded for."""

_SAMPLES = 256
_BLOCKS = 256
_ENDLESS = 1e37  # what takes an item out of the running is finite in a graph, but no number to add
_TENSORS_A_RUN = 64  # bounds the memory that fetching inner tensors takes
_RELATIVE = {"fp32": 2e-5, "fp16": 2e-2, "int8": 5e-2}
_OF_FP32 = {"fp16": 2e-2, "int8": 2e-1}  # where only the fp32 graph was recorded


@dataclass(frozen=True)
class NodeCheck:
    """One output of one node, held against what was recorded at export.

    Attributes:
        node: the node's name (its first output where it has no name).
        op_type: its operator.
        tensor: the output compared.
        difference: largest difference relative to the tensor's largest recorded value; None where
            the graph no longer has the tensor, its size changed, or other places are finite.
        tolerance: what the difference is held against.
        verdict: "agrees", "differs", or "absent" where a variant that was not recorded itself has
            no such tensor as the fp32 graph, which is no fault.
    """

    node: str
    op_type: str
    tensor: str
    difference: float | None
    tolerance: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return the node as ``endcap parity --json`` shows it."""
        return {
            "node": self.node,
            "op_type": self.op_type,
            "tensor": self.tensor,
            "difference": self.difference,
            "tolerance": self.tolerance,
            "verdict": self.verdict,
        }


def record_layers(
    model: bytes, requests: Mapping[str, NDArray[Any]], provider: str = "cpu"
) -> dict[str, NDArray[Any]]:
    """Run ``model`` on ``requests`` and return a digest of every node's outputs.

    Args:
        model: the graph's bytes.
        requests: the graph's inputs for the first golden requests, by name.
        provider: where to run.

    Returns:
        ``names``: uint8, JSON in UTF-8: [{"tensor", "node", "op_type"}] in topological order; then
        for tensor i ``t{i}.sample`` float64 [<= 256], its values at evenly spaced places, and
        ``t{i}.sums`` float64 [2, <= 256], the sum and the absolute sum of the finite values of
        each of as many equal parts of it.
    """
    outputs = [output for node in scan_model(model).nodes for output in node.outputs if output]
    return _arrays(model, _fetch(model, requests, outputs, provider))


def record_values(model: bytes, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return a digest, as :func:`record_layers` does, of what others say tensors of ``model`` are.

    Args:
        model: the graph's bytes.
        values: by the tensor's name; what the graph has no tensor of is left out.
    """
    return _arrays(model, {name: _digest(value) for name, value in values.items()})


def _arrays(
    model: bytes, values: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> dict[str, NDArray[Any]]:
    kept = [
        {"tensor": output, "node": node.label, "op_type": node.op_type}
        for node in scan_model(model).nodes
        for output in node.outputs
        if output in values
    ]
    arrays: dict[str, NDArray[Any]] = {
        "names": np.frombuffer(json.dumps(kept).encode("utf-8"), np.uint8)
    }
    for index, entry in enumerate(kept):
        sample, sums = values[entry["tensor"]]
        arrays[f"t{index}.sample"] = sample
        arrays[f"t{index}.sums"] = sums
    return arrays


def compare_layers(
    model: bytes,
    requests: Mapping[str, NDArray[Any]],
    recorded: Mapping[str, NDArray[Any]],
    variant: Variant,
    provider: str,
) -> tuple[NodeCheck, ...]:
    """Replay ``requests`` and compare every recorded tensor, in the order of the recorded graph.

    Args:
        model: the graph's bytes.
        requests: the graph's inputs for the first golden requests, by name.
        recorded: what was recorded of the variant itself, or where it states none of the fp32
            graph.
        variant: the variant that ``model`` is.
        provider: where to run.

    Raises:
        UnusableInput: ``recorded`` is not what :func:`record_layers` returns, or ``model`` cannot
            run.
    """
    try:
        described = json.loads(recorded["names"].tobytes().decode("utf-8"))
        names = [str(entry["tensor"]) for entry in described]
        labels = [(str(entry["node"]), str(entry["op_type"])) for entry in described]
        expected = [
            (recorded[f"t{index}.sample"], recorded[f"t{index}.sums"])
            for index in range(len(names))
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableInput(f"the golden layers are damaged ({error}); export again") from error
    present = {output for node in scan_model(model).nodes for output in node.outputs}
    values = _fetch(model, requests, [name for name in names if name in present], provider)
    of_fp32 = variant.layers is None and variant.name != "fp32"
    tolerances = _RELATIVE | _OF_FP32 if of_fp32 else _RELATIVE
    tolerance = tolerances.get(variant.name, _RELATIVE["fp32"])
    checks = []
    for name, (node, op_type), (sample, sums) in zip(names, labels, expected, strict=True):
        difference = _difference(sample, sums, *values[name]) if name in values else None
        if name not in values and of_fp32:
            verdict = "absent"
        else:
            agrees = difference is not None and difference <= tolerance
            verdict = "agrees" if agrees else "differs"
        checks.append(NodeCheck(node, op_type, name, difference, tolerance, verdict))
    return tuple(checks)


def first_diverging(checks: Iterable[NodeCheck]) -> NodeCheck | None:
    """Return the first node that differs, None where none does."""
    return next((check for check in checks if check.verdict == "differs"), None)


def _fetch(
    model: bytes, requests: Mapping[str, NDArray[Any]], names: Sequence[str], provider: str
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return (sample, sums) of each numeric tensor of ``names``."""
    found: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for start in range(0, len(names), _TENSORS_A_RUN):
        part = list(names[start : start + _TENSORS_A_RUN])
        session = open_session(expose_outputs(model, part), provider, optimise=False)
        for name, value in zip(part, session.run(requests, part), strict=True):
            if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
                found[name] = _digest(value)
    return found


def _digest(value: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    flat = value.reshape(-1).astype(np.float64)
    flat = np.where(np.abs(flat) >= _ENDLESS, np.copysign(np.inf, flat), flat)
    if not flat.size:
        return flat, np.zeros((2, 0))
    places = np.linspace(0, flat.size - 1, min(flat.size, _SAMPLES)).astype(np.int64)
    starts = np.arange(min(flat.size, _BLOCKS)) * flat.size // min(flat.size, _BLOCKS)
    finite = np.where(np.isfinite(flat), flat, 0.0)
    sums = [np.add.reduceat(part, starts) for part in (finite, np.abs(finite))]
    return flat[places], np.stack(sums)


def _difference(
    sample: NDArray[Any], sums: NDArray[Any], new_sample: NDArray[Any], new_sums: NDArray[Any]
) -> float | None:
    """Return the largest relative difference of samples and sums; None where sizes differ."""
    if sample.shape != new_sample.shape or sums.shape != new_sums.shape:
        return None
    finite = np.isfinite(sample)
    if not np.array_equal(sample[~finite], new_sample[~finite], equal_nan=True):
        return None
    if not np.all(np.isfinite(new_sample[finite])):
        return None
    scale = max(float(np.abs(sample[finite]).max(initial=0.0)), 1e-6)
    of_samples = np.abs(sample[finite] - new_sample[finite]) / scale
    of_sums = np.abs(sums[0] - new_sums[0]) / np.maximum(sums[1], scale)
    return float(max(of_samples.max(initial=0.0), of_sums.max(initial=0.0)))
