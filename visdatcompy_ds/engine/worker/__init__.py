"""Our own worker processes, over pipes: a decoder's death costs exactly one image. Importing this starts and loads nothing."""

from visdatcompy_ds.engine.worker.crew import Work, run_isolated, why_not

__all__ = ["Work", "run_isolated", "why_not"]
