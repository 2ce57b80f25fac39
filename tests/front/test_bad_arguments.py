"""Bad arguments end in an error of our tree that says what was given and what is allowed."""

import re

import pytest

from visdatcompy_ds import ArgumentError, Dataset, Downsampler, Image, OutputError, UnknownNameError, VisDatCompare, VisdatError


@pytest.fixture(scope="module")
def trail(datasets):
    return Dataset(datasets / "trail")


@pytest.fixture(scope="module")
def plan(trail):
    return VisDatCompare(trail).run(sample=3)


CASES = {
    "no source": (lambda trail, plan: Dataset(None), "NoneType"),
    "an empty list": (lambda trail, plan: Dataset([]), "one path or more"),
    "limits of another type": (lambda trail, plan: Dataset(trail.path, limits=5), "Allowed: a dict"),
    "an unknown limit": (lambda trail, plan: Dataset(trail.path, limits={"pixels": 5}), "max_pixels"),
    "a limit of nothing": (lambda trail, plan: Dataset(trail.path, limits={"max_pixels": 0}), "1 or more"),
    "an empty path": (lambda trail, plan: Image(""), "An empty path"),
    "a number as path": (lambda trail, plan: Image(3), "str, bytes or pathlib.Path"),
    "an unknown id": (lambda trail, plan: trail["CAM01/IMG_0001.jpg"], "Did you mean 'CAM01/IMG_0001.JPG'"),
    "an unknown image to delete": (lambda trail, plan: trail.delete_image(3), "Unknown image 3"),
    "an unknown image of a subset": (lambda trail, plan: trail.subset("x"), "30 images"),
    "no function as filter": (lambda trail, plan: trail.filter(3), "a function of a row"),
    "an unknown column by attribute": (lambda trail, plan: trail.filter(lambda row: row.bright), "Did you mean 'brightness'"),
    "an unknown column by key": (lambda trail, plan: trail.filter(lambda row: row["bright"]), "Did you mean 'brightness'"),
    "an unknown probe": (lambda trail, plan: trail.fingerprints("phsh"), "Did you mean 'phash'"),
    "a path for a dataset": (lambda trail, plan: VisDatCompare(trail.path), "a Dataset"),
    "a path for the second dataset": (lambda trail, plan: VisDatCompare(trail, trail.path), "a Dataset"),
    "a path for a dataset to sample": (lambda trail, plan: Downsampler(trail.path), "a Dataset"),
    "a path for what is given": (lambda trail, plan: Downsampler(trail).sample(3, given=[trail.path]), "a Dataset"),
    "protecting another": (lambda trail, plan: VisDatCompare(trail, trail, protect="first"), "dataset1"),
    "a sample of text": (lambda trail, plan: VisDatCompare(trail).run(sample="x"), "a whole number"),
    "a sample of less than nothing": (lambda trail, plan: VisDatCompare(trail).sample(-1), "0 or more"),
    "a seed of text": (lambda trail, plan: VisDatCompare(trail).run(sample=3, seed="x"), "seed='x'"),
    "half an image": (lambda trail, plan: Downsampler(trail).sample(1.5), "a whole number"),
    "an unknown rule": (lambda trail, plan: Downsampler(trail, rules="vis"), "visual"),
    "an unknown way to export": (lambda trail, plan: plan.selection.export("x", how="move"), "hardlink"),
    "exporting to a number": (lambda trail, plan: plan.selection.export(3), "folder of type int"),
    "saving a plan to a number": (lambda trail, plan: plan.save(3), "path of type int"),
    "saving a selection to a number": (lambda trail, plan: plan.selection.save(3), "path of type int"),
    "reporting to a number": (lambda trail, plan: VisDatCompare(trail).report(3), "folder of type int"),
    "comparing with a number": (lambda trail, plan: trail[0].compare(3, "ssim"), "path of type int"),
    "an unknown metric": (lambda trail, plan: trail[0].compare(trail[1], "sim"), "Did you mean 'ssim'"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_argument_says_what_is_allowed(name, trail, plan):
    call, words = CASES[name]
    with pytest.raises(VisdatError, match=re.escape(words)) as caught:
        call(trail, plan)
    assert isinstance(caught.value, ArgumentError)


def test_errors_of_a_filter_itself_are_not_renamed(trail):
    with pytest.raises(KeyError, match="mine") as caught:
        trail.filter(lambda row: {}["mine"] if row.width else True)
    with pytest.raises(AttributeError) as other:
        trail.filter(lambda row: (1).nothing)
    assert not isinstance(other.value, UnknownNameError)
    assert caught.value.__cause__ is None


def test_a_folder_that_cannot_be_made_is_an_output_error(trail, plan, tmp_path):
    (tmp_path / "file").write_text("x")
    for call in (
        lambda: plan.save(tmp_path / "file" / "plan.json"),
        lambda: plan.selection.save(tmp_path / "file" / "chosen.csv"),
        lambda: VisDatCompare(trail).report(tmp_path / "file" / "results"),
        lambda: plan.selection.export(tmp_path / "file"),
    ):
        with pytest.raises(OutputError):
            call()


def test_what_is_handed_back_introduces_itself(trail, plan):
    assert repr(plan).startswith("Plan(")
    assert repr(plan.selection) == "Selection(3 of 29 images)"
    assert repr(Downsampler(trail)) == "Downsampler(Dataset('trail', 30 images), rules='visual')"
    assert "Dataset('trail', 30 images)" in repr(VisDatCompare(trail))
