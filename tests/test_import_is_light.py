import subprocess
import sys

HEAVY = ("numpy", "cv2", "pandas", "skimage", "matplotlib", "numba", "PIL", "typer")


def loaded_by(code: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout
    return set(out.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import visdatcompy_ds") & set(HEAVY)


def test_catalog_facts_load_nothing_heavy():
    code = "from visdatcompy_ds.catalog import buckets, hashes, metrics, policies, probes; print(list(hashes.HASHES))"
    assert not loaded_by(code) & set(HEAVY)


def test_the_help_loads_neither_opencv_nor_pandas():
    code = "from visdatcompy_ds.cli.app import run; run(['--help'])"
    assert not loaded_by(code) & (set(HEAVY) - {"typer"})
