"""What stands where at the four camera places."""

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import scenery as s

GREENS = np.array([s.linear(74, 104, 40), s.linear(94, 122, 52), s.linear(58, 88, 38), s.linear(112, 132, 58)])
DARK_GREENS = np.array([s.linear(48, 72, 34), s.linear(60, 84, 40), s.linear(70, 92, 42)])
MEADOW = np.array([s.linear(104, 124, 54), s.linear(128, 138, 66), s.linear(150, 146, 84), s.linear(88, 112, 48)])
STRAW = np.array([s.linear(160, 146, 92), s.linear(138, 134, 72), s.linear(112, 126, 58), s.linear(176, 160, 108)])
LITTER = np.array([s.linear(128, 88, 52), s.linear(150, 108, 64), s.linear(104, 72, 46), s.linear(168, 132, 82), s.linear(96, 84, 52)])
# Height of a tree whose top is out of the picture, in metres; width of a furrow.
TALL, FURROW = 99.0, 0.45
BARK, PINE_BARK, BIRCH_BARK = s.linear(112, 98, 82), s.linear(124, 90, 66), s.linear(206, 202, 192)


def leaf_wall(c: s.Canvas, base: float, count: int, depth: float, palette: np.ndarray, holes: float) -> None:
    """Leaf canopy from the top edge down to a row, thinner (more sky holes) towards the middle of the picture."""
    open_sky = s.cloud_noise(c.rng, (s.PAINT_H, s.PAINT_W), 150, 3)
    for _ in range(count):
        x, y = c.rng.uniform(-30, s.PAINT_W + 30), c.rng.uniform(-40, base)
        gap = open_sky[int(np.clip(y, 0, s.PAINT_H - 1)), int(np.clip(x, 0, s.PAINT_W - 1))]
        if gap + 1.2 * np.exp(-(((x / s.PAINT_W - 0.5) / 0.22) ** 2)) < holes or y > base * 0.8:
            s.clump(c, x, y, c.rng.uniform(30, 80), c.rng.uniform(22, 50), 70, 11, palette * c.rng.uniform(0.6, 1.1), depth)


def by_depth(things: list[tuple[float, Callable, tuple]]) -> None:
    """Paint the far things first; a thing is its distance, a painter and the painter's arguments."""
    for _, paint, arguments in sorted(things, key=lambda thing: -thing[0]):
        paint(*arguments)


def forest_path(seed: int = 11) -> s.Place:
    """CAM01: a path between trunks, ferns and leaf litter."""
    c = s.Canvas(seed, 380, 1.15)
    s.wooded_ridge(c, 420, 150, 60, 46, DARK_GREENS * 1.1)
    leaf_wall(c, 300, 260, 38, GREENS, 0.75)
    ground = s.lay_ground(c, [s.linear(104, 86, 56), s.linear(86, 90, 46), s.linear(142, 112, 74)], 0.5)
    z = ground[2]
    s.tread_path(c, ground, 0.5 * np.sin(z * 0.22 + 0.4) + 0.02 * z, 0.62, s.linear(140, 122, 98))
    s.scatter_leaves(c, 7000, LITTER, 0.07, 2.6)
    s.wooded_ridge(c, 440, 70, 27, 40, GREENS * 0.75)
    r, things = c.rng, []
    for depth in np.linspace(34, 6.5, 40):
        x = r.choice([-1, 1]) * (1.5 + r.random() * (1.0 + depth * 0.42))
        radius, lean, birch = r.uniform(0.09, 0.2), r.normal(0, 0.025), r.random() < 0.14
        bark = BIRCH_BARK if birch else BARK * r.uniform(0.7, 1.15)
        things.append((depth, s.trunk, (c, x, depth, radius, bark, TALL, lean, birch)))
    for x, depth, radius in ((-2.05, 4.9, 0.25), (2.45, 5.6, 0.22), (-3.3, 8.2, 0.2), (1.75, 9.2, 0.16)):
        things.append((depth, s.trunk, (c, x, depth, radius, BARK, TALL, 0.0, False, 0.8)))
    for depth in np.concatenate([r.uniform(9, 26, 46), r.uniform(3.4, 9, 22)]):
        x = r.choice([-1, 1]) * (1.3 + r.random() * depth * 0.42)
        if r.random() < 0.5:
            things.append((depth, s.fern, (c, x, depth, r.uniform(0.45, 0.8), GREENS * 1.1)))
        else:
            things.append((depth, s.bush, (c, x, depth, r.uniform(0.6, 1.3), r.uniform(0.35, 0.9), GREENS * r.uniform(0.7, 1.1))))
    by_depth(things)
    s.grass(c, 900, 2.3, 8, 0.16, GREENS * 1.15, keep=lambda x, z: np.abs(x - 0.3) > 0.9)
    for x, depth, size in ((-1.25, 3.0, 0.62), (1.5, 2.9, 0.55), (-0.95, 2.55, 0.4)):
        s.fern(c, x, depth, size, GREENS * 1.1)
    leaf_wall(c, 70, 22, 6, GREENS * 0.7, 0.3)
    return c.finish(under_trees=1.0)


