"""The house stands: imports go downwards only, each third-party package has one home, no module outgrows its room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "visdatcompy_ds"
MODULES = sorted(PACKAGE.rglob("*.py"))
FRONT = [
    "image",
    "dataset",
    "hash",
    "metrics",
    "feature_extractor",
    "downsampler",
    "smartdownsample",
    "visdatcompare",
    "finders",
    "plan",
    "selection",
    "calibration",
    "two_datasets",
    "receipt",
]
# What each room may import of ours, besides itself.
BELOW = {
    "base": set(),
    "kernels": {"base"},
    "catalog": {"base", "kernels"},
    "engine": {"base", "kernels"},
    "stages": {"base", "kernels", "catalog", "engine"},
    "reports": {"base", "kernels", "catalog", "engine", "stages"},
    "front": {"base", "catalog", "engine", "stages", "reports", "kernels"},
    "cli": {"base", "catalog", "engine", "reports", "stages", "front"},
}
HOMES = {
    "cv2": {"catalog", "reports/figures"},
    "numba": {"kernels"},
    "PIL": {"engine/decode"},
    "simplejpeg": {"engine/decode"},
    "pillow_heif": {"engine/decode"},
    "skimage": {"catalog/metrics"},
    "scipy": {"stages/calibrate"},
    "tifffile": {"engine/decode"},
    "matplotlib": {"reports/figures", "reports/sample_figures"},
    "jinja2": {"reports/html"},
    "typer": {"cli"},
    "rich": {"cli"},
    "natsort": {"stages/scan"},
    "tqdm": {"engine/run"},
    "pandas": {"reports/tables", "base/tables", "front"},
    "faiss": {"stages/candidates"},
    "sqlite3": {"engine/cache"},
    "send2trash": {"engine/move"},
}


def room(module: str) -> str:
    """Return the room of a module path inside the package."""
    first = module.split("/")[0]
    return "front" if first in FRONT else "door" if first in ("__init__", "__main__") else first


def imports(path: Path, with_types: bool = False) -> list[str]:
    """Return the modules a file imports at run time, anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    skipped = set() if with_types else {id(inner) for block in typed for inner in ast.walk(block)}
    names = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_downwards_only(path):
    mine = room(name_of(path))
    if mine == "door":
        return
    for name in imports(path):
        if not name.startswith("visdatcompy_ds."):
            continue
        theirs = room(name.removeprefix("visdatcompy_ds.").replace(".", "/"))
        if theirs not in ("__version__", "door"):
            assert theirs == mine or theirs in BELOW[mine], f"{name_of(path)} ({mine}) imports {name} ({theirs})"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_party_packages_have_one_home(path):
    mine = name_of(path)
    for name in {name.split(".")[0] for name in imports(path)} & set(HOMES):
        homes = HOMES[name]
        assert room(mine) in homes or any(mine == home or mine.startswith(home + "/") for home in homes), f"{mine} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_passes_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_grab_bag_modules():
    names = {part for path in MODULES for part in name_of(path).split("/")}
    assert not names & {"utils", "util", "core", "common", "helpers", "misc", "manager"}
