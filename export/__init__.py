"""From checkpoints to ONNX graphs, parity and the bundle."""
