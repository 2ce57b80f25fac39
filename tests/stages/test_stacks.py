"""Stacks and matrices: what Image.read and Image.compare give, whatever the tiles and threads."""

import dataclasses

import numpy as np
import pytest

from visdatcompy_ds import Dataset
from visdatcompy_ds.catalog.metrics import METRICS
from visdatcompy_ds.stages import stacks

GREY = [metric for metric in METRICS.values() if metric.reads == "grey"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory, photo):
    from PIL import Image

    folder = tmp_path_factory.mktemp("stacks")
    for k in range(7):
        picture = photo(k, 120, 90)
        Image.fromarray(picture if k < 5 else np.rot90(picture).copy()).save(folder / f"{k}.png")
    Image.fromarray(photo(1, 300, 200)).save(folder / "big.jpg", quality=80)
    Image.fromarray(np.full((4, 5), 9, np.uint8)).save(folder / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return Dataset(folder)


@pytest.fixture(scope="module")
def table(photos):
    return photos.measured("sha256", "phash", "width", "height")


def usable(table):
    return np.flatnonzero(table.files.is_usable & table["decoded"])


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (40, 30)])
def test_a_stack_holds_what_reading_an_image_gives(photos, table, size):
    (stack,) = stacks.load(table, usable(table), size, workers=2)
    assert stack.pictures.shape == (9, size[1], size[0])
    for row, picture in zip(stack.rows.tolist(), stack.pictures, strict=True):
        assert np.array_equal(picture, photos[table.files.id[row]].read("gray", size))


@pytest.mark.parametrize("metric", GREY, ids=lambda metric: metric.name)
def test_a_matrix_is_what_comparing_images_gives(metric, photos, table):
    rows = usable(table)
    loaded = stacks.load(table, rows, (64, 64))
    values = stacks.matrix(metric, loaded, None, rows, rows)
    for i in range(0, 9, 4):
        for j in range(9):
            left, right = (photos[table.files.id[rows[k]]] for k in (i, j))
            assert values[i, j] == pytest.approx(left.compare(right, metric.name, 64), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("metric", GREY, ids=lambda metric: metric.name)
def test_tiles_and_threads_do_not_change_a_bit(metric, table):
    rows = usable(table)
    loaded = stacks.load(table, rows, (64, 64), workers=1)
    whole = stacks.matrix(metric, loaded, None, rows, rows, 1)
    metric = dataclasses.replace(metric, tile=2)
    assert stacks.matrix(metric, loaded, None, rows, rows, 3).tobytes() == whole.tobytes()
    across = stacks.matrix(metric, [loaded[0]], [stacks.Stack(loaded[0].rows[3:], loaded[0].pictures[3:])], rows, rows[3:], 2)
    assert across.tobytes() == np.ascontiguousarray(whole[:, 3:]).tobytes()


def test_at_full_resolution_only_pictures_of_one_shape_are_compared(table):
    rows = usable(table)
    loaded = stacks.load(table, rows, None, workers=2)
    shapes = {tuple(stack.pictures.shape[1:]): len(stack.rows) for stack in loaded}
    assert shapes == {(4, 5): 1, (90, 120): 5, (120, 90): 2, (200, 300): 1}
    values = stacks.matrix(METRICS["ssim"], loaded, None, rows, rows)
    assert np.isfinite(values).sum() == 25 + 4 + 1 + 1
    assert (np.diag(values) == 1).all()  # also the tiny one, whose sides hold no window of 7


def test_many_pictures_lie_in_a_file(table, monkeypatch):
    rows = usable(table)
    whole = stacks.load(table, rows, (32, 32))[0].pictures
    monkeypatch.setattr(stacks, "_IN_MEMORY", 100)
    paged = stacks.load(table, rows, (32, 32))[0].pictures
    assert isinstance(paged, np.memmap) and np.array_equal(paged, whole)


def test_nothing_to_load_is_an_empty_list(table):
    none = np.empty(0, np.int64)
    assert stacks.load(table, none, (32, 32)) == stacks.load(table, none, None) == []
    assert stacks.matrix(METRICS["mse"], [], None, none, none).shape == (0, 0)


def test_a_file_that_is_gone_is_in_no_stack(tmp_path, photo, write):
    for k in range(3):
        write(f"{k}.jpg", photo(k))
    data = Dataset(tmp_path)
    table = data.measured("phash")
    (tmp_path / "1.jpg").unlink()
    assert stacks.load(table, np.arange(3), (32, 32))[0].rows.tolist() == [0, 2]