def clearing(seed: int = 22) -> s.Place:
    """CAM02: a meadow clearing before wooded hills."""
    c = s.Canvas(seed, 360, 1.0)
    s.wooded_ridge(c, 330, 150, 280, 15, DARK_GREENS)
    s.wooded_ridge(c, 345, 85, 170, 20, DARK_GREENS * 1.05)
    s.wooded_ridge(c, 362, 60, 75, 40, GREENS * 0.85)
    s.lay_ground(c, [s.linear(112, 124, 58), s.linear(140, 138, 78), s.linear(92, 112, 50)], 0.4)
    s.grass(c, 5000, 9, 45, 0.3, MEADOW)
    s.trunk(c, -7.6, 22, 0.28, PINE_BARK)
    for _ in range(16):
        s.clump(c, 310 + c.rng.normal(-150, 90), c.rng.uniform(-30, 210), 85, 44, 150, 11, DARK_GREENS * c.rng.uniform(0.75, 1.2), 21)
    s.bush(c, 7.2, 19, 3.2, 1.7, GREENS)
    s.bush(c, 5.4, 21, 2.2, 1.1, DARK_GREENS * 1.2)
    s.bush(c, -5.2, 17, 2.4, 1.0, GREENS * 0.9)
    s.rock(c, 2.9, 9.5, 0.45, 0.3, s.linear(140, 136, 126))
    s.grass(c, 6500, 2.2, 11, 0.24, MEADOW)
    s.grass(c, 260, 1.9, 3.0, 0.5, MEADOW * 0.9, keep=lambda x, z: np.abs(x) > 0.35)
    return c.finish(under_trees=0.15)


def mirror_water(c: s.Canvas, mask: np.ndarray, top: int, depth: np.ndarray) -> None:
    """Turn masked ground into water that mirrors what stands behind it."""
    h, w = mask.shape
    rows, cols = np.meshgrid(np.arange(h, dtype=np.float32), np.arange(w, dtype=np.float32), indexing="ij")
    wave = s.cloud_noise(c.rng, (h, w), 26, 3, 5.0)
    grow = 0.3 + rows / h
    xs, ys = cols + 4 * wave * grow, np.clip(c.horizon - 0.75 * rows + 9 * wave * grow, 0, s.PAINT_H - 1)
    colour, form = cv2.remap(c.colour, xs, ys, cv2.INTER_LINEAR), cv2.remap(c.form, xs, ys, cv2.INTER_LINEAR)
    rgb = colour[..., :3] * (1 - form[..., 3:]) * 0.5 + s.linear(72, 76, 62) * 0.6
    rgb += s.smooth(1.2, 2.6, wave)[..., None] * 0.16
    sky = form[..., 3] * 0.3
    c.blend(top, 0, mask, rgb, depth, 0.25 * wave, 0.6, 1.3)
    c.form[top : top + h, :, 3] += sky * mask


def stream(seed: int = 33) -> s.Place:
    """CAM03: a stream with a stony bank in a wooded valley."""
    c = s.Canvas(seed, 340, 1.3)
    s.wooded_ridge(c, 390, 230, 90, 50, DARK_GREENS * 1.1)
    leaf_wall(c, 250, 150, 40, GREENS * 0.9, 0.55)
    s.wooded_ridge(c, 385, 60, 32, 50, GREENS * 0.85)
    top, x, z = s.lay_ground(c, [s.linear(118, 106, 82), s.linear(92, 98, 56), s.linear(150, 138, 114)], 0.5)
    s.scatter_leaves(c, 2500, LITTER, 0.06, 2.6)
    middle = -0.9 + 0.9 * np.sin(z * 0.3 + 0.2)
    shore = 1.15 + 0.05 * z - np.abs(x - middle) + 0.16 * s.plane_noise(c, x, z, (0.3, 1.0))
    c.colour[top:, :, :3] *= (1 - 0.55 * s.smooth(-0.35, -0.02, shore))[..., None]
    mirror_water(c, s.smooth(-0.04, 0.08, shore).astype(np.float32), top, z)
    s.wooded_ridge(c, 412, 100, 24, 38, GREENS * 0.75)
    r, things = c.rng, []
    for depth in np.sort(r.uniform(2.9, 17, 85)):
        side = r.choice([-1, 1])
        x0 = -0.9 + 0.9 * np.sin(depth * 0.3 + 0.2) + side * (1.1 + 0.05 * depth + abs(r.normal(0, 0.35)))
        size = r.uniform(0.07, 0.34) * (0.6 if x0 > 0.6 else 1)
        colour = s.linear(136, 130, 120) * r.uniform(0.6, 1.15)
        things.append((depth, s.rock, (c, x0, depth, size, size * r.uniform(0.55, 0.85), colour)))
    for x0, depth, size in ((-0.9, 6.2, 0.3), (-0.3, 8.5, 0.26), (-1.6, 4.4, 0.26), (0.1, 11.5, 0.4)):
        things.append((depth, s.rock, (c, x0, depth, size, size * 0.6, s.linear(120, 116, 108))))
    for x0, depth, radius in ((3.4, 9, 0.2), (-5.0, 11, 0.24), (5.4, 14, 0.25), (-6.4, 18, 0.25), (2.6, 17, 0.2), (-3.2, 21, 0.2)):
        things.append((depth, s.trunk, (c, x0, depth, radius, BARK * 0.85, TALL, 0.0, False, 0.9)))
    for depth in r.uniform(6, 22, 34):
        x0 = r.choice([-1, 1]) * (2.3 + r.random() * depth * 0.35)
        things.append((depth, s.fern, (c, x0, depth, 0.6, GREENS * 1.1)))
        things.append((depth + 1, s.bush, (c, x0 * 1.25, depth + 1, 1.2, 0.6, GREENS * r.uniform(0.7, 1))))
    by_depth(things)
    s.grass(c, 1500, 2.6, 12, 0.22, GREENS * 1.2, keep=lambda x, z: (x > 1.5 + 0.12 * z) | (x < -2.6 - 0.1 * z))
    leaf_wall(c, 60, 18, 7, GREENS * 0.7, 0.0)
    return c.finish(under_trees=0.6)


