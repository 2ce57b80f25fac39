"""``python -m visdatcompy_ds``: the command line."""

import sys

try:
    from visdatcompy_ds.cli import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    main()
