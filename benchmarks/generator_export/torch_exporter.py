"""The generator as torch's own exporter writes it."""

from __future__ import annotations

from pathlib import Path

import torch

from trainer.generator.model import Generator


class Whole(torch.nn.Module):
    """The generator with its scaling to bytes, as one would hand it to torch's exporter."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: torch.Tensor, category: torch.Tensor) -> torch.Tensor:
        """Draw uint8 [batch, height, width, channels]."""
        return self.generator.to_uint8(self.generator(z, category[:, 0]))


def by_torchs_exporter(generator: Generator, folder: Path) -> bytes:
    """Export as the documentation says, with a symbolic batch."""
    example = (torch.zeros(2, generator.z_dim), torch.zeros(2, 1, dtype=torch.int64))
    batch = torch.export.Dim("batch")
    path = folder / "torch.onnx"
    torch.onnx.export(
        Whole(generator).eval(),
        example,
        path,
        dynamo=True,
        external_data=False,
        input_names=["z", "category"],
        output_names=["image"],
        dynamic_shapes={"z": {0: batch}, "category": {0: batch}},
        verbose=False,
    )
    return path.read_bytes()
