"""What stands on the device: load a bundle, recommend, generate; numpy and onnxruntime only."""

from runtime.version import __version__

__all__ = ["__version__"]
