import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visdatcompy_ds.cli.app import run


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(tmp_path, photo, write):
    for k in range(4):
        write(f"photos/{k}.jpg", photo(k))
    return tmp_path / "photos"


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "texts").mkdir()
    for k in range(3):
        (tmp_path / f"texts/{k}.txt").write_text("x")
    return tmp_path / "texts"


def said(capsys):
    out = capsys.readouterr()
    assert "Traceback" not in out.out + out.err
    return out


@pytest.mark.parametrize("command", ["clean", "info"])
def test_a_missing_an_empty_and_a_text_folder_are_errors_in_words(command, tmp_path, texts, capsys):
    (tmp_path / "empty").mkdir()
    for folder, words in (("nowhere", "No such folder"), ("empty", "it is empty"), ("texts", "3 × label or text file")):
        assert run([command, folder]) == 1
        assert words in said(capsys).err
    assert not list(tmp_path.glob("results*"))


def test_the_same_folder_twice_removes_nothing(photos, capsys):
    assert run(["clean", "photos", "--against", "photos", "--sample", "3"]) == 0
    out = said(capsys).out
    assert "Duplicates to remove: 0" in out and "4 × same_file" in out and "Sample: 0 of 0" in out


def test_one_folder_inside_the_other_works_both_ways(photos, write, photo, capsys):
    write("photos/in/9.jpg", photo(9))
    assert run(["clean", "photos/in", "--against", "photos", "--out", "a"]) == 0
    assert "Duplicates to remove: 0" in said(capsys).out
    assert run(["clean", "photos", "--against", "photos/in", "--out", "b", "--sample", "9"]) == 0
    assert "Sample: 4 of 4" in said(capsys).out


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [("0", 0, "Sample: 0 of 4"), ("-1", 1, "0 or more"), (str(10**9), 0, "Sample: 4 of 4"), ("many", 1, "valid integer")],
)
def test_samples_of_any_size(photos, capsys, wish, code, words):
    assert run(["clean", "photos", "--sample", wish]) == code
    out = said(capsys)
    assert words in out.out + out.err


def test_results_inside_the_dataset_are_not_scanned(photos, capsys):
    assert run(["clean", "photos", "--out", "photos/results"]) == 0
    assert run(["clean", "photos", "--out", "again"]) == 0
    assert "photos: 4 images, 4 read, 1 other file skipped" in said(capsys).out


def test_results_never_mix(photos, tmp_path, capsys):
    assert run(["clean", "photos"]) == 0 and run(["clean", "photos"]) == 0
    assert (tmp_path / "results/plan.csv").exists() and (tmp_path / "results-2/plan.csv").exists()
    said(capsys)
    assert run(["clean", "photos", "--out", "results"]) == 1
    assert "holds files already" in said(capsys).err
    (tmp_path / "file").write_text("mine")
    assert run(["clean", "photos", "--out", "file"]) == 1 and (tmp_path / "file").read_text() == "mine"
    assert run(["clean", "photos", "--out", "photos"]) == 1


def test_a_place_that_cannot_be_written_is_an_error(photos, capsys):
    assert run(["clean", "photos", "--out", "/proc/nothing/results"]) == 1
    assert "Cannot write" in said(capsys).err


def test_same_named_files_of_several_sources_stay_apart(tmp_path, photo, write, capsys):
    for k, name in enumerate(("a", "b", "c")):
        write(f"{name}/card/IMG_0001.jpg", photo(k))
    assert run(["clean", "c/card", "--against", "a/card", "--against", "b/card", "--out", "out"]) == 0
    text = (tmp_path / "out/images.csv").read_text()
    assert text.count("IMG_0001.jpg") == 6 and '"card (2)"' in text and '"card (3)"' in text


