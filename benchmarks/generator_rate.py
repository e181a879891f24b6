"""Training rate of the generator beside a plain DCGAN loop as the field's textbook example has it.

python -m benchmarks.generator_rate [--size 28] [--channels 1] [--width 64] [--device cpu]

The textbook is PyTorch's DCGAN tutorial: no categories, sigmoid and BCELoss, and three backward
passes a step, of which real and drawn pictures have one each for the discriminator. Its networks
get the same layers and widths as ours, and its pictures lie ready as floats, while ours start from
bytes. All take turns in one process, a few steps at a time; medians and ratios of the turns are
printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import click
import numpy as np
import torch
from torch import Tensor, nn

from trainer.device import choose_device, describe_device, seed_step
from trainer.generator.batches import epoch_rows
from trainer.generator.config import PRESETS, GeneratorConfig
from trainer.generator.model import FIRST_SIZE, layout
from trainer.generator.state import Training
from trainer.generator.step import train_step
from trainer.generator.train import to_tensors
from trainer.images import ImageReport, ImageSet
from trainer.options import from_mapping

Z_DIM, N_CATEGORIES = 100, 10
TEXTBOOK = "textbook DCGAN"
Step = Callable[[], object]


def noise_pictures(count: int, size: int, channels: int) -> ImageSet:
    """Make pictures of noise: what they show does not change the rate."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    category = np.arange(count) % N_CATEGORIES
    names = tuple(map(str, range(N_CATEGORIES)))
    report = ImageReport("noise", count, count, {}, (), 0, 0, {})
    return ImageSet(pixels, category, names, report)


def ours(images: ImageSet, config: GeneratorConfig, device: torch.device) -> Step:
    """Return a step as ``train_generator`` takes it, from picking rows on."""
    training = Training.new(config, images, device)
    dcgan, taken = config.dcgan, 0
    train = np.arange(len(images))
    order = epoch_rows(train, images.category, dcgan.seed, 0, balance=dcgan.balance)

    def step() -> None:
        nonlocal taken
        seed_step(dcgan.seed, 1, taken)
        rows = order[taken * dcgan.batch_size % len(order) :][: dcgan.batch_size]
        real, category = to_tensors(images, rows, device)
        z = torch.randn(len(rows), dcgan.z_dim).to(device)
        training.loss_sums += train_step(training, real, category, z, dcgan)
        taken += 1

    return step


def weights_init(module: nn.Module) -> None:
    """Initialise as the tutorial does."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def textbook_networks(
    size: int, channels: int, generator_width: int, discriminator_width: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build the tutorial's generator and discriminator at any of our sizes."""
    up, padding = layout(size, generator_width)
    up = up[::-1]
    drawing: list[nn.Module] = [nn.ConvTranspose2d(Z_DIM, up[0], FIRST_SIZE, 1, 0, bias=False)]
    for before, after in pairwise([*up, channels]):
        drawing += [nn.BatchNorm2d(before), nn.ReLU(inplace=True)]
        pad = padding if after == channels else 1
        drawing.append(nn.ConvTranspose2d(before, after, 4, 2, pad, bias=False))
    down, _ = layout(size, discriminator_width)
    judging: list[nn.Module] = []
    for index, (before, after) in enumerate(pairwise([channels, *down])):
        judging.append(nn.Conv2d(before, after, 4, 2, 1 if index else padding, bias=False))
        judging += [nn.BatchNorm2d(after)] if index else []
        judging.append(nn.LeakyReLU(0.2, inplace=True))
    judging += [nn.Conv2d(down[-1], 1, FIRST_SIZE, 1, 0, bias=False), nn.Sigmoid()]
    networks = nn.Sequential(*drawing, nn.Tanh()), nn.Sequential(*judging)
    for network in networks:
        network.apply(weights_init)
    return networks


