"""Where training runs: CUDA when there is one, else the CPU, and always said aloud."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch

from runtime.device import processor as read_processor
from runtime.errors import MissingCapability

processor = cache(read_processor)  # steps ask several times each, and its file tells of every core


def choose_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device.

    Raises:
        MissingCapability: CUDA was asked for by name and this machine has none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise MissingCapability(
            "device 'cuda' was asked for and torch finds no CUDA device here; use --device cpu, or "
            "install a CUDA build with: pip install --upgrade torch"
        )
    return torch.device(name)


def describe_device(device: torch.device, *, mixed_precision: bool, native: bool = False) -> str:
    """Say in words what training runs on, for the first line of its output.

    Args:
        device: what :func:`choose_device` gave.
        mixed_precision: whether bfloat16 is asked for.
        native: as :func:`autocast` takes it.
    """
    if device.type == "cuda":
        precision = "mixed precision (bfloat16)" if mixed_precision else "float32"
        return f"training on {torch.cuda.get_device_name(device)} in {precision}"
    half = native and product_precision(device, mixed_precision=mixed_precision) == torch.bfloat16
    precision = "mixed precision (bfloat16)" if half else "float32"
    return f"training on the CPU with {torch.get_num_threads()} threads in {precision}"


def autocast(
    device: torch.device, *, mixed_precision: bool, native: bool = False
) -> AbstractContextManager[None]:
    """Give the context for a forward pass: bfloat16 on CUDA when asked for, else float32.

    bfloat16 keeps float32's exponent range, so no loss scaling is needed.

    Args:
        device: where the pass runs.
        mixed_precision: whether bfloat16 is asked for.
        native: true: on CPUs that gain by it too (:func:`product_precision`); convolutions do,
            small matrices do not.
    """
    half = native and product_precision(device, mixed_precision=mixed_precision) == torch.bfloat16
    if half or (device.type == "cuda" and mixed_precision):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def product_precision(device: torch.device, *, mixed_precision: bool) -> torch.dtype:
    """Choose the precision of the largest matrix products in training.

    bfloat16 where asked for and the device gains by it: CUDA, CPUs with AMX, and AMD's with
    AVX512-BF16. Intel's multiply bfloat16 by AVX512-BF16 at the rate of float32, so that converting
    to it and back only costs: where a virtual machine hides AMX, a 28 px generator's training is a
    third faster in float32.
    """
    gains = device.type == "cuda" or _multiplies_bfloat16_faster(*processor())
    return torch.bfloat16 if mixed_precision and gains else torch.float32


def _multiplies_bfloat16_faster(name: str, flags: tuple[str, ...]) -> bool:
    return "amx_bf16" in flags or ("avx512_bf16" in flags and "Intel" not in name)


def seed_step(seed: int, epoch: int, step: int) -> None:
    """Seed torch for one training step from its place in the run.

    Every step starts from a state that depends on (seed, epoch, step) alone, so a resumed run draws
    what the uninterrupted one would have drawn, without saving any generator's state.
    """
    place = ((seed * 1_000_003 + epoch) * 1_000_003 + step) % 2**63
    # torch.manual_seed does the same and takes 80 us, for devices that choose_device never picks.
    torch.default_generator.manual_seed(place)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(place)
