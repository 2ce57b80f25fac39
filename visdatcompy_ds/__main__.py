"""``python -m visdatcompy_ds``: the command line."""

from visdatcompy_ds.cli import main

if __name__ == "__main__":
    main()
