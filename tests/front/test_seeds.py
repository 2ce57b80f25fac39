"""Every example of the documents that the project was created from runs; their own slips are mended as API.md says, and nothing else."""

import ast
import os
import re
import shutil
from pathlib import Path

import pytest

import visdatcompy_ds

# A statement begins with an import, a call, or a name for what a call gives; a page copied from the web has no other mark of code.
_BEGINS = re.compile(r"(from \w+ import |[\w, ]+ = [\w.]+\(|[A-Za-z_][\w.]*\()")
_MENDED = (
    (r"from (smartdownsample|visdatcompy) import", "from visdatcompy_ds import"),
    (r'r?"([\w./\\]+)"', lambda found: '"' + found[1].replace("\\", "/").replace("../", "") + '"'),  # paths of Windows, and of elsewhere
    (r"\bHash\.find_similars", "hash.find_similars"),  # called on the class
)
_LONGEST = 15  # lines of a statement


def statements(text):
    """Return the examples of a document, statement by statement."""
    lines, found, at = text.splitlines(), [], 0
    while at < len(lines):
        ends = range(at + 1, min(at + _LONGEST, len(lines)) + 1) if _BEGINS.match(lines[at]) else ()
        end = next((end for end in ends if parses("\n".join(lines[at:end]))), None)
        found += ["\n".join(lines[at:end])] if end else []
        at = end or at + 1
    return found


def parses(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def mended(statement):
    for pattern, instead in _MENDED:
        statement = re.sub(pattern, instead, statement)
    return statement


@pytest.fixture
def sets(tmp_path, datasets, monkeypatch):
    """Make the folders of the examples of bundled photos: what we have, and what is new with copies of it."""
    have, new = sorted((datasets / "trail").rglob("*.JPG")), sorted((datasets / "trail_new").rglob("*.*"))
    for names, photos in (
        (("dataset", "first_dataset", "cows", "drone"), have),
        (("second_dataset", "cows_duplicates", "drone_duplicates"), new),
    ):
        for name in names:
            for at, path in enumerate(photos[::3]):
                target = tmp_path / "datasets" / name / f"{at}{path.suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
    shutil.copy(have[0], tmp_path / "datasets" / "dataset" / "image.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "datasets"


CALLS = {
    "000": {"sample_diverse": 6, "len": 0},
    "001": {"sample_diverse": 2, "sample_diverse_with_stats": 1, "plot_bucket_distribution": 1, "plot_hash_similarity_scatter": 1},
    "003": {
        "Image": 2,
        "Dataset": 10,
        "info": 2,
        "get_exif_data": 2,
        "Metrics": 1,
        "mae": 1,
        "show": 1,
        "FeatureExtractor": 1,
        "find_similars": 2,
        "Hash": 1,
        "VisDatCompare": 1,
        "find_metrics_duplicates": 1,
        "clear_duplicates": 1,
        "find_features_similars": 1,
        "clear_similars": 1,
    },
}


@pytest.mark.parametrize("document", CALLS)
def test_the_examples_of_a_seed_run(document, sets, datasets, capsys):
    folder = Path(os.environ.get("VISDATCOMPY_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "seeds"
    if not folder.is_dir():
        pytest.skip(f"the documents are not here: {folder}")
    (path,) = folder.glob(f"{document}_*")
    examples = [mended(statement) for statement in statements(path.read_text(encoding="utf-8"))]
    code = "\n".join(examples)
    for name, count in CALLS[document].items():
        assert len(re.findall(rf"\b{name}\(", code)) >= count, name
    photos = [str(photo) for photo in sorted((datasets / "trail").rglob("*.JPG"))]
    undefined = dict.fromkeys(("my_image_list", "my_camera_trap_images", "paths", "my_24k_images", "my_images"), photos)
    space = {name: getattr(visdatcompy_ds, name) for name in visdatcompy_ds.__all__} | undefined | {"buckets": [1, 2]}
    for example in examples:
        exec(example, space)
    said = capsys.readouterr().out
    if document == "003":
        assert "image.jpg" in said and "Make" in space["img"].exif_data and len(space["dataset"].exif_data) == len(space["dts"])
        assert list(Path("results/metrics_results").glob("*mae*.csv")), sorted(Path("results").rglob("*"))
        assert list(Path("results").glob("*average*.csv")), sorted(Path("results").rglob("*"))
        assert any(space["fext"].sift_similars.values())
        assert len(space["dataset2"]) < len(list((sets / "drone_duplicates").iterdir())) and len(list((sets / "drone").iterdir()))
    else:
        count = len(set(space["selected"]))
        assert 20 < count == len(space["selected"]) and set(space["selected"]) < set(photos)  # there are fewer than were asked for
        assert f"Selected {count} images" in said or f"Sampled {count} diverse images" in said
        assert document == "001" or said.count("The figure is in") == 6  # a chart each of two examples, both of two others
        assert document == "000" or (Path("buckets.png").stat().st_size and Path("scatter.html").stat().st_size)
