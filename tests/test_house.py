"""The house rules: import direction, version, and docs that say what the code says."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

from runtime.version import __version__

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "runtime": {"torch", "pandas", "onnx", "trainer", "export", "pyarrow", "PIL", "rich", "jinja2"},
    "trainer": {"export"},
}


def imported(path: Path) -> set[str]:
    """Return the top-level modules that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        assert not imported(path) & FORBIDDEN[package], path


def test_only_the_session_imports_onnxruntime() -> None:
    files = sorted((ROOT / "runtime").rglob("*.py"))
    importing = {path.name for path in files if "onnxruntime" in imported(path)}
    assert importing == {"session.py"}


def test_the_version_is_the_newest_of_the_changelog() -> None:
    heads = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heads[0] == __version__


def test_the_generated_docs_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    for name, page in (("cli.md", pages["cli_page"]), ("config.md", pages["config_page"])):
        assert (ROOT / "docs" / name).read_text("utf-8") == page(), f"run make docs for {name}"


def test_every_module_says_what_it_is() -> None:
    for package in ("runtime", "trainer", "export"):
        for path in (ROOT / package).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "common", "helpers", "helper", "manager", "process", "data", "model_utils"}
    names = {path.stem for package in FORBIDDEN for path in (ROOT / package).rglob("*.py")}
    assert not names & empty


def test_readme_names_its_two_commands_and_existing_files() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / link).exists(), link
