"""Evaluating generators side by side: runs (torch) and bundles (each ONNX variant)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import UnusableInput
from trainer.device import choose_device
from trainer.generator.features import inception_features
from trainer.generator.lookalikes import lookalikes, side_by_side
from trainer.generator.neighbourhoods import K
from trainer.generator.quality import Examiner, Figures
from trainer.generator.real import read_real
from trainer.generator.samples import write_grid
from trainer.generator.subject import open_subject, require_alike

Say = Callable[[str], None]


@dataclass(frozen=True)
class GeneratorQuality:
    """What several generators were found to be worth.

    Attributes:
        facts: what was compared, by which features, and how well the classifier does.
        floor: real training pictures in place of generated ones.
        engines: engine -> its figures, in the order they were given.
        beside: the engine that is a yardstick for the others, if one was given.
    """

    facts: dict[str, Any]
    floor: Figures
    engines: dict[str, Figures]
    beside: str | None

    def ratios(self, engine: str) -> dict[str, float | None]:
        """Return an engine's Fréchet distance over the floor's and over the yardstick's."""
        frechet = self.engines[engine].frechet
        beside = None if self.beside is None else self.engines[self.beside].frechet
        return {
            "frechet_over_floor": _ratio(frechet, self.floor.frechet),
            "frechet_over_beside": _ratio(frechet, beside),
        }

    def to_json(self) -> dict[str, Any]:
        """Return facts, floor and every engine's figures and ratios as JSON types."""
        return {
            **self.facts,
            "beside": self.beside,
            "floor": self.floor.to_json(),
            "results": {
                engine: {**figures.to_json(), **self.ratios(engine)}
                for engine, figures in self.engines.items()
            },
        }


def evaluate_generators(
    paths: Sequence[Path],
    images: Path,
    *,
    labels: Path | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    held_out: Path | None = None,
    beside: Path | None = None,
    inception: Path | None = None,
    samples: int = 10_000,
    seed: int = 7,
    provider: str = "cpu",
    variants: Sequence[str] = (),
    grid: Path | None = None,
    say: Say = lambda text: None,
) -> GeneratorQuality:
    """Compare what runs and bundles draw with pictures that they were not trained on.

    Args:
        paths: runs and bundles; an engine that several have is named with its path.
        images: the pictures that they were trained on and validated with.
        labels: CSV that labels the files of ``images`` and ``held_out``.
        id_column: its column of picture ids.
        label_column: its column of categories.
        held_out: other real pictures; None for the tenth that training set apart.
        beside: a run, or a bundle, whose first engine is a yardstick for the others.
        inception: TorchScript file whose features are used in place of the classifier's.
        samples: pictures that each draws to be compared, at most.
        seed: of everything that is drawn.
        provider: where bundles run.
        variants: of bundles, which are evaluated; all that each holds if none is named.
        grid: PNG to write: pictures beside their nearest training pictures.
        say: receives one line for each thing done.

    Raises:
        UnusableInput: a run, a bundle or the pictures are unusable or do not fit each other, or
            ``grid`` exists.
        MissingCapability: the provider is not to be had.
    """
    if grid is not None:
        _check_grid(grid)
    device = choose_device("auto")
    space = None if inception is None else inception_features(inception, device)
    yardsticks = () if beside is None else (beside,)
    subjects = [
        open_subject(path, provider, variants) for path in dict.fromkeys((*paths, *yardsticks))
    ]
    require_alike(subjects)
    say(f"reading {images}")
    real = read_real(
        subjects[0],
        images,
        held_out,
        labels=labels,
        id_column=id_column,
        label_column=label_column,
    )
    examiner = Examiner(real, samples=samples, seed=seed, device=device, space=space)
    accuracy = examiner.classifier_accuracy
    say(
        f"the classifier is right about {accuracy['training']:.1%} of training pictures and "
        f"{accuracy['held_out']:.1%} of held-out ones ({real.source})"
    )
    named = Counter(engine for subject in subjects for engine in subject.engines)
    found, grids, yardstick = {}, [], None
    for subject in subjects:
        for engine, draw in subject.engines.items():
            name = engine if named[engine] == 1 else f"{subject.path} {engine}"
            say(f"{name}: drawing {examiner.n_samples + len(real.train):,} pictures")
            drawn = examiner.draw(draw)
            found[name] = examiner.examine(name, draw, drawn)
            if grid is not None:
                grids.append(lookalikes(examiner, drawn))
            if subject.path == beside and yardstick is None:
                yardstick = name
    if grid is not None:
        write_grid(grid, side_by_side(grids))
        say(f"wrote {grid}, from left to right {', '.join(found)}: pictures and what is nearest")
    facts = {
        "features": examiner.space.name,
        **real.facts(),
        "samples": examiner.n_samples,
        "neighbourhoods": examiner.n_neighbourhoods,
        "k": K,
        "seed": seed,
        "classifier_accuracy": accuracy,
    }
    return GeneratorQuality(facts, examiner.floor(), found, yardstick)


def _check_grid(grid: Path) -> None:
    """Refuse a place for the grid before minutes are spent on what it is to show."""
    if grid.suffix.lower() != ".png":
        raise UnusableInput(f"--grid {str(grid)!r} must end in .png; that is what is written")
    if os.path.lexists(grid):
        raise UnusableInput(f"--grid {str(grid)!r} exists; choose another or remove it first")


def _ratio(value: float, yardstick: float | None) -> float | None:
    """Divide by a distance, which says nothing where that is not above 0."""
    return value / yardstick if yardstick is not None and yardstick > 0 else None
