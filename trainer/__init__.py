"""Training: purchase logs and pictures in, checkpoints and reports out."""
