"""What a cut-off means on these images: how many copies it finds, and how many pairs that are none it lets through."""

from visdatcompy_ds.stages.calibrate.calibrating import Calibrated, Measure, calibrate

__all__ = ["Calibrated", "Measure", "calibrate"]