def test_wrong_usage_is_1_and_names_the_remedy(capsys):
    for arguments in (
        ["clean"],
        ["cleen"],
        ["clean", "x", "--smaple", "3"],
        ["clean", "a", "b", "c"],
        ["sample", "a", "-n", "1", "--how", "move"],
    ):
        assert run(arguments) == 1
        assert said(capsys).err.startswith("Error: ")
    assert run(["clean", "x", "--export", "y"]) == 1
    assert "--sample" in said(capsys).err


def test_unusable_images_are_counted_and_strict_says_so_by_its_code(photos, capsys):
    (photos / "cut.jpg").write_bytes((photos / "0.jpg").read_bytes()[:2000])
    assert run(["clean", "photos"]) == 0
    assert said(capsys).out.splitlines()[-1] == "Done: 5 images, 1 unusable (problems.csv). No image was changed."
    assert run(["clean", "photos", "--strict"]) == 3 and run(["info", "photos", "--deep", "--strict"]) == 3


def test_a_folder_of_broken_images_only_is_no_crash(tmp_path, capsys):
    (tmp_path / "bad").mkdir()
    for k in range(3):
        (tmp_path / f"bad/{k}.jpg").write_bytes(b"\xff\xd8\xff")
    assert run(["clean", "bad", "--sample", "5", "--out", "o"]) == 0 and run(["info", "bad", "--deep"]) == 0
    assert "0 of 0" in said(capsys).out


def test_json_is_for_machines(photos, capsys):
    assert run(["clean", "photos", "--sample", "2", "--json"]) == 0
    facts = json.loads(said(capsys).out)
    assert facts["sample"]["chosen"] == 2 and facts["survivors"] == 4
    assert run(["info", "photos", "--json"]) == 0
    assert json.loads(said(capsys).out)["images"] == 4


def test_quiet_says_nothing_when_all_is_well(photos, capsys):
    assert run(["clean", "photos", "--quiet"]) == 0
    assert said(capsys) == ("", "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["clean", "--help"], ["--version"]])
def test_help_and_version_end_well(arguments, capsys):
    assert run(arguments) == 0
    assert said(capsys).out


def test_an_interrupt_ends_with_130(photos, monkeypatch, capsys):
    from visdatcompy_ds import visdatcompare

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(visdatcompare, "judge", stop)
    assert run(["clean", "photos"]) == 130
    assert said(capsys).err.startswith("Interrupted. What was measured is in the cache")


def test_hostile_names_neither_break_the_terminal_nor_the_tables(tmp_path, capsys):
    folder = tmp_path / "names"
    folder.mkdir()
    names = [
        "esc\x1b[31m.jpg",
        "new\nline.jpg",
        "=cmd()|x.jpg",
        "\u202egpj.exe.jpg",
        "<script>alert(1)<.jpg",
        "NA.jpg",
        os.fsdecode(b"bad\xff.jpg"),
    ]
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    for name in names:
        with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as stream:
            picture.save(stream, "JPEG")
    (folder / "cut\x1b[2J.jpg").write_bytes(b"\xff\xd8\xff")
    assert run(["clean", str(folder), "--sample", "3", "--out", "out"]) == 0
    assert "\x1b" not in said(capsys).out
    table = (tmp_path / "out/images.csv").read_text(encoding="utf-8")
    assert '"\'=cmd()|x.jpg"' in table and "bad\\xff.jpg" in table
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    plan = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))
    assert {entry["id"] for entry in plan["entries"]} >= {"new\nline.jpg", "bad\\xff.jpg"}


def test_it_runs_as_a_module():
    out = subprocess.run([sys.executable, "-m", "visdatcompy_ds", "--version"], capture_output=True, text=True, check=True)
    assert out.stdout.startswith("visdatcompy_ds ")


def test_a_command_leaves_no_cyclic_garbage_per_image(datasets, tmp_path, photo, write):
    """The command line runs without the cyclic collector, which is right only as long as this holds."""
    for k in range(30):
        write(f"more/{k}.jpg", photo(k))
    for k in range(30):
        (tmp_path / f"more/broken{k}.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")

    def garbage(folder, out):
        gc.collect()
        gc.disable()
        try:
            run(["clean", str(folder), "--out", str(tmp_path / out), "--sample", "5", "--quiet"])
            return gc.collect()
        finally:
            gc.enable()

    garbage(datasets / "trail", "first")
    few, many = garbage(datasets / "trail", "few"), garbage(tmp_path / "more", "many")
    assert many <= few + 60, "60 images, half of them broken, left cyclic garbage"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc: ru_maxrss counts the parent's memory too")
