"""Two pictures of one frame that differ all over: one made of the other, or two shots of a camera that stands still.

Shots of one camera differ by noise, by what moves and by the light, and are equally sharp and equally noisy. A picture that was processed
differs in a way that shots do not, and when that is undone, nothing else is left. Measured in November 2026, on 40 photos of 400 x 533
and on the nine frames of three 8 MP bursts at full size and reduced 2, 4 and 8 times (5 % and 95 % of the pairs):

=================================  ===========  ===========  ===================================================
what is asked of the pair          noise added  next frames  why
=================================  ===========  ===========  ===================================================
noise, larger over smaller         1.6-22       1.00-1.02    a camera's frames are equally noisy
whiteness of the difference        .88-1.15     .6-3.5       energy of 4 x 4 means over that of white noise
slope of the difference            +-.02        -.07 - -.7   on fine structure: noise knows nothing of it
smooth part of the difference      .12-.54      .2-8         in units of the noise: nothing moved
=================================  ===========  ===========  ===================================================

=================================  ===========  ===========  ===================================================
what is asked of the pair          blurred      next frames  why
=================================  ===========  ===========  ===================================================
sharpness, larger over smaller     1.4-7        1.00-1.02
worst tile, equally blurred        .98-.99      .14-.98      correlation of structures of 1 to 3 pixels
whiteness, tenth largest of tiles  1.8-2.3      2-9          what is left is rounding
=================================  ===========  ===========  ===================================================

Where colours or light differ, the best table from the colours of one to the grey levels of the other stands for the processing: then
fine structure correlates with .91 and more (brightness, gamma; frames of one post in other light .15-.58 at 8 MP). A posterised picture
has gaps between its levels, 1.2 times those it had and more in 91 of 100 photos (frames of a camera: 1.0-1.1), and keeps the coarser
structure (median .89 and more, three quarters of the tiles .4 and more).
"""

from __future__ import annotations

from typing import Any

_TILES = 12  # a side
_NOISIER, _WHITE, _SLOPE, _SMOOTH = 1.4, 1.3, 0.06, 0.8
_SHARPER, _SIGMAS, _WORST, _ROUNDING = 1.25, (1.0, 1.5, 2.0, 2.5, 3.0, 4.0), 0.95, 4.0
_LIGHTER, _TINTED, _SAME_FINE = 14.0, 14.0, 0.9  # grey levels
_MORE_GAPS, _SAME_COARSE, _MOST_COARSE = 1.2, 0.8, 0.4
_WIDTH = 13.0  # levels: the gaps of eight levels a channel are filled by a bell of this width


def processing(left: Any, right: Any) -> str:
    """Name what explains the whole difference of two pictures of one frame: "noise", "blur", "tone" or "levels"; "" for nothing.

    Parameters
    ----------
    left, right : (H, W, 3) uint8 BGR
    """
    import cv2
    import numpy as np

    if min(left.shape[:2]) < 8 * _TILES:
        return ""
    greys = [cv2.cvtColor(side, cv2.COLOR_BGR2GRAY).astype(np.float32) for side in (left, right)]
    fine = [grey - cv2.GaussianBlur(grey, (0, 0), 1) for grey in greys]
    rough = [float(np.sqrt(np.percentile(_tiles(side * side).mean(axis=1), 25))) for side in fine]
    softer = int(rough[0] > rough[1])
    ratio = max(rough) / max(min(rough), 0.1)
    if ratio >= _NOISIER and _is_noise(greys[softer], greys[1 - softer], fine[softer]):
        return "noise"
    if ratio >= _SHARPER and _is_blur(greys[1 - softer], greys[softer]):
        return "blur"
    return _recoloured(left, right, greys)


def _is_noise(clean: Any, noisy: Any, fine: Any) -> bool:
    import cv2
    import numpy as np

    added = noisy - clean
    added -= added.mean()
    energy = _tiles(added * added).mean(axis=1)
    level = float(np.sqrt(np.median(energy)))
    means = cv2.boxFilter(added, -1, (4, 4))
    white = float(np.median(_tiles(means * means).mean(axis=1) * 16 / np.maximum(energy, 0.5)))
    slopes = _tiles(fine * (added - cv2.GaussianBlur(added, (0, 0), 1))).mean(axis=1) / np.maximum(_tiles(fine * fine).mean(axis=1), 0.3)
    smooth = cv2.GaussianBlur(added, (0, 0), 3)
    left = float(np.sqrt(_tiles(smooth * smooth).mean(axis=1).max()))
    return white <= _WHITE and abs(float(np.median(slopes))) <= _SLOPE and left <= _SMOOTH * level


