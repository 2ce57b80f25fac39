import visdatcompy_ds


def test_public_names_are_these_and_all_load():
    nouns = {"Image", "Dataset", "FeatureExtractor", "Hash", "Metrics", "Downsampler", "VisDatCompare", "Plan", "Selection", "Calibration"}
    errors = {name for name in visdatcompy_ds.__all__ if name.endswith("Error")}
    older = {
        "plot_bucket_distribution",
        "plot_hash_similarity_scatter",
        "print_bucket_summary",
        "sample_diverse",
        "sample_diverse_with_stats",
    }
    assert set(visdatcompy_ds.__all__) == nouns | errors | older | {"CacheWarning", "__version__"}
    for name in visdatcompy_ds.__all__:
        assert getattr(visdatcompy_ds, name) is not None


def test_all_errors_of_the_tree_are_public_and_builtins_too():
    from visdatcompy_ds.base import errors

    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert tree <= set(visdatcompy_ds.__all__)
    for name in tree - {"VisdatError"}:
        assert any(base.__module__ == "builtins" and base not in (Exception, object) for base in getattr(errors, name).__mro__), name


def test_an_unknown_name_says_which_there_are():
    try:
        _ = visdatcompy_ds.Datasets
    except AttributeError as error:
        assert "Dataset" in str(error)
    else:
        raise AssertionError("an unknown name was found")
