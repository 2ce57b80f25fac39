"""Removals in processes of their own, to be killed.

A request is a line of JSON, [word, path, quarantine or null, how]; for each, a process is forked from this one, which has imported
everything already, and stops itself; its number is printed, and, after another line, what ``waitpid`` says of its end.
"""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import signal
import sys


def no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "no links on this file system")


def work(word: str, path: str, quarantine: str | None, how: str) -> None:
    from visdatcompy_ds.reports import plan_file
    from visdatcompy_ds.stages import act

    shift = importlib.import_module("visdatcompy_ds.engine.move.shift")
    if how != "rename":
        shift._renameat2 = lambda: None
    if how == "copy":
        shift.link = no_links
    if word == "apply":
        orders = plan_file.orders(plan_file.load(path))
        act.remove(orders, None if quarantine is None else os.fsencode(quarantine), False, show_progress=False)
    else:
        act.undo(os.fsencode(path))


def serve() -> None:
    import world

    from visdatcompy_ds.engine import decode
    from visdatcompy_ds.reports import plan_file  # noqa: F401
    from visdatcompy_ds.stages import act  # noqa: F401

    data = world.picture(0)
    decode.decode_working(data, decode.read_header(data))
    gc.freeze()
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            code = 1
            try:
                os.kill(os.getpid(), signal.SIGSTOP)
                work(*json.loads(line))
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(code)
        os.waitpid(pid, os.WUNTRACED)
        print(pid, flush=True)
        sys.stdin.readline()  # until then its number stays its own, even when it has ended
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    serve()
