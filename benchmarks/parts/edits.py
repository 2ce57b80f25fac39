"""29 ways to re-use a picture: 19 usual edits and 10 hard, chained ones.

Each takes a picture (H, W, 3) uint8 BGR, others for a collage, and a random generator; it returns what is written: the picture, JPEG
quality and EXIF orientation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

Made = tuple[np.ndarray, int, int]  # picture, JPEG quality, EXIF orientation
Edit = Callable[[np.ndarray, list[np.ndarray], Any], Made]
QUALITY = 90


def resized(picture: np.ndarray, scale: float) -> np.ndarray:
    """Return the picture at another scale."""
    height, width = picture.shape[:2]
    return cv2.resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)


def within(picture: np.ndarray, side: int) -> np.ndarray:
    """Return the picture with its longer side of at most `side` pixels."""
    return resized(picture, min(1.0, side / max(picture.shape[:2])))


def cropped(picture: np.ndarray, share: float, rng: Any = None) -> np.ndarray:
    """Return a part of each side: the middle, or anywhere."""
    height, width = picture.shape[:2]
    high, wide = round(height * share), round(width * share)
    top, left = (
        ((height - high) // 2, (width - wide) // 2) if rng is None else (rng.integers(height - high + 1), rng.integers(width - wide + 1))
    )
    return picture[top : top + high, left : left + wide]


def turned(picture: np.ndarray, angle: float, is_padded: bool = False) -> np.ndarray:
    """Return the turned picture: of its size with black corners, or whole on white."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    if not is_padded:
        return cv2.warpAffine(picture, matrix, (width, height))
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(height * sin + width * cos), int(height * cos + width * sin)
    matrix[:, 2] += size[0] / 2 - width / 2, size[1] / 2 - height / 2
    return cv2.warpAffine(picture, matrix, size, borderValue=(255, 255, 255))


def padded(picture: np.ndarray, share: float, colour: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """Return the picture with borders of a share of its sides."""
    high, wide = (round(length * share) for length in picture.shape[:2])
    return cv2.copyMakeBorder(picture, high, high, wide, wide, cv2.BORDER_CONSTANT, value=colour)


def noisy(picture: np.ndarray, sigma: float, rng: Any) -> np.ndarray:
    """Return the picture with Gaussian noise."""
    return np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def saved(picture: np.ndarray, quality: int) -> np.ndarray:
    """Return the picture as a JPEG shows it."""
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def at_an_angle(picture: np.ndarray, rng: Any, share: float) -> np.ndarray:
    """Return the picture as it looks from aside: each corner moves inwards."""
    height, width = picture.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    moved = corners + rng.uniform(0, share, (4, 2)).astype(np.float32) * np.float32(
        [[width, height], [-width, height], [-width, -height], [width, -height]]
    )
    return cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, moved), (width, height), borderValue=(40, 60, 50))


def written(picture: np.ndarray, words: str, at: tuple[int, int], scale: float) -> None:
    """Write white words with a dark edge into a picture."""
    for colour, width in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, max(1, int(scale * width)), cv2.LINE_AA)


