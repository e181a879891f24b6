"""The runtime is light, proved twice: by its import statements, and by running without the rest."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import runtime

PACKAGE = Path(runtime.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ALLOWED = {"click", "numpy", "onnxruntime", "png", "runtime"}
SERVING = {"starlette", "uvicorn", "msgspec", "prometheus_client"}  # the extra "serve"
HEAVY = (
    "torch",
    "pandas",
    "pyarrow",
    "onnx",
    "onnxscript",
    "trainer",
    "export",
    "PIL",
    "matplotlib",
    "rich",
    "jinja2",
    "tomli_w",
    *sorted(SERVING),
)


def imported_by(path: Path) -> set[str]:
    """Return the top-level packages that ``path`` imports anywhere, at the start or later."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found.add((node.module or "").partition(".")[0])
    return found


def test_there_are_files() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_only_what_is_light(path: Path) -> None:
    allowed = ALLOWED | SERVING if path.parent.name == "serve" else ALLOWED
    foreign = imported_by(path) - allowed - set(sys.stdlib_module_names)
    assert foreign == set()


@pytest.mark.parametrize(
    ("package", "places"), [("onnxruntime", ["session.py"]), ("png", ["picture.py"])]
)
def test_imported_in_one_place(package: str, places: list[str]) -> None:
    assert [path.name for path in FILES if package in imported_by(path)] == places


_BLOCKED = """
import importlib.abc, sys

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None

sys.meta_path.insert(0, Block())
for name in {heavy!r}:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{{name}} is not blocked")
from runtime.cli import main
codes = [main(command) for command in {commands!r}]
loaded = sorted(name for name in {heavy!r} if name in sys.modules)
print(codes, loaded, file=sys.stderr)
"""


def blocked(*commands: list[str]) -> tuple[str, str]:
    """Run ``commands`` in one process in which nothing heavy can be imported."""
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKED.format(heavy=HEAVY, commands=commands)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=PACKAGE.parent,
    )
    return done.stdout, done.stderr.splitlines()[-1]


def test_every_command_runs_without_the_rest(tiny: Path, tmp_path: Path) -> None:
    bundle = str(tiny)
    out, last = blocked(
        ["recommend", bundle, "--user", "anna", "--basket", "BREAD-1", "-k", "3"],
        ["similar", bundle, "COFFEE", "-k", "3"],
        ["generate", bundle, "--category", "Tea", "-n", "2", "--out", str(tmp_path / "tea.png"),
         "--truncation", "0.5", "--interpolate", "8"],
        ["generate", bundle, "--category", "Tea", "-n", "2", "--out", str(tmp_path / "tea")],
        ["inspect", bundle],
        ["parity", bundle, "--layers", "--certificate", str(tmp_path / "certificate.json"),
         "--junit", str(tmp_path / "parity.xml")],
        ["doctor", bundle],
        ["bench", bundle, "--rounds", "1", "--batch", "2"],
    )  # fmt: skip
    assert last == "[0, 0, 0, 0, 0, 0, 0, 0] []"
    assert "Salted butter" in out
    assert (tmp_path / "tea.png").is_file()


def test_commands_of_the_trainer_say_what_is_missing() -> None:
    _, last = blocked(["train", "recommender"], ["export"], ["--help"])
    assert last == "[3, 3, 0] []"


def test_serving_says_what_is_missing(tiny: Path) -> None:
    bundle = str(tiny)
    _, last = blocked(["serve", bundle], ["serve", "--help"], ["events", "export", bundle])
    assert last == "[3, 0, 2] []"


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_runtime_imports_nothing() -> None:
    assert not {"numpy", "onnxruntime", "click"} & modules_after("import runtime")


@pytest.mark.parametrize("command", ["recommend", "serve", "events"])
def test_help_imports_neither_numpy_nor_onnxruntime(command: str) -> None:
    code = f'from runtime.cli import main\nmain(["{command}", "--help"])'
    heavy = {"numpy", "onnxruntime", "importlib.metadata", "sqlite3", *SERVING}
    assert not heavy & modules_after(code)
