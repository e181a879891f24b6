"""The generator's exported graphs beside what other exports make of it.

python -m benchmarks.generator_export [--run RUN] [--rounds 60]    (make generator-export)

The same generator goes through endcap's export (fp32, fp16, int8), torch's own exporter, ONNX
Runtime's dynamic and static quantization of the fp32 graph, and OpenVINO's post-training
quantization (NNCF). All take turns in one process, on one thread of one core, a few runs at a
time; medians over core time, ratios to endcap's fp32, PSNR against torch and file sizes are
printed, and whether the goals are met. What is not installed is left out, and said so.

Without ``--run`` weights are drawn as training begins, batch norm is measured, and the last layer
is made three times as strong: pictures of full contrast, at the sizes the goals are stated for.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from pathlib import Path

import click
import onnxruntime as ort
import torch

from benchmarks.generator_export.contenders import contenders
from benchmarks.generator_export.drawn import SIZES, drawn_generator
from benchmarks.generator_export.table import goals, table
from benchmarks.generator_export.turns import measure
from benchmarks.turns import on_one_core
from export.requests import fresh_pictures
from trainer.generator.train import load_generator
from trainer.run import Run

PICTURES = 256  # that PSNR is over


@click.command()
@click.option(
    "--run",
    "run_folder",
    type=click.Path(exists=True, path_type=Path),
    help="A finished run of endcap train generator, instead of drawn weights.",
)
@click.option("--rounds", default=60, show_default=True, help="Turns of each side at batch 1.")
@click.option("--runs", default=5, show_default=True, help="Runs in a turn.")
def main(run_folder: Path | None, rounds: int, runs: int) -> None:
    """Print the table of each size, and the goals of the first."""
    core = on_one_core()
    torch.set_num_threads(1)
    for name in ("", "torch.onnx"):  # exporters and quantizers remark on every node
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    print(f"onnxruntime {ort.__version__}, torch {torch.__version__}; one thread on core {core}")
    if run_folder is not None:
        made = [load_generator(Run.open(run_folder, "generator"))[0]]
    else:
        made = [drawn_generator(*size) for size in SIZES]
    for number, generator in enumerate(made):
        channels = "grey" if generator.channels == 1 else "colour"
        print(f"\n{generator.image_size} px, {channels}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            fresh = fresh_pictures(generator, PICTURES, seed=1)
            found = measure(contenders(generator, Path(name)), fresh, rounds, runs)
        print("\n".join(table(found)))
        if number == 0 and run_folder is None:
            print("\n" + "\n".join(goals(found)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
