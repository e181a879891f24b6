"""Time and peak memory of one training epoch on a long synthetic log, as a whole process.

python -m benchmarks.log_scale [--scale 0.05] [--csv]

At scale 1 the sample store's generator makes a million shoppers who buy 200,000 items in more than
20 million lines; the log is kept under build/ for the next run. The epoch is retrieval's: the
ranking stage scores the whole catalogue for each purchase, which a catalogue of that size forbids.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.command import ENDCAP

BUILD = Path("build")
SHOPPERS, ITEMS = 1_000_000, 200_000
LEAST_SHOPPERS, LEAST_ITEMS = 100, 150
SETTINGS = (
    "data.repeat_purchases=true",  # a corner store's shoppers buy the same bread again
    "training.epochs=1",
    "training.refit=false",
    "training.batch_size=8192",
    "training.validation_cases=1000",
    "training.test_cases=1000",
    "two_stage.dim=64",
    "two_stage.max_basket=20",
    "two_stage.full_softmax_items=0",
    "two_stage.sampled_negatives=512",
    "two_stage.ranker_epochs=0",
)
# What the command says, in this order, when a part of its work begins.
READING, READ, PREPARED, TRAINED = (
    "reading ",
    " rows read, ",
    "training on ",
    "retrieval epoch 1/1: ",
)


@dataclass(frozen=True)
class Cost:
    """What one training cost.

    Attributes:
        rows: purchases read.
        reading_s: reading and cleaning the log and the catalogue.
        preparing_s: splitting, and building and saving the untrained model.
        epoch_s: the epoch, with the validation before and after it.
        total_s: the whole process, from start to report.
        peak_bytes: the most memory that the process held.
    """

    rows: int
    reading_s: float
    preparing_s: float
    epoch_s: float
    total_s: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows: read in {self.reading_s:.0f} s, prepared in "
            f"{self.preparing_s:.0f} s, epoch in {self.epoch_s:.0f} s, whole run in "
            f"{self.total_s:.0f} s, peak {self.peak_bytes / 1e9:.2f} GB"
        )


def make_store(scale: float, folder: Path, *, parquet: bool) -> None:
    """Make the sample store at a scale, unless an earlier run has left it."""
    if folder.exists():
        print(f"the store of an earlier run is used: {folder}", flush=True)
        return
    shoppers = max(LEAST_SHOPPERS, round(SHOPPERS * scale))
    items = max(LEAST_ITEMS, round(ITEMS * scale))
    sizes = ["--shoppers", str(shoppers), "--items", str(items), "--pictures", "0"]
    command = [ENDCAP, "data", "sample", "--out", str(folder), *sizes]
    peak_bytes, marks = _watched([*command, "--parquet"] if parquet else command)
    made_s = marks[-1][0]
    print(f"{marks[-1][1]}; made in {made_s:.0f} s, peak {peak_bytes / 1e9:.2f} GB", flush=True)


def train(store: Path, run: Path) -> Cost:
    """Train one epoch on a store and measure it."""
    (log,) = store.glob("interactions.*")
    files = ["--interactions", str(log), "--catalogue", str(store / "catalogue.csv")]
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [ENDCAP, "train", "recommender", *files, *settings, "--out", str(run)]
    peak_bytes, lines = _watched(command)
    times = {}
    rows = 0
    for mark in (READING, READ, PREPARED, TRAINED):
        times[mark], line = next((at, line) for at, line in lines if mark in line)
        if mark == READ:
            rows = int(re.sub(r"\D", "", line.split(" rows read")[0]))
    return Cost(
        rows=rows,
        reading_s=times[READ] - times[READING],
        preparing_s=times[PREPARED] - times[READ],
        epoch_s=times[TRAINED] - times[PREPARED],
        total_s=lines[-1][0],
        peak_bytes=peak_bytes,
    )


def _watched(command: list[str]) -> tuple[int, list[tuple[float, str]]]:
    """Run a command, and return its peak memory and its lines with the seconds they came after."""
    started = time.perf_counter()
    lines = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append((time.perf_counter() - started, line.rstrip()))
            print(f"  {lines[-1][1]}", file=sys.stderr, flush=True)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_maxrss * 1024, lines


def main() -> None:
    """Make the store where it is not there, train one epoch on it, and print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--csv", action="store_true", help="write the log as CSV, not Parquet")
    options = parser.parse_args()
    kind = "csv" if options.csv else "parquet"
    store = BUILD / f"log-scale-{options.scale:g}-{kind}"
    make_store(options.scale, store, parquet=not options.csv)
    with TemporaryDirectory() as folder:
        print(train(store, Path(folder) / "run"))


if __name__ == "__main__":
    main()
