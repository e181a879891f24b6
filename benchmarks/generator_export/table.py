"""The table of one generator, and the goals that its figures are held against."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.generator_export.contenders import INT8, OPENVINO, OURS, TORCH
from benchmarks.generator_export.turns import BATCHES, Figures
from benchmarks.goal import hold


def table(found: Mapping[str, Figures]) -> list[str]:
    """Lay out every side, its ratio to endcap's fp32 beside its time."""
    base = found[OURS]
    head = "".join(f"  batch {batch:2}, ms a picture" for batch in BATCHES)
    lines = [f"{'':18}{head}   PSNR dB       file"]
    for name, one in found.items():
        times = "".join(
            f"{one.ms[batch]:15.3f} {base.ms[batch] / one.ms[batch]:6.2f}x" for batch in BATCHES
        )
        share = one.size_bytes / base.size_bytes
        quality = "exact" if one.psnr_db >= 999 else f"{one.psnr_db:.1f}"
        size = f"{one.size_bytes / 1e6:6.2f} MB {share:4.0%}"
        lines.append(f"{name:18}{times}   {quality:>7}  {size}")
    return lines


def goals(found: Mapping[str, Figures]) -> list[str]:
    """Hold the figures of the 64 px generator against what was aimed at."""
    fp32, int8 = found[OURS], found[INT8]
    lines = []

    for batch, goal, stretch in ((1, 3.2, 3.8), (16, 3.5, 4.0)):
        ratio = fp32.ms[batch] / int8.ms[batch]
        lines.append(hold(f"int8 beside fp32, batch {batch}", ratio, goal))
        lines.append(hold(f"int8 beside fp32, batch {batch}, stretch", ratio, stretch))
        if OPENVINO in found:
            ratio = found[OPENVINO].ms[batch] / int8.ms[batch]
            lines.append(hold(f"int8 beside OpenVINO's, batch {batch}", ratio, 1.0))
        if TORCH in found:  # less than 5 % is the clock's
            ratio = found[TORCH].ms[batch] / fp32.ms[batch]
            lines.append(hold(f"fp32 beside torch's exporter, batch {batch}", ratio, 0.95))
    lines.append(hold("int8 PSNR in dB", int8.psnr_db, 42.0))
    lines.append(
        hold("int8 file beside fp32's", int8.size_bytes / fp32.size_bytes, 0.30, at_most=True)
    )
    return lines
