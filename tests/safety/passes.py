"""Passes over a folder in processes of their own, to be killed, starved and run beside each other.

A request is a line of JSON: [folder, cache or null, wishes]; for each, a process is forked from this one, which has imported everything
already; its number is printed, and, when it has ended, what ``waitpid`` says and the digest of what it measured ("" for none).
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import resource
import sys
import time
import warnings


class Later:
    """A clock that is past the seconds in which a change might not show."""

    time_ns = staticmethod(lambda: time.time_ns() + 10_000_000_000)


def measured(folder: str, cache: str | None, workers: int | str = 1) -> tuple[str, int]:
    """Return a digest of all that a pass measures, and how many images were known before."""
    from pathlib import Path

    from visdatcompy_ds.catalog.probes import CLEAN_PROBES
    from visdatcompy_ds.stages.fingerprint import fingerprint
    from visdatcompy_ds.stages.scan import scan

    table, counts = fingerprint(scan(folder), CLEAN_PROBES, workers, cache=None if cache is None else Path(cache))
    digest = hashlib.sha256()
    for name in sorted(table.columns):
        column = table[name]
        digest.update(repr(column.tolist()).encode() if column.dtype == object else column.tobytes())
    digest.update(repr((table.files.status.tolist(), table.files.reason.tolist())).encode())
    return digest.hexdigest(), counts.known


def later() -> None:
    from visdatcompy_ds.stages.fingerprint import measure, reading

    reading.time = Later  # files were written a moment ago; what is read right after a change is not trusted
    measure._GATHERED_FILES = 4  # many transactions to be cut


def serve() -> None:
    from visdatcompy_ds.catalog.probes import opencv_threads

    later()
    opencv_threads(1)
    measured(sys.argv[1], None)
    gc.freeze()
    while line := sys.stdin.readline():
        folder, cache, wishes = json.loads(line)
        told, tell = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(told)
            if "uid" in wishes:
                os.setgid(wishes["uid"])
                os.setuid(wishes["uid"])
            if "most_bytes" in wishes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (wishes["most_bytes"],) * 2)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                found = [*measured(folder, cache), [str(one.message) for one in said]]
            os.write(tell, json.dumps(found).encode())
            os._exit(0)
        os.close(tell)
        print(pid, flush=True)
        sys.stdin.readline()
        found = b"".join(iter(lambda: os.read(told, 65536), b""))  # noqa: B023
        os.close(told)
        print(json.dumps([os.waitpid(pid, 0)[1], json.loads(found or b"null")]), flush=True)


if __name__ == "__main__":
    serve()