def caption(picture: np.ndarray, others: list[np.ndarray], rng: Any) -> Made:
    """Set a white bar with a line of text above the picture."""
    height, width = picture.shape[:2]
    bar = np.full((max(20, height // 8), width, 3), 255, np.uint8)
    cv2.putText(
        bar, "when the weekend comes", (8, int(bar.shape[0] * 0.7)), cv2.FONT_HERSHEY_SIMPLEX, width / 600, (0, 0, 0), 2, cv2.LINE_AA
    )
    return np.vstack([bar, picture]), QUALITY, 1


def collage(picture: np.ndarray, others: list[np.ndarray], rng: Any) -> Made:
    """Put it into one quarter of four pictures, each pressed into a square."""
    cells = [cv2.resize(one, (300, 300), interpolation=cv2.INTER_AREA) for one in (picture, *others)]
    a, b, c, d = (cells[k] for k in rng.permutation(4))
    return np.vstack([np.hstack([a, b]), np.hstack([c, d])]), QUALITY, 1


def screenshot(picture: np.ndarray, others: list[np.ndarray], rng: Any) -> Made:
    """Paste it small among the messages of an application, which look the same in every screenshot."""
    width, height = 540, 960
    screen = np.full((height, width, 3), 245, np.uint8)
    screen[:70] = (120, 70, 40)
    written(screen, "Messages", (20, 48), 1)
    for row in range(9):
        left, top = 20 + 120 * (row % 2), 110 + 90 * row
        cv2.rectangle(screen, (left, top), (left + 360, top + 60), (220, 230 - 8 * row, 210), -1)
        cv2.putText(screen, "lorem ipsum dolor sit amet", (left + 15, top + 38), 0, 0.7, (60, 60, 60), 1, cv2.LINE_AA)
    small = resized(picture, 250 / max(picture.shape[:2]))
    top, left = rng.integers(100, height - 260), rng.integers(10, width - 260)
    screen[top : top + small.shape[0], left : left + small.shape[1]] = small
    return screen, QUALITY, 1


def recoloured(picture: np.ndarray, others: list[np.ndarray], rng: Any) -> Made:
    """Turn hues by 120 degrees, then keep six levels a channel."""
    hues = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hues[..., 0] = (hues[..., 0].astype(int) + 60) % 180
    return cv2.cvtColor(hues, cv2.COLOR_HSV2BGR) // 51 * 51, QUALITY, 1


def meme(picture: np.ndarray, others: list[np.ndarray], rng: Any) -> Made:
    """Add words, four stickers, black bars above and below, and save it twice."""
    height, width = picture.shape[:2]
    made = picture.copy()
    written(made, "NOBODY:", (10, int(height * 0.14)), width / 260)
    written(made, "ABSOLUTELY NOBODY", (8, int(height * 0.95)), width / 420)
    for _ in range(4):
        middle, radius = (int(rng.integers(width)), int(rng.integers(height))), int(min(height, width) * 0.09)
        cv2.circle(made, middle, radius, tuple(int(value) for value in rng.integers(0, 255, 3)), -1)
        cv2.circle(made, middle, radius // 2, (255, 255, 255), 3)
    bar = np.zeros((height // 7, width, 3), np.uint8)
    return saved(np.vstack([bar, made, bar]), 70), QUALITY, 1


def photo_of_print(picture: np.ndarray, others: list[np.ndarray], rng: Any) -> Made:
    """Take it with a white rim, from aside, a little out of focus, in uneven warm light, with noise."""
    made = cv2.GaussianBlur(at_an_angle(padded(picture, 0.04, (255, 255, 255)), rng, 0.08), (0, 0), 0.8).astype(float)
    y, x = np.mgrid[: made.shape[0], : made.shape[1]]
    light = 0.75 + 0.4 * (x / made.shape[1]) * (1 - 0.3 * y / made.shape[0])
    made = np.clip(made * light[..., None] * np.array([0.9, 1, 1.08]), 0, 255).astype(np.uint8)
    return saved(noisy(made, 5, rng), 70), QUALITY, 1


def plain(change: Callable[[np.ndarray, Any], np.ndarray], quality: int = QUALITY, orientation: int = 1) -> Edit:
    """Return an edit of a change of pixels alone."""
    return lambda picture, others, rng: (np.ascontiguousarray(change(picture, rng)), quality, orientation)


USUAL: dict[str, Edit] = {
    "jpeg_75": plain(lambda p, r: p, 75),
    "jpeg_30": plain(lambda p, r: p, 30),
    "half_size": plain(lambda p, r: resized(p, 0.5)),
    "thumbnail_160": plain(lambda p, r: within(p, 160)),
    "brightness": plain(lambda p, r: cv2.convertScaleAbs(p, alpha=1.35, beta=15)),
    "gamma": plain(lambda p, r: cv2.LUT(p, (255 * (np.arange(256) / 255) ** 0.55).astype(np.uint8))),
    "grey": plain(lambda p, r: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)),
    "blur_2": plain(lambda p, r: cv2.GaussianBlur(p, (0, 0), 2)),
    "noise": plain(lambda p, r: noisy(p, 14, r)),
    "caption": caption,
    "padding_12": plain(lambda p, r: padded(p, 0.12)),
    "crop_5": plain(lambda p, r: cropped(p, 0.95)),
    "crop_30": plain(lambda p, r: cropped(p, 0.7, r)),
    "crop_50": plain(lambda p, r: cropped(p, 0.5, r)),
    "rotate_5": plain(lambda p, r: turned(p, 5)),
    "rotate_30": plain(lambda p, r: turned(p, 30)),
    "rotate_90": plain(lambda p, r: np.rot90(p)),
    "flip": plain(lambda p, r: p[:, ::-1]),
    "exif_6": plain(lambda p, r: np.rot90(p), QUALITY, 6),
}
HARD: dict[str, Edit] = {
    "mirror_crop_jpeg_40": plain(lambda p, r: cropped(p[:, ::-1], 0.775, r), 40),
    "crop_to_30_of_sides": plain(lambda p, r: cropped(p, 0.3, r)),
    "collage": collage,
    "perspective": plain(lambda p, r: at_an_angle(p, r, 0.16)),
    "screenshot": screenshot,
    "px_96": plain(lambda p, r: within(p, 96)),
    "hue_posterised": recoloured,
    "meme": meme,
    "turned_45": plain(lambda p, r: turned(p, 45, is_padded=True)),
    "print": photo_of_print,
}