def test_a_thousand_photos_stay_below_the_promised_memory(tmp_path, photo, write):
    """Memory comes from code and threads, not from images: pixels are never kept."""
    scenes = [write(f"scene{k}.jpg", photo(k, 500, 375)).read_bytes() for k in range(7)]
    (tmp_path / "many").mkdir()
    for k in range(1000):
        (tmp_path / f"many/{k}.jpg").write_bytes(scenes[k % 7] + bytes([k & 255, k >> 8]))  # what follows the picture makes new content
    script = "import sys; from visdatcompy_ds.cli.app import run; run(sys.argv[1:]); print(open('/proc/self/status').read())"
    command = [sys.executable, "-c", script, "clean", str(tmp_path / "many"), "--out", str(tmp_path / "out"), "--quiet"]
    status = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peak_kb = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    assert peak_kb < 400_000


def test_compare_lists_pairs_of_any_method(datasets, capsys):
    new, have = str(datasets / "trail_new"), str(datasets / "trail")
    assert run(["compare", new, have, "--method", "ssim", "--cutoff", "0.95"]) == 0
    out = said(capsys).out
    assert "trail_new x trail by ssim, 256 x 256: 15 pairs at 0.95 or more" in out and "trail_new/CAM01/walker.jpg" in out
    assert "Next: visdatcompy-ds compare" in out and "Done: 100 images, 2 unusable." in out
    assert run(["compare", new, have, "-m", "phash"]) == 0
    assert "by phash" in said(capsys).out
    assert run(["compare", have, "-m", "mse", "--size", "64x48", "--cutoff", "0", "--json"]) == 0
    found = json.loads(said(capsys).out)
    assert (
        found["metric"] == "mse"
        and found["size"] == "64 x 48"
        and found["images"] == 30
        and found["pairs_compared"] <= found["pairs_total"]
    )
    assert [(pair["left_id"], pair["right_id"]) for pair in found["pairs"]] == [("CAM02/IMG_0007.JPG", "CAM02/IMG_0007_copy.JPG")]
    assert run(["compare", new, "-m", "mae", "--quiet", "--strict"]) == 3
    assert said(capsys).out == ""


@pytest.mark.parametrize("method", ["dhash", "nmi"])
def test_compare_writes_tables_a_page_and_a_heat_map(method, photos, capsys):
    assert run(["compare", str(photos), "-m", method, "--out", "o"]) == 0
    out = said(capsys).out
    names = {"pairs.csv", "pairs.html", "matrix.csv", "heat_map.png"}
    assert names <= set(os.listdir("o")) and all(name in out for name in names)
    assert run(["compare", str(photos), "--out", "o"]) == 1
    assert "holds files already" in said(capsys).err


def test_compare_turned_finds_what_was_turned(photos, photo, write, capsys):
    write("photos/turned.jpg", np.ascontiguousarray(np.rot90(photo(1))))
    assert run(["compare", str(photos), "--turned"]) == 0
    assert re.search(r"photos/1.jpg +photos/turned.jpg  rotated", said(capsys).out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos", "-m", "surf"], "Unknown method 'surf'"),
        (["photos", "-m", "sift", "--cutoff", "9"], "--cutoff with sift"),
        (["photos", "-m", "orb", "--size", "9"], "--size with orb"),
        (["photos", "-m", "ssim", "--size", "0"], "--size 0"),
        (["photos", "-m", "ssim", "--size", "big"], "Allowed: a number of pixels or WxH"),
        (["photos", "-m", "ssim", "--cutoff", "7"], "-1 to 1"),
        (["photos", "-m", "phash", "--cutoff", "0.5"], "a whole number of bits"),
        (["photos", "-m", "mse", "--turned"], "Allowed: hashes"),
        (["photos", "-m", "phash", "--size", "64"], "--size with phash"),
        (["photos", "-m", "pix2pix", "--cutoff", "0"], "Allowed for pix2pix: 1"),
        (["broken"], "None of the 1 images can be read"),
        (["nowhere"], "nowhere"),
        (["texts"], "No images in"),
        (["photos", "texts"], "No images in"),
    ],
)
def test_compare_says_what_is_wrong(arguments, words, photos, texts, tmp_path, capsys):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.jpg").write_bytes(b"\xff\xd8\xff no picture")
    assert run(["compare", *arguments]) == 1
    assert words in said(capsys).err