def fence(c: s.Canvas, first: int, last: int) -> None:
    """Fence posts and wires along the field, numbered from far to near."""
    posts = [(1.75 - 0.42 * k, 3.7 + 2.5 * k) for k in range(last, first - 1, -1)]
    for (x0, z0), (x1, z1) in itertools.pairwise(posts):
        a, b = c.foot(x0, z0), c.foot(x1, z1)
        for height in (0.35, 0.7, 1.02):
            t = np.linspace(0, 1, 24)
            y = (a[1] - height * a[2]) * (1 - t) + (b[1] - height * b[2]) * t + 0.03 * b[2] * np.sin(np.pi * t)
            thick = 0.5 + 0.0035 * (a[2] + (b[2] - a[2]) * t)
            line = np.stack([a[0] + (b[0] - a[0]) * t, y], -1)
            quads = np.stack([line[:-1], line[1:], line[1:] + (0, 2), line[:-1] + (0, 2)], 1)
            quads[:, 2:, 1] += thick[:-1, None] - 1
            c.strokes(quads, np.tile(s.linear(130, 126, 120), (23, 1)), np.full(23, z1), np.tile([0, 0.5, 0], (23, 1)))
        s.trunk(c, x1, z1, 0.055, s.linear(142, 130, 112), height=1.15 + 0.06 * np.sin(7 * z1), lean=0.04 * np.sin(3 * z1), moss=0.35)


def field_edge(seed: int = 44) -> s.Place:
    """CAM04: the edge of a field, a fence and a far row of trees."""
    c = s.Canvas(seed, 370, 1.1)
    s.wooded_ridge(c, 352, 70, 290, 14, DARK_GREENS)
    s.wooded_ridge(c, 372, 26, 150, 22, GREENS * 0.8)
    for x0, size in ((150, 60), (205, 78), (262, 54), (960, 50), (1010, 64)):
        for _ in range(6):
            x, y = x0 + c.rng.normal(0, size * 0.25), 372 - size * c.rng.uniform(0.4, 1.5)
            s.clump(c, x, y, size * 0.5, size * 0.45, 80, 7, DARK_GREENS, 90)
    top, x, z = s.lay_ground(c, [s.linear(128, 132, 66), s.linear(150, 142, 84), s.linear(106, 118, 56)], 0.4)
    furrow = np.clip(FURROW * s.FOCAL / z / 7, 0, 1) * np.cos(2 * np.pi * (x + 0.35 * z) / FURROW)
    field = s.smooth(-0.4, 0.5, 0.2 + 0.2 * z - x)
    c.colour[top:, :, :3] *= (1 + field * 0.42 * furrow)[..., None]
    s.grass(c, 7000, 5, 40, 0.26, STRAW, keep=lambda x, z: x < 0.2 + 0.2 * z)
    s.grass(c, 2500, 5, 28, 0.34, MEADOW, keep=lambda x, z: x > 0.1 + 0.2 * z)
    for x0, depth in ((8.2, 22), (6.6, 15), (9.8, 19)):
        s.bush(c, x0, depth, 2.6, 1.5, GREENS)
    fence(c, 0, 13)
    s.grass(c, 4500, 2.1, 7, 0.22, np.vstack([MEADOW, STRAW[:2]]))
    s.grass(c, 160, 1.9, 2.6, 0.5, STRAW, keep=lambda x, z: (x > 0.3) | (x < -0.6))
    return c.finish(under_trees=0.0)


PLACES = {"CAM01": forest_path, "CAM02": clearing, "CAM03": stream, "CAM04": field_edge}
