"""RecBole's NeuMF, one training epoch at a time on request; runs in an environment of its own.

PEER_PYTHON benchmarks/recbole_rate.py INTER_FILE default|seed

Speaks JSON lines: after a first line with versions and sizes it reads a line, trains an epoch and
answers {"samples", "steps", "wall_s", "cpu_s"}, until its input ends. A sample is a pair of user
and item with a label, so a purchase counts as one and each of its negatives as another. It needs
nothing of endcap.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

BATCH_SIZE = 2048  # pairs, as RecBole counts: 409 purchases with their negatives
NEGATIVES = 4
SEED_SIZES = {
    "mf_train": False,
    "mlp_embedding_size": 50,
    "mlp_hidden_size": [64, 32],
    "dropout_prob": 0.0,
}


def main() -> None:
    """Build the data set and the model, then train an epoch for every line read."""
    answers, sys.stdout = sys.stdout, sys.stderr  # RecBole prints; answers keep to themselves
    log, sizes = Path(sys.argv[1]).resolve(), sys.argv[2]
    os.chdir(log.parent)  # RecBole leaves a log and a folder of checkpoints where it stands
    warnings.simplefilter("ignore")  # of RecBole against newer pandas and torch

    import recbole
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.general_recommender import NeuMF
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    torch.set_num_threads(1)
    settings = {
        "data_path": str(log.parent.parent),
        "train_batch_size": BATCH_SIZE,
        "use_gpu": False,
        "show_progress": False,
        "train_neg_sample_args": {
            "distribution": "uniform",
            "sample_num": NEGATIVES,
            "alpha": 1.0,
            "dynamic": False,
            "candidate_num": 0,
        },
        **(SEED_SIZES if sizes == "seed" else {}),
    }
    config = Config(model="NeuMF", dataset=log.stem, config_dict=settings)
    init_seed(1, reproducibility=True)
    train, _, _ = data_preparation(config, create_dataset(config))
    model = NeuMF(config, train.dataset)
    trainer = Trainer(config, model)
    facts = {
        "versions": f"RecBole {recbole.__version__}, torch {torch.__version__}",
        "weights": sum(weight.numel() for weight in model.parameters()),
        "purchases": len(train.dataset),
    }
    print(json.dumps(facts), file=answers, flush=True)
    for epoch, _ in enumerate(sys.stdin):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        trainer._train_epoch(train, epoch)
        answer = {
            "samples": len(train.dataset) * (1 + NEGATIVES),
            "steps": len(train),
            "wall_s": time.perf_counter() - wall_s,
            "cpu_s": time.process_time() - cpu_s,
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