def textbook(images: ImageSet, config: GeneratorConfig, device: torch.device) -> Step:
    """Return a step of the tutorial's loop."""
    dcgan = config.dcgan
    drawing, judging = textbook_networks(
        config.images.image_size,
        config.images.channels,
        dcgan.generator_width,
        dcgan.discriminator_width,
    )
    drawing, judging = drawing.to(device), judging.to(device)
    criterion = nn.BCELoss()
    optimiser_d = torch.optim.Adam(judging.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimiser_g = torch.optim.Adam(drawing.parameters(), lr=2e-4, betas=(0.5, 0.999))
    pictures = torch.from_numpy(images.pixels).permute(0, 3, 1, 2).contiguous() / 127.5 - 1
    taken = 0

    def step() -> Tensor:
        nonlocal taken
        first = taken * dcgan.batch_size % len(pictures)
        real = pictures[first : first + dcgan.batch_size].to(device)
        taken += 1
        judging.zero_grad()
        label = torch.full((len(real),), 1.0, device=device)
        real_loss = criterion(judging(real).view(-1), label)
        real_loss.backward()
        drawn = drawing(torch.randn(len(real), Z_DIM, 1, 1, device=device))
        label.fill_(0.0)
        drawn_loss = criterion(judging(drawn.detach()).view(-1), label)
        drawn_loss.backward()
        optimiser_d.step()
        drawing.zero_grad()
        label.fill_(1.0)
        loss: Tensor = criterion(judging(drawn).view(-1), label)
        loss.backward()
        optimiser_g.step()
        return loss

    return step


def contest(
    sides: dict[str, Step], rounds: int, steps: int, device: torch.device
) -> dict[str, list[float]]:
    """Let all sides take turns; the first round warms up.

    Returns:
        Side -> seconds a step of each round: of the process's core time on the CPU, which others'
        work does not lengthen, and by the clock on CUDA.
    """
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, step in sides.items():
            started = clock()
            for _ in range(steps):
                step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            found[name].append((clock() - started) / steps)
    return {name: seconds[1:] for name, seconds in found.items()}


@click.command()
@click.option("--size", default=28, show_default=True, help="Pixels on a side: 28, 32, 64, 128.")
@click.option("--channels", default=1, show_default=True, help="1 for grey, 3 for colour.")
@click.option("--width", default=64, show_default=True, help="dcgan.generator_width.")
@click.option("--discriminator-width", default=48, show_default=True)
@click.option("--batch-size", default=64, show_default=True, help="Pictures in a step.")
@click.option("--rounds", default=9, show_default=True, help="Turns of each side that count.")
@click.option("--steps", default=10, show_default=True, help="Steps in a turn.")
@click.option("--threads", default=1, show_default=True, help="Of the CPU.")
@click.option("--device", default="cpu", show_default=True, help="auto, cpu or cuda.")
def main(
    size: int,
    channels: int,
    width: int,
    discriminator_width: int,
    batch_size: int,
    rounds: int,
    steps: int,
    threads: int,
    device: str,
) -> None:
    """Print images per second of each preset and of the textbook, and the ratios to the latter."""
    torch.set_num_threads(threads)
    place = choose_device(device)
    pictures = noise_pictures(32 * batch_size, size, channels)
    networks = {
        "generator_width": width,
        "discriminator_width": discriminator_width,
        "batch_size": batch_size,
    }
    sizes = {"image_size": size, "channels": channels}
    configs = {
        preset: from_mapping(
            GeneratorConfig, {"images": sizes, "dcgan": {"preset": preset, **networks}}
        )
        for preset in reversed(PRESETS)
    }
    sides = {f"preset {name}": ours(pictures, one, place) for name, one in configs.items()}
    sides[TEXTBOOK] = textbook(pictures, configs["seed"], place)
    mixed = configs["seed"].dcgan.mixed_precision
    device_in_words = describe_device(place, mixed_precision=mixed, native=True)
    print(device_in_words.replace("training", "ours trains"))
    found = contest(sides, rounds, steps, place)
    for name, seconds in found.items():
        ratios = [theirs / one for one, theirs in zip(seconds, found[TEXTBOOK], strict=True)]
        print(
            f"{name:15} {batch_size / statistics.median(seconds):8,.0f} images/s, "
            f"{statistics.median(ratios):.2f} times the textbook's"
        )


if __name__ == "__main__":
    main()
