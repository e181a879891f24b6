from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import Said, run
from tests.trainer.shop import FAST, write_catalogue, write_log

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository, which only some machines have."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data folder is not here: {folder}")
    return folder


class Chain:
    """The whole chain on a tiny shop: what each command said, and where its result lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = write_log(folder / "log.csv")
        self.catalogue = write_catalogue(folder / "items.csv")
        self.pictures = folder / "store" / "images"
        self.recommender = folder / "runs" / "recommender"
        self.mlp = folder / "runs" / "mlp"
        self.generator = folder / "runs" / "generator"
        self.bundle = folder / "bundle"
        self.said: dict[str, Said] = {}

    @property
    def recommender_variants(self) -> list[str]:
        """What the export kept of the recommender, in the manifest's order."""
        manifest = json.loads((self.bundle / "manifest.json").read_text("utf-8"))
        return list(manifest["recommender"]["variants"])

    def step(self, name: str, *args: object) -> None:
        """Run a command that must succeed, and keep what it said."""
        self.said[name] = said = run(*args)
        assert said.code == 0, said.err


FAST_RECOMMENDER = [word for setting in FAST for word in ("--set", setting)]
FAST_GENERATOR = [
    word
    for setting in (
        "images.image_size=28",
        'images.categories=["Mug", "Fruit"]',
        "dcgan.epochs=1",
        "dcgan.batch_size=8",
        "dcgan.z_dim=8",
        "dcgan.generator_width=4",
        "dcgan.discriminator_width=4",
    )
    for word in ("--set", setting)
]


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Sample store, both trainings, both archs and the export, each by its command."""
    with pytest.MonkeyPatch.context() as patch:
        fewer_requests(patch)
        return _chain(tmp_path_factory)


def fewer_requests(patch: pytest.MonkeyPatch) -> None:
    """Let the export compare hundreds of requests instead of thousands, and time them shortly."""
    patch.setattr("export.measure.SECONDS", 0.01)
    patch.setattr("export.generator_calibration.PICTURES", 32)
    patch.setattr("export.build.FRESH_REQUESTS", 300)
    patch.setattr("export.build.FRESH_PICTURES", 100)


def _chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    made = Chain(tmp_path_factory.mktemp("chain"))
    store = made.folder / "store"
    log = ["--interactions", made.log, "--catalogue", made.catalogue]
    made.step(
        "sample", "data", "sample", "--out", store,
        "--shoppers", 40, "--items", 60, "--pictures", 8,
    )  # fmt: skip
    train = ["train", "recommender", *log, *FAST_RECOMMENDER, "--out"]
    made.step("recommender", *train, made.recommender)
    made.step("mlp", *train, made.mlp, "--set", "arch=mlp")
    made.step(
        "generator", "train", "generator", "--images", made.pictures, *FAST_GENERATOR,
        "--out", made.generator,
    )  # fmt: skip
    runs = ["--recommender", made.recommender, "--generator", made.generator]
    made.step("export", "export", *runs, "--out", made.bundle, "--version", 3)
    return made
