"""What a calibration hands back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from visdatcompy_ds.reports import text

if TYPE_CHECKING:
    import pandas as pd

    from visdatcompy_ds.stages.calibrate import Calibrated


class Calibration:
    """What a cut-off means on a user's own images.

    Attributes
    ----------
    cutoff : float or None
        The largest that lets through no more than `max_false_pairs`, or, where the sample cannot support that, the largest at which none
        was seen; None where even equal codes are too many.
    max_false_pairs : float
        What was asked for, in all pairs of these images.
    is_supported : bool
        With 95 % confidence there are no more than that at `cutoff`. If not, the sample is too small for the wish, and
        `false_pairs_at_most` says what it does support; or, where `cutoff` is None, there are more at any cut-off.
    false_pairs, false_pairs_at_most : float
        At `cutoff`, in all pairs of these images: the best guess, and a bound at 95 % confidence; equal where all pairs were measured.
    recall : float
        Share of the edited copies within `cutoff`.
    pairs, pairs_seen, event_pairs : int
        Pairs of different images there are, and were measured; and how many of those there are lie in one event.
    counted_to : float
        Up to this distance false pairs were counted among all pairs, beyond it in a sample; -1 where all pairs were measured anyway.
    copies_taken_out : int
        Pairs among those measured that are copies at full resolution, or cannot be told from copies: they count as no false pairs.
    images : int
        Images of which copies were made.
    """

    def __init__(self, found: Calibrated) -> None:
        self._found = found
        self.measure, self.cutoff, self.max_false_pairs = found.measure, found.cutoff, found.max_false_pairs
        self.is_supported, self.recall = found.is_supported, found.recall
        self.false_pairs, self.false_pairs_at_most = found.false_pairs, found.false_pairs_at_most
        self.pairs, self.pairs_seen, self.event_pairs = found.pairs, found.pairs_seen, found.event_pairs
        self.copies_taken_out, self.images, self.counted_to = found.copies_taken_out, found.images, found.counted_to

    def __repr__(self) -> str:
        """Return the cut-off and what it finds."""
        return f"Calibration({self.measure!r}, cutoff={self.cutoff}, recall={self.recall:.2f}; summary() says more)"

    @functools.cached_property
    def by_edit(self) -> pd.DataFrame:
        """Recall of each edit at the cut-off with its 95 % interval: edit, recall, low, high, says; NaN without a cut-off."""
        import pandas as pd

        return pd.DataFrame(self._found.by_edit)

    @functools.cached_property
    def by_cutoff(self) -> pd.DataFrame:
        """What every cut-off gives: cutoff, recall, false_pairs, false_pairs_at_most."""
        import pandas as pd

        return pd.DataFrame(self._found.by_cutoff)

    def summary(self) -> str:
        """Return the result in words."""
        return text.calibration(vars(self._found))
