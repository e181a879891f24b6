"""The two models behind the inference protocol: what they take, check and answer."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.generator import Generator
from runtime.manifest import ModelSection
from runtime.provider import Provider
from runtime.questions import Reply, Steps, Tensors, rows_of_a_run
from runtime.recommender import Recommender
from runtime.serve.engine import Engine
from runtime.serve.errors import HttpError, NotFound
from runtime.serve.inference_schemas import ModelMetadata
from runtime.serve.lane import Lane
from runtime.serve.parameters import Parameter
from runtime.serve.tensors import TensorSpec

PLATFORM = "onnxruntime_onnx"
MODEL = Parameter("model", "string", "recommender or generator", example="recommender")
VERSION = Parameter("version", "string", "the bundle's version")
Values = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Model:
    """One model as the protocol sees it.

    Attributes:
        name: "recommender" or "generator".
        version: of the bundle.
        variant: which exported form runs.
        provider: where it was to run, and does.
        inputs: what it takes, by name.
        outputs: what it answers, by name.
        engine: the bundle.
    """

    name: str
    version: str
    variant: str
    provider: Provider
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    engine: Engine

    def metadata(self) -> ModelMetadata:
        """Return the model as the protocol describes it."""
        return ModelMetadata(
            self.name,
            [self.version],
            PLATFORM,
            [spec.metadata() for spec in self.inputs.values()],
            [spec.metadata() for spec in self.outputs.values()],
        )

    def check(self, values: Values) -> None:
        """Refuse what the graph would fail on, or answer nonsense to.

        Raises:
            HttpError: a row lies outside its table, or a number is not finite.
        """
        section = self.engine.manifest
        if self.name == "recommender":
            assert section.recommender is not None
            _check_rows("user", values["user"], section.recommender.n_users)
            _check_rows("basket", values["basket"], section.recommender.n_items)
            return
        assert section.generator is not None
        _check_rows("category", values["category"], len(section.generator.categories) - 1)
        if not np.isfinite(values["z"]).all():
            raise HttpError("input 'z' holds NaN or infinity")

    def run(self, lane: Lane, values: Values) -> Awaitable[Values]:
        """Run the graph on checked ``values``, [batch, …] each, in turns with other requests."""
        if self.name == "recommender":
            assert self.engine.recommender is not None
            n_rows = values["allowed"].shape[1]
            return lane.ask(self.engine.recommender, _ask(values, rows_of_a_run(n_rows)))
        assert self.engine.generator is not None
        return lane.draw(_draw(self.engine.generator, values))


def find_model(engine: Engine, name: str, version: str | None) -> Model:
    """Return the model ``name`` of the bundle that serves.

    Raises:
        NotFound: the bundle has no such model, or not in that version.
    """
    section: ModelSection | None = None
    runs: Recommender | Generator | None = None
    if name == "recommender":
        section, runs = engine.manifest.recommender, engine.recommender
    elif name == "generator":
        section, runs = engine.manifest.generator, engine.generator
    if section is None or runs is None:
        raise NotFound(
            f"unknown model {name[:80]!r}; there are {sorted(engine.manifest.sections())}"
        )
    current = str(engine.name.version)
    if version is not None and version != current:
        raise NotFound(f"model {name!r} has no version {version[:80]!r}; it has {current!r}")
    return Model(
        name,
        current,
        runs.opened[0],
        runs.provider,
        {tensor.name: TensorSpec.of(tensor) for tensor in section.inputs},
        {tensor.name: TensorSpec.of(tensor) for tensor in section.outputs},
        engine,
    )


def _ask(values: Values, max_rows: int) -> Steps[Values]:
    """Ask the recommender's graph, ``max_rows`` requests at a time."""
    items, scores = [], []
    for start in range(0, len(values["user"]), max_rows):
        rows = slice(start, start + max_rows)
        reply: Reply = yield Tensors(
            values["user"][rows], values["basket"][rows], values["allowed"][rows]
        )
        items.append(reply[0])
        scores.append(reply[1])
    return {"item": np.concatenate(items), "score": np.concatenate(scores)}


def _draw(generator: Generator, values: Values) -> Iterator[Values | None]:
    parts = []
    for part in generator.run_steps(values["z"], values["category"]):
        parts.append(part)
        yield None
    yield {"image": np.concatenate(parts)}


def _check_rows(name: str, rows: NDArray[np.int64], highest: int) -> None:
    low, high = int(rows.min()), int(rows.max())
    if low < 0 or high > highest:
        wrong = low if low < 0 else high
        raise HttpError(f"input {name!r} holds {wrong}; it must be from 0 to {highest}")
