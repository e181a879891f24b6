"""Picture sets that are broken, tiny, of one category, partly grey or huge: said, or trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import Said, run
from tests.conftest import FAST_GENERATOR
from trainer.generator.train import load_generator
from trainer.run import Run

COMMAND = ["train", "generator", *FAST_GENERATOR, "--set", "images.categories=[]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, *, size: tuple[int, int] = (40, 30), mode: str = "RGB", seed: int = 0) -> None:
    """A noisy picture file, whose folders are made."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def trained(said: Said) -> tuple[str, ...]:
    """The categories of the run that was trained, with a report beside it."""
    assert said.code == 0, said.err
    assert (Path("run") / "report.html").is_file()
    return load_generator(Run.open(Path("run"), "generator"))[2]


def train(*settings: str) -> Said:
    extra = [word for setting in settings for word in ("--set", setting)]
    return run(*COMMAND, *extra, "--images", "pictures", "--out", "run")


def test_broken_pictures_are_left_out_and_counted(folder: Path) -> None:
    for number in range(8):
        write(f"pictures/Hat/{number}.png", seed=number)
    whole = Path("pictures/Hat/0.png").read_bytes()
    for number in range(3):
        Path(f"pictures/Hat/cut{number}.png").write_bytes(whole[: 400 + number])
    said = train()
    assert trained(said) == ("Hat",)
    assert "11 pictures found, 8 kept (Hat 8)" in said.err
    assert "broken or cut short" in said.err


def test_nothing_but_broken_pictures(folder: Path) -> None:
    (folder / "pictures" / "Hat").mkdir(parents=True)
    for number in range(3):
        (folder / "pictures" / "Hat" / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    said = train()
    assert said.code == 2
    assert "none of 3 files is usable" in said.err
    assert not Path("run").exists()


def test_one_picture(folder: Path) -> None:
    write("pictures/Hat/only.png")
    said = train()
    assert said.code == 2
    assert "the largest, 'Hat', has 1 usable pictures and images.min_per_category is 2" in said.err
    said = train("images.min_per_category=1")
    assert trained(said) == ("Hat",)
    assert "1 pictures in 1 categories train, 0 are held out" in said.err


@pytest.mark.parametrize("preset", ["default", "seed"])
def test_a_single_category(folder: Path, preset: str) -> None:
    for number in range(24):
        write(f"pictures/Hat/{number}.png", seed=number)
    assert trained(train(f"dcgan.preset={preset}")) == ("Hat",)


def test_grey_pictures_among_colour_ones(folder: Path) -> None:
    for number in range(6):
        write(f"pictures/Hat/{number}.png", seed=number)
        write(f"pictures/Mug/{number}.png", seed=number, mode="L")
    said = train()
    assert trained(said) == ("Hat", "Mug")
    assert "12 pictures found, 12 kept" in said.err


def test_huge_pictures(folder: Path) -> None:
    for number in range(3):
        write(f"pictures/Hat/{number}.png", seed=number)
    write("pictures/Hat/large.png", size=(4000, 3000))
    Image.new("L", (12_000, 8_000)).save("pictures/Hat/bomb.png")  # 96 million pixels
    said = train()
    assert trained(said) == ("Hat",)
    assert "5 pictures found, 4 kept" in said.err
    assert "larger than 89 million pixels" in said.err
