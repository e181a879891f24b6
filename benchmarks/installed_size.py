"""Installed size of the kiosk's environment beside the trainer's, from what is installed here.

python -m benchmarks.installed_size
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement


def closure(name: str, extras: frozenset[str], seen: dict[str, frozenset[str]]) -> None:
    """Collect a distribution and everything it needs on this machine into ``seen``."""
    key = name.lower().replace("_", "-")
    if extras <= seen.get(key, frozenset()) and key in seen:
        return
    seen[key] = seen.get(key, frozenset()) | extras
    for text in distribution(name).requires or []:
        needed = Requirement(text)
        environments = [{"extra": extra} for extra in sorted(extras)] or [{"extra": ""}]
        if needed.marker is None or any(needed.marker.evaluate(env) for env in environments):
            closure(needed.name, frozenset(needed.extras), seen)


def size_bytes(name: str) -> int:
    """Add up the files that a distribution installed, compiled ones included."""
    files = distribution(name).files or []
    paths = (Path(str(file.locate())) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    """Print the size of ``endcap[cpu]`` and of ``endcap[cpu,train]``, largest parts first."""
    for extras in (frozenset({"cpu"}), frozenset({"cpu", "train"})):
        seen: dict[str, frozenset[str]] = {}
        closure("endcap", extras, seen)
        sizes = {name: size_bytes(name) for name in seen}
        largest = sorted(sizes, key=lambda name: -sizes[name])[:6]
        parts = ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
        label = f"endcap[{','.join(sorted(extras))}]"
        print(f"{label:18} {sum(sizes.values()) / 1e6:6.0f} MB, {len(sizes)} packages ({parts})")


if __name__ == "__main__":
    main()
