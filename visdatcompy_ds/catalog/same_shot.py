"""A copy, or the next frame? The borders between classes when two pictures were compared at full resolution.

Sensor noise is the fingerprint of a shot: a re-saved copy keeps most of it, the next frame has other noise. It fades as a picture is
reduced, so the borders know how much smaller one of the two is, and how small the smaller one.

The cut-offs were measured in November 2026 with the kernels of ``kernels.windows`` (8 x 8 windows, 24 x 24 tiles):

=========================================================  ==========  ===========  =========
pair                                                       mean SSIM   worst tile   tone
=========================================================  ==========  ===========  =========
8 MP night and day bursts: the next frame                  .75-.88     .44-.79      .6-46
the same, right frame at half size                         .83-.92     .36-.86      1.8-45
8 MP, re-saved at quality 75; at half size, quality 75     .956-.981   .93-.98      .8-1.9
80 web photos of 400 x 533: quality 75 (least; 5 %)        .940; .982  .82; .96     1.2
the same: half size, quality 85                            .937; .949  .78; .81     1.7
the same: brightened by a tenth                            .97-.99     .72-.99      14-23
a digit drawn into a photo                                 .936-.979   .25-.37      4-29
video-like neighbours of 299 x 299 (potatoes)              .65-.89     -.3-.14      39-180
=========================================================  ==========  ===========  =========

Two JPEGs of one size tell more: a re-saved copy differs from its original by the rounding to its quantisation steps and nothing else,
the next frame by its noise as well. ``excess`` is the energy of the difference over what rounding explains, the median of the nine
lowest frequencies:

=====================================================  ===========
pair of one size                                       excess
=====================================================  ===========
40 web photos, re-saved at quality 95 to 30            .00-1.03
8 MP bursts, the next frame, quality 95 to 50          6.5-208
the same bursts reduced 2 to 5 times, then saved       1.3-113
the same reduced 6 and 8 times, quality 95 to 75       1.5-46
the same reduced 6 and 8 times, quality 50             .91-2.6
=====================================================  ===========

Where it ends: two frames of a motionless scene, reduced to less than a sixth and saved at quality 50, are equal but for rounding and count
as a copy. Where one of the two was resized too, or one is no JPEG, only SSIM can tell, and smaller pictures need more of it.
"""

from __future__ import annotations

import dataclasses

SSIM = 0.94  # mean, from which a pair is one shot
SSIM_SMALL = 0.95  # the same where one was resized and the larger one was small: there the next frame at half size reaches .945
SSIM_ROUNDED = 0.80  # the same where rounding explains the whole difference
EXCESS = 1.2  # from which rounding does not explain it
SSIM_OPEN = 0.90  # below SSIM and from here on, neither can be ruled out
WORST_TILE = 0.60  # a worse tile has other content
TONE = 6.0  # levels of 255 by which a tile may differ in brightness
COLOUR = 12.0  # levels by which red-green or blue-green may differ in one of 16 x 16 cells
COLOUR_RESIZED = 24.0  # the same when one was resized, which moves the cells' borders a little
RATIO = 0.47  # resized to no less than half, and a little for rounding
SIDE = 100  # pixels of the shorter side below which noise is gone altogether
ASPECT = 0.02  # relative difference of aspect ratios that rounding explains
# Most of the picture at the level of noise, the rest changed: one shot with something drawn in. Small pictures must agree better,
# since a motionless background alone gives .96 there.
EDITED_TILE_LARGE = 0.93
EDITED_TILE_SMALL = 0.97
LARGE_SIDE = 1000
LARGE_RESIZED = 2000  # shorter side of the larger picture from which noise survives halving
SIMILAR_LAYOUT = 0.80  # correlation of the 16 x 16 brightness cells from which a pair shows one scene


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What a comparison at full resolution measured.

    Attributes
    ----------
    mean, median, worst : float
        SSIM over all tiles, 1 is the same.
    tone : float
        Largest difference of a tile's brightness, levels of 255.
    colour : float
        Largest difference of a cell's colour, levels of 255.
    layout : float
        Correlation of the 16 x 16 cells' brightness.
    ratio : float
        Smaller side over larger side of the two pictures, the lesser of both directions; 1 is the same size.
    side : int
        Shorter side of the common grid in pixels.
    is_stretched : bool
        The aspect ratios differ.
    is_grey_and_colour : bool
        One picture shows colour, the other none.
    larger_side : int
        Shorter side of the larger picture in pixels.
    excess : float or None
        Energy of the difference over what quantisation explains; None where that cannot be told.
    """

    mean: float
    median: float
    worst: float
    tone: float
    colour: float
    layout: float
    ratio: float
    side: int
    is_stretched: bool
    is_grey_and_colour: bool
    larger_side: int
    excess: float | None = None


def verdict(found: Evidence) -> tuple[str, float, float]:
    """Return the class of a pair ("" for two different pictures), the score that decided, and its cut-off."""
    is_resized = found.ratio < 1 - ASPECT
    colour_cutoff = COLOUR_RESIZED if is_resized else COLOUR
    is_unchanged = found.worst >= WORST_TILE and found.tone <= TONE and found.colour <= colour_cutoff
    is_plain = is_unchanged and not found.is_stretched and not found.is_grey_and_colour
    is_rounded = found.excess is not None and found.excess <= EXCESS
    if found.ratio < RATIO or found.side < SIDE:
        if found.median >= SSIM_OPEN:
            return "undecided", found.median, SSIM_OPEN
    elif is_plain and found.mean >= (cutoff := _same_shot_cutoff(found, is_resized, is_rounded)):
        # A small picture has little noise to lose: what rounding does not explain may be the noise of another frame.
        is_open = found.excess is not None and not is_rounded and found.side < LARGE_SIDE
        return ("undecided" if is_open else "reencoded"), found.mean, cutoff
    elif found.median >= (edited := EDITED_TILE_LARGE if found.side >= LARGE_SIDE else EDITED_TILE_SMALL) and not is_plain:
        return "edited", found.median, edited
    elif found.mean >= SSIM_OPEN and is_plain:
        return "undecided", found.mean, cutoff
    return ("similar", found.layout, SIMILAR_LAYOUT) if found.layout >= SIMILAR_LAYOUT else ("", found.layout, SIMILAR_LAYOUT)


def _same_shot_cutoff(found: Evidence, is_resized: bool, is_rounded: bool) -> float:
    if is_rounded:
        return SSIM_ROUNDED
    return SSIM_SMALL if is_resized and found.larger_side < LARGE_RESIZED else SSIM