def test_compare_says_which_files_are_the_same(photos, tmp_path, capsys):
    (tmp_path / "again").symlink_to(photos)
    for method, more in (("mse", []), ("phash", []), ("pix2pix", [])):
        assert run(["compare", "photos", "again", "-m", method, *more]) == 0
        assert "4 images by another path only" in said(capsys).out
    assert run(["compare", "photos", "photos"]) == 0
    assert "Both are the same images" in said(capsys).out


def test_what_compare_says_to_do_next_is_what_was_done(photos, capsys):
    assert run(["compare", "photos", "-m", "MSE", "--size", "full", "--cutoff", "123.456789"]) == 0
    assert "compare photos --method mse --cutoff 123.456789 --size full --out results" in said(capsys).out
    assert run(["compare", "photos", "--turned"]) == 0
    assert "--turned --out results" in said(capsys).out


def test_json_of_infinite_scores_is_json(photos, capsys):
    def no(name):
        raise AssertionError(name)

    assert run(["compare", "photos", "photos/0.jpg", "-m", "psnr", "--json"]) == 0
    json.loads(said(capsys).out, parse_constant=no)
    (photos / "copy.jpg").write_bytes((photos / "0.jpg").read_bytes())
    assert run(["compare", "photos", "-m", "psnr", "--json"]) == 0
    assert json.loads(said(capsys).out, parse_constant=no)["pairs"][0]["score"] == "inf"


def test_compare_by_local_features(datasets, photos, photo, write, capsys):
    write("photos/mirrored.jpg", np.ascontiguousarray(photo(1)[:, ::-1]))
    assert run(["compare", str(photos), "-m", "sift", "--out", "o"]) == 0
    assert re.search(r"edited +photos/1.jpg +photos/mirrored.jpg  \d+ of \d+ matches agree.*mirrored", said(capsys).out)
    assert {"pairs.csv", "pairs.html"} <= set(os.listdir("o"))
    assert run(["compare", str(datasets / "trail"), "-m", "sift", "--json"]) == 0
    found = json.loads(said(capsys).out)
    assert {"bytes", "similar"} <= {pair["class"] for pair in found["pairs"]}


def test_a_sample_is_drawn_saved_and_told(photos, capsys):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    assert run(["sample", str(photos), "-n", "3", "--out", "drawn", "--export", "train"]) == 0
    told = said(capsys).out
    assert "Sample: 3 of" in told and "random" in told and "broken.jpg: unreadable" in told
    assert {path.name for path in Path("drawn").iterdir()} >= {
        "selected.csv",
        "selected.txt",
        "buckets.png",
        "scatter.html",
        "problems.csv",
        "run.json",
    }
    assert len(Path("drawn/selected.txt").read_text().splitlines()) == 3 == len(list(Path("train").rglob("*.jpg")))
    assert json.loads(Path("drawn/run.json").read_text())["number"] == 3
    assert run(["sample", str(photos), "-n", "900", "--json", "--out", "more"]) == 0
    assert json.loads(said(capsys).out)["asked"] == 900
    assert run(["sample", str(photos), "-n", "2", "--quota", "equal"]) == 1 and "per_group" in said(capsys).err
