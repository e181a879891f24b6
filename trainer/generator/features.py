"""What pictures are compared by: the shop's own classifier, or Inception where it is supplied."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.errors import UnusableInput
from trainer.generator.classifier import Classifier, apply_in_batches
from trainer.generator.distances import Features
from trainer.picture import Pixels

INCEPTION_SIDE = 299


@dataclass(frozen=True)
class FeatureSpace:
    """Turns pictures into numbers.

    Attributes:
        name: what they are, for every table that shows figures of them.
        embed: uint8 [n, size, size, channels] -> float64 [n, d].
    """

    name: str
    embed: Callable[[Pixels], Features]


def classifier_features(
    classifier: Classifier, pixels: Pixels, device: torch.device
) -> FeatureSpace:
    """Take the classifier's penultimate layer, scaled so that its mean variance is 1.

    Args:
        classifier: trained on the real training pictures.
        pixels: some of those, uint8 [n, size, size, channels], which the scale is taken from.
        device: where it runs.
    """
    scale = float(np.sqrt(apply_in_batches(classifier.features, pixels, device).var(0).mean()))

    def embed(pictures: Pixels) -> Features:
        found = apply_in_batches(classifier.features, pictures, device)
        # A classifier of one category may learn to see nothing, and 0 / 0 says nothing either.
        return found.astype(np.float64) / (scale or 1.0)

    return FeatureSpace(
        f"penultimate layer ({classifier.n_features} numbers) of a classifier trained on the real "
        "training pictures",
        embed,
    )


def inception_features(path: Path, device: torch.device) -> FeatureSpace:
    """Open a TorchScript file of Inception-v3, such as the published FID one.

    It is called with float32 [n, 3, 299, 299] from 0 to 255, red, green, blue (and with
    ``return_features=True`` where it takes that), and must give float [n, d]. Smaller pictures are
    resized bilinearly and grey ones repeated.

    TorchScript holds a program as well as weights: it cannot run Python, as a pickle can, but it
    does run. Open files of a source that you trust.

    Raises:
        UnusableInput: the file is no TorchScript, or does not give features.
    """
    try:
        with warnings.catch_warnings():
            # torch discourages TorchScript for new work; published weights come in it.
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(path), map_location=device).eval()
        takes = [argument.name for argument in network.forward.schema.arguments]
    except (RuntimeError, ValueError, OSError) as error:
        raise UnusableInput(
            f"--inception-weights {str(path)!r} is no TorchScript file that torch can open; save "
            "one with torch.jit.save"
        ) from error
    more = {"return_features": True} if "return_features" in takes else {}

    def resized(image: Tensor) -> Tensor:
        image = (image + 1) * 127.5
        image = image.expand(-1, 3, -1, -1)
        size = (INCEPTION_SIDE, INCEPTION_SIDE)
        found: Tensor = network(F.interpolate(image, size, mode="bilinear"), **more)
        return found

    def embed(pictures: Pixels) -> Features:
        try:
            found = apply_in_batches(resized, pictures, device)
        except (RuntimeError, AttributeError) as error:
            raise UnusableInput(_no_features(path, str(error).splitlines()[0])) from error
        if found.ndim != 2:
            raise UnusableInput(_no_features(path, f"it gives {found.ndim} dimensions"))
        return found.astype(np.float64)

    return FeatureSpace(f"Inception of {path.name}", embed)


def _no_features(path: Path, why: str) -> str:
    return (
        f"--inception-weights {str(path)!r} does not turn float32 [n, 3, 299, 299] into features "
        f"[n, d]: {why}; give another file, or none"
    )