def _is_blur(sharp: Any, soft: Any) -> bool:
    import cv2
    import numpy as np

    def unlike(sigma: float) -> float:
        return float(np.median(np.abs(soft - cv2.GaussianBlur(sharp, (0, 0), sigma))))

    sigma = min(_SIGMAS, key=unlike)
    made = cv2.GaussianBlur(sharp, (0, 0), sigma)
    left = soft - made
    means = cv2.boxFilter(left, -1, (4, 4))
    white = _tiles(means * means).mean(axis=1) * 16 / np.maximum(_tiles(left * left).mean(axis=1), 0.5)
    return float(np.percentile(white, 90)) <= _ROUNDING and float(_band(made, soft, 1, 3).min(initial=1)) >= _WORST


def _recoloured(left: Any, right: Any, greys: list[Any]) -> str:
    import numpy as np

    gaps = [_gaps(side) for side in (left, right)]
    later = int(gaps[1] >= gaps[0])  # levels get lost, so what has gaps is made of what has none
    made = greys[later]
    means = [side.reshape(-1, 3).mean(axis=0) for side in (left, right)]
    tints = [np.array((mean[0] - mean[1], mean[2] - mean[1])) for mean in means]
    is_other = abs(float(greys[0].mean() - greys[1].mean())) >= _LIGHTER or float(np.abs(tints[0] - tints[1]).max()) >= _TINTED
    told = _by_colour((left, right)[1 - later], made)
    if is_other and any(_percentile(_band(one, made, 0, 1.5), 50) >= _SAME_FINE for one in (_by_level(greys[1 - later], made), told)):
        return "tone"
    if max(gaps) >= _MORE_GAPS * min(gaps):
        coarse = _band(told, made, 2, 6)
        if _percentile(coarse, 50) >= _SAME_COARSE and _percentile(coarse, 25) >= _MOST_COARSE:
            return "levels"
    return ""


def _by_level(source: Any, made: Any) -> Any:
    """Return what the grey levels of `source` become at the mean: a curve through 64 points, which keeps the finest steps."""
    import numpy as np

    at = source.astype(np.int64).reshape(-1) >> 2
    count = np.bincount(at, minlength=64)
    curve = np.bincount(at, weights=made.reshape(-1), minlength=64) / np.maximum(count, 1)
    known = np.flatnonzero(count)
    return np.interp(source.reshape(-1), 4 * known + 1.5, curve[known]).reshape(made.shape).astype(np.float32)


def _by_colour(source: Any, made: Any) -> Any:
    """Return what each of 4096 colours of `source` becomes at the mean."""
    import numpy as np

    cells = source.astype(np.int32) >> 4
    at = ((cells[..., 0] << 8) | (cells[..., 1] << 4) | cells[..., 2]).reshape(-1)
    table = np.bincount(at, weights=made.reshape(-1), minlength=4096) / np.maximum(np.bincount(at, minlength=4096), 1)
    return table[at].reshape(made.shape).astype(np.float32)


def _gaps(picture: Any) -> float:
    """Return how many more levels a picture would use with the gaps between them filled: 1 for none; the median of its channels."""
    import numpy as np

    reach = np.arange(-40, 41)
    bell = np.exp(-0.5 * (reach / _WIDTH) ** 2)
    values = []
    for channel in range(3):
        shares = np.bincount(picture[..., channel].reshape(-1), minlength=256) / picture[..., channel].size
        filled = np.convolve(np.pad(shares, 40, mode="reflect"), bell / bell.sum(), "valid")
        used = [float(np.exp(-(some * np.log(np.maximum(some, 1e-12))).sum())) for some in (filled, shares)]
        values.append(used[0] / used[1])
    return float(np.median(values))


def _band(left: Any, right: Any, least: float, most: float) -> Any:
    """Return the correlation by tiles of structures between two sizes, of the tiles that show any."""
    import cv2
    import numpy as np

    def between(grey: Any) -> Any:
        return (cv2.GaussianBlur(grey, (0, 0), least) if least else grey) - cv2.GaussianBlur(grey, (0, 0), most)

    one, other = between(left), between(right)
    a, b, both = (_tiles(values).mean(axis=1) for values in (one * one, other * other, one * other))
    shows = np.maximum(a, b) > 1
    return (both / np.sqrt(np.maximum(a * b, 1e-6)))[shows]


def _tiles(values: Any) -> Any:
    """Return the pixels of 12 x 12 tiles, (144, k)."""
    high, wide = values.shape[0] // _TILES, values.shape[1] // _TILES
    cut = values[: high * _TILES, : wide * _TILES].reshape(_TILES, high, _TILES, wide)
    return cut.transpose(0, 2, 1, 3).reshape(_TILES * _TILES, -1)


def _percentile(values: Any, share: float) -> float:
    import numpy as np

    return float(np.percentile(values, share)) if len(values) else 0.0
