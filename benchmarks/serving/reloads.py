"""Hot reload under load: bundles take over 20 times, and no request fails.

python -m benchmarks.serving.reloads [--bundle models/corner-store] [--times 20]
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import click

from benchmarks.serving.load import Load, Outcome, run_load
from benchmarks.serving.servers import endcap, free_port, running
from benchmarks.serving.shoppers import recommends
from runtime.store import load


def versions(bundle: str, folder: Path) -> tuple[Path, Path]:
    """Copy ``bundle`` twice, as two versions."""
    places = (folder / "v1", folder / "v2")
    for number, place in enumerate(places, 1):
        shutil.copytree(bundle, place)
        manifest = place / "manifest.json"
        document = json.loads(manifest.read_text("utf-8"))
        document["version"] = number
        manifest.write_text(json.dumps(document), "utf-8")
    return places


def reload(url: str) -> float:
    """Ask for a reload, which must load; return the seconds it took."""
    begun_s = time.perf_counter()
    asked = urllib.request.Request(f"{url}/v1/reload", method="POST")
    with urllib.request.urlopen(asked, timeout=120) as answer:
        outcome = json.load(answer)["outcome"]
    if outcome != "loaded":
        raise RuntimeError(f"the reload ended with {outcome!r}")
    return time.perf_counter() - begun_s


@click.command()
@click.option("--bundle", default="models/corner-store", show_default=True)
@click.option("--times", default=20, show_default=True)
@click.option("--clients", default=8, show_default=True)
@click.option("--server-core", default=0, show_default=True)
@click.option("--load-core", default=1, show_default=True)
def main(bundle: str, times: int, clients: int, server_core: int, load_core: int) -> None:
    """Print what was answered while bundles took over."""
    asked = recommends(load(bundle, "cpu", threads=1), k=10)
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = versions(bundle, folder)
        link = folder / "current"
        link.symlink_to(places[0])
        command = endcap(str(link), "--threads", "1", "--poll", "0")
        with running(command, "/v2/health/ready", free_port(), server_core) as server:
            going = threading.Event()
            going.set()

            def shop() -> None:
                while going.is_set():
                    one = Load(server.host, server.port, asked, clients, seconds=2)
                    found.append(run_load(one, load_core))

            before_mb = server.memory_mb
            shoppers = threading.Thread(target=shop)
            shoppers.start()
            taken_s = []
            for turn in range(1, times + 1):
                new = folder / "new"
                new.symlink_to(places[turn % 2])
                new.replace(link)
                taken_s.append(reload(f"http://{server.host}:{server.port}"))
            going.clear()
            shoppers.join()
            after_mb = server.memory_mb
    answered, failed = sum(one.answered for one in found), sum(one.failed for one in found)
    worst_ms = max(one.max_ms for one in found)
    print(
        f"{times} reloads of {sorted(taken_s)[times // 2]:.2f} s (median): {answered:,} answered, "
        f"{failed} failed, longest wait {worst_ms:.0f} ms, memory {before_mb:.0f} to "
        f"{after_mb:.0f} MB; goal: none failed: " + ("met" if failed == 0 else "NOT met")
    )


if __name__ == "__main__":
    main()
