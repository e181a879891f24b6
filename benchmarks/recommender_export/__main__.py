"""Speed of the recommender's exported graphs beside the alternatives, with the goals.

python -m benchmarks.recommender_export [mlp] [two-stage] [loading] [--rounds 300]    (make speed)

All sides of a question take turns in one process, on one thread of one core; medians over core
time. ``make export-peers`` installs what torch's exporter writes with, and implicit. Weights are
drawn: speed does not depend on them, and drawn scores lie closer together than trained ones, which
makes an exact answer harder.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator

import click
import onnxruntime as ort
import torch

from benchmarks.recommender_export import loading, pairs, two_stage
from benchmarks.turns import on_one_core

QUESTIONS = ("mlp", "two-stage", "loading")


def of_mlp(rounds: int) -> Iterator[str]:
    """Print each size's table; give the goals."""
    for n_items in pairs.GOALS:
        found = pairs.measure(n_items, rounds)
        print("\n".join(pairs.table(found)), flush=True)
        yield from pairs.goals(found)


def of_two_stage(rounds: int) -> Iterator[str]:
    """Print each size's table; give the goals."""
    for n_items in two_stage.SIZES:
        large = n_items == max(two_stage.SIZES)
        fewer = max(rounds // 5, 1) if large else rounds
        found = two_stage.measure(n_items, fewer, reading=large)
        print("\n".join(two_stage.table(found)), flush=True)
        yield from two_stage.goals(found)


def of_loading() -> Iterator[str]:
    """Print each graph's line; give the goals."""
    print(f"opening a graph of {loading.N_ITEMS:,} items: file, time, memory held")
    for arch in loading.MODELS:
        found = []
        for variant in loading.VARIANTS:
            found.append(loading.measure(arch, variant))
            print(loading.line(found[-1]), flush=True)
        yield from loading.goals(found)


@click.command()
@click.argument("questions", type=click.Choice(QUESTIONS), nargs=-1)
@click.option("--rounds", type=click.IntRange(min=1), default=300, show_default=True)
def main(questions: tuple[str, ...], rounds: int) -> None:
    """Print the tables and, below each question's, whether its goals are met."""
    core = on_one_core()
    torch.set_num_threads(1)
    for name in ("", "torch.onnx"):  # the exporter remarks on every node
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    print(f"onnxruntime {ort.__version__}, torch {torch.__version__}; one thread on core {core}")
    for question in questions or QUESTIONS:
        print()
        try:
            if question == "loading":
                lines = list(of_loading())
            else:
                lines = list((of_mlp if question == "mlp" else of_two_stage)(rounds))
        except ImportError as error:
            print(f"{question} is left out: {error}; make export-peers installs it")
            continue
        print("\n" + "\n".join(lines), flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
