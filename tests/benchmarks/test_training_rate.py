"""The training rate counts what train_recommender itself trains on, in turns with the peers."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from benchmarks.training_rate import Epoch, Peer, contest, show, write_logs

SHOPPERS, EACH = 6, 20


class FakePeer:
    """Answers every epoch with the same cost."""

    asked = 0

    def epoch(self) -> Epoch:
        self.asked += 1
        return Epoch(samples=100, steps=2, wall_s=1.0, cpu_s=0.5)


def test_both_sides_take_turns_and_every_pair_is_counted(tmp_path: Path) -> None:
    data = tmp_path / "u.data"
    lines = [f"{u}\t{u + i}\t3\t{i}" for u in range(SHOPPERS) for i in range(EACH)]
    data.write_text("\n".join(lines) + "\n", encoding="ascii")
    ours, theirs = write_logs(data, tmp_path)
    assert theirs.read_text("ascii").split("\n", 1)[1] == data.read_text("ascii")
    peer = FakePeer()
    found = contest(ours, tmp_path, 32, rounds=2, peers={"peer": cast(Peer, peer)})
    mine, theirs_found = found.values()
    assert len(mine) == len(theirs_found) == 2
    assert peer.asked == 4  # the first two warm up, as our first does
    trained_on = 16 * SHOPPERS  # four fifths of each shopper's 20
    assert {epoch.samples for epoch in mine} == {trained_on * 5}
    assert {epoch.steps for epoch in mine} == {trained_on // 32}
    assert all(epoch.cpu_s > 0 for epoch in mine)
    show(found)
