"""The scales of the generator's int8 graph: measured on latents, chosen by what pictures lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from export.generator import generator_graph
from export.generator_int8 import Int8, Scale, Scales, aligned
from export.generator_layers import Network
from export.generator_rewritten import Float32, rewritten_graph
from runtime.comparison import psnr_db
from runtime.errors import CheckFailed
from runtime.latent import draw_latents
from runtime.onnx_wire import expose_outputs
from runtime.session import open_session

GOAL_DB = 42.0
"""PSNR against the fp32 graph below which a layer is left in float32."""

PICTURES = 128
_SEED = 30_000_001  # neither training nor the fresh pictures of parity draw from it
_CLIPS = (0.9, 0.8, 0.7, 0.6, 0.5)
_BATCH = 16
_SATURATED = 3.2  # beyond it 127.5 * tanh is within half a byte of its end
_SAME = 1e-4  # of two float32 graphs that add up in another order, relative to the largest value


@dataclass(frozen=True)
class Ranges:
    """What lies between the layers over all calibration pictures.

    Attributes:
        latent: the largest absolute number of z and the category's vector.
        peaks: the largest value of each map with a ReLU, first to last.
        tones: the lowest and the highest value before tanh and 0, as far as they make a difference.
    """

    latent: float
    peaks: tuple[float, ...]
    tones: tuple[float, float]

    def scales(self, clips: tuple[float, ...]) -> Scales:
        """Return the scales over these shares of latent, peaks and tones."""
        latent, *peaks, tones = clips
        low, high = self.tones
        return Scales(
            latent=Scale(latent * self.latent / 127, 128),
            maps=(
                *(Scale.over(0, clip * peak) for clip, peak in zip(peaks, self.peaks, strict=True)),
                Scale.over(tones * low, tones * high),
            ),
        )


def int8_graph(
    network: Network, metadata: Mapping[str, str], say: Callable[[str], None] = lambda text: None
) -> bytes:
    """Write the generator in int8, with the scales that keep its pictures nearest to fp32's.

    The rewriting is first proved equal in fp32. Then each range is narrowed as long as pictures
    get better by it. Where they stay below :data:`GOAL_DB`, one layer is left in float32: the
    smallest that brings them above it, or else the one that helps most.

    Args:
        network: the generator's numbers.
        metadata: goes into the model's metadata (bundle, version, variant).
        say: receives a line where a layer is left in float32.

    Raises:
        CheckFailed: the rewritten form differs in fp32, a defect.
    """
    trial = _Trial(network)
    trial.prove_rewriting()
    scales = trial.narrowed()
    in_float32: frozenset[int] = frozenset()
    quality = trial.psnr_db(scales, in_float32)
    if quality < GOAL_DB:
        alone = {level: trial.psnr_db(scales, frozenset({level})) for level in trial.levels}
        enough = [level for level, one in alone.items() if one >= GOAL_DB]
        if enough:
            level = min(enough, key=lambda one: network.layers[one - 1].weight.size)
        else:
            level = max(alone, key=lambda one: alone[one])
        if alone[level] > quality:
            in_float32 = frozenset({level})
            say(
                f"generator int8: layer {level} of {len(alone)} stays in float32 "
                f"({alone[level]:.1f} dB with it, {quality:.1f} without)"
            )
    return rewritten_graph(aligned(network), metadata, Int8(scales, in_float32))


class _Trial:
    """Calibration latents, what fp32 makes of them, and what a choice of scales makes of that."""

    def __init__(self, network: Network) -> None:
        self.levels = range(1, len(network.layers) + 1)
        self._network = network
        self._aligned = aligned(network)
        self._fp32 = generator_graph(network, {})
        self._z = draw_latents(_SEED, PICTURES, network.z_dim)
        self._category: np.ndarray = (np.arange(PICTURES) % len(network.category_vectors))[:, None]
        self._pictures = self._drawn(self._fp32)

    def prove_rewriting(self) -> None:
        """Make sure that the rewritten form in fp32 is what fp32 is."""
        level = len(self._network.layers)
        straight = self._run(self._fp32, f"convolved_{level}")
        rewritten = self._run(rewritten_graph(self._aligned, {}, Float32()), f"joined_{level}")
        difference, largest = 0.0, 1.0
        for (before,), (after,) in zip(straight, rewritten, strict=True):
            apart = float(np.abs(before.transpose(0, 2, 3, 1) - after).max())
            difference = max(difference, apart)
            largest = max(largest, float(np.abs(before).max()))
        if not difference <= _SAME * largest:
            raise CheckFailed(
                f"the generator without transposed convolutions differs by {difference:.3g} in "
                "fp32, so no bundle is written; this is a defect of endcap, please report it"
            )

    def ranges(self) -> Ranges:
        """Measure what lies between the layers of fp32."""
        hidden = [f"map_{level}" for level in self.levels[:-1]]
        names = ["latent", *hidden, f"convolved_{self.levels[-1]}"]
        bounds = np.zeros((len(names), 2))  # of each the lowest and the highest, and 0
        for found in self._run(self._fp32, *names):
            lowest = [values.min() for values in found]
            highest = [values.max() for values in found]
            bounds[:, 0] = np.minimum(bounds[:, 0], lowest)
            bounds[:, 1] = np.maximum(bounds[:, 1], highest)
        tones = np.clip(bounds[-1], -_SATURATED, _SATURATED)
        return Ranges(
            latent=float(np.abs(bounds[0]).max()),
            peaks=tuple(bounds[1:-1, 1].tolist()),
            tones=(float(tones[0]), float(tones[1])),
        )

    def narrowed(self) -> Scales:
        """Narrow the ranges, first to last, each for as long as pictures get better by it."""
        ranges = self.ranges()
        clips = (1.0,) * (len(self.levels) + 1)
        best = self.psnr_db(ranges.scales(clips))
        for place in range(len(clips)):
            for clip in _CLIPS:
                narrower = (*clips[:place], clip, *clips[place + 1 :])
                quality = self.psnr_db(ranges.scales(narrower))
                if quality <= best:
                    break
                clips, best = narrower, quality
        return ranges.scales(clips)

    def psnr_db(self, scales: Scales, in_float32: frozenset[int] = frozenset()) -> float:
        """Return how near pictures in int8 are to those of fp32."""
        graph = rewritten_graph(self._aligned, {}, Int8(scales, in_float32))
        return psnr_db(self._pictures, self._drawn(graph))

    def _drawn(self, graph: bytes) -> np.ndarray:
        return np.concatenate([image for (image,) in self._run(graph, "image")])

    def _run(self, graph: bytes, *tensors: str) -> Iterator[list[np.ndarray]]:
        """Run ``graph`` on all calibration latents, a few at a time, and yield ``tensors``."""
        session = open_session(expose_outputs(graph, tensors), "cpu")
        for start in range(0, PICTURES, _BATCH):
            part = slice(start, start + _BATCH)
            feeds = {"z": self._z[part], "category": self._category[part]}
            yield session.run(feeds, tensors)
