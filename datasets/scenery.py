"""Four invented camera places, painted once each into buffers (colour, depth, surface direction) that the light is applied to later."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
# Painted at twice the size and averaged down, because OpenCV draws float images without anti-aliasing.
PAINT_W, PAINT_H = 2 * WIDTH, 2 * HEIGHT
FOCAL = 1400.0
FAR = 300.0


@dataclass
class Place:
    """Buffers of one place at final size: colour = r, g, b (linear), depth in m; form = facing right, facing up, sway, sky."""

    colour: np.ndarray
    form: np.ndarray
    horizon: float
    eye: float
    under_trees: float

    def foot(self, x: float, z: float) -> tuple[float, float, float]:
        """Pixel of the ground point x m to the right and z m away, and the pixels a metre takes there."""
        scale = FOCAL / 2 / z
        return WIDTH / 2 + x * scale, self.horizon + self.eye * scale, scale


def linear(*rgb: float) -> np.ndarray:
    """Display colour 0..255 as linear light."""
    return (np.array(rgb, np.float32) / 255) ** 2.2


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Colour between a (share 0) and b (share 1)."""
    return a + (b - a) * np.clip(share, 0, 1)[..., None]


def smooth(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Soft step from 0 at low to 1 at high."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def cloud_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 4, stretch: float = 1.0) -> np.ndarray:
    """Fractal noise about 0, standard deviation 1; stretch > 1 draws it out horizontally."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        grid = rng.standard_normal((int(shape[0] / size) + 3, int(shape[1] / size / stretch) + 3)).astype(np.float32)
        total += cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def tiled(lattice: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of an endlessly repeated 256 x 256 lattice at points between its nodes."""
    xs, ys = np.mod(x, 256).astype(np.float32), np.mod(y, 256).astype(np.float32)
    return cv2.remap(lattice, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)


class Canvas:
    """A place while it is being painted, from far to near."""

    def __init__(self, seed: int, horizon: float, eye: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.horizon, self.eye = horizon, eye
        self.colour = np.zeros((PAINT_H, PAINT_W, 4), np.float32)
        self.form = np.zeros((PAINT_H, PAINT_W, 4), np.float32)
        self.colour[..., 3] = FAR
        self.form[..., 3] = 1

    def foot(self, x: float, z: float) -> tuple[float, float, float]:
        """Pixel of a ground point, and the pixels a metre takes there."""
        return PAINT_W / 2 + x * FOCAL / z, self.horizon + self.eye * FOCAL / z, FOCAL / z

    def blend(
        self,
        top: int,
        left: int,
        alpha: np.ndarray,
        rgb: np.ndarray,
        depth: np.ndarray | float,
        right: np.ndarray | float = 0.0,
        up: np.ndarray | float = 0.0,
        sway: float = 0.0,
    ) -> None:
        """Lay a patch over what is there."""
        h, w = alpha.shape
        colour, form = self.colour[top : top + h, left : left + w], self.form[top : top + h, left : left + w]
        a = alpha[..., None]
        new_colour = np.dstack([np.broadcast_to(rgb, (h, w, 3)), np.broadcast_to(np.float32(depth), (h, w))])
        new_form = np.dstack([np.broadcast_to(np.float32(v), (h, w)) for v in (right, up, sway, 0.0)])
        colour += (new_colour - colour) * a
        form += (new_form - form) * a

    def strokes(self, shapes: np.ndarray, rgb: np.ndarray, depth: np.ndarray, form: np.ndarray) -> None:
        """Fill many small convex shapes (n, points, 2), later ones over earlier ones."""
        points = np.round(shapes * 8).astype(np.int32)
        colours = np.column_stack([rgb, depth]).astype(float).tolist()
        forms = np.column_stack([form, np.zeros(len(form))]).astype(float).tolist()
        for shape, colour, facing in zip(points, colours, forms, strict=True):
            cv2.fillConvexPoly(self.colour, shape, colour, cv2.LINE_8, 3)
            cv2.fillConvexPoly(self.form, shape, facing, cv2.LINE_8, 3)

    def finish(self, under_trees: float) -> Place:
        """Average the doubled buffers down to final size."""

        def halve(a: np.ndarray) -> np.ndarray:
            return a.reshape(HEIGHT, 2, WIDTH, 2, 4).mean((1, 3))

        return Place(halve(self.colour), halve(self.form), self.horizon / 2, self.eye, under_trees)


# ---------------------------------------------------------------- the ground


def ground_axes(c: Canvas) -> tuple[int, np.ndarray, np.ndarray]:
    """First ground row, and metres to the right and away of every ground pixel."""
    top = int(c.horizon) + 8
    z = np.repeat(c.eye * FOCAL / (np.arange(top, PAINT_H, dtype=np.float32) - c.horizon), PAINT_W).reshape(-1, PAINT_W)
    return top, (np.arange(PAINT_W, dtype=np.float32) - PAINT_W / 2) * z / FOCAL, z


def plane_noise(c: Canvas, x: np.ndarray, z: np.ndarray, waves: tuple[float, ...]) -> np.ndarray:
    """Noise lying on the ground in perspective; waves finer than a pixel fade out."""
    total = np.zeros_like(x)
    for wave in waves:
        lattice = c.rng.standard_normal((256, 256)).astype(np.float32)
        total += tiled(lattice, x / wave, z / wave) * np.clip(wave * c.eye * FOCAL / (2 * z * z), 0, 1)
    return total / np.sqrt(len(waves))


def lay_ground(c: Canvas, colours: list[np.ndarray], rough: float) -> tuple[int, np.ndarray, np.ndarray]:
    """Ground in three colours mixed by noise, with a bumpy surface."""
    top, x, z = ground_axes(c)
    patches, fine = plane_noise(c, x, z, (0.7, 1.9, 5.0)), plane_noise(c, x, z, (0.04, 0.09, 0.2, 0.45))
    rgb = mix(np.broadcast_to(colours[0], (*x.shape, 3)), colours[1], 0.5 + 0.5 * patches)
    rgb = mix(rgb, colours[2], smooth(0.2, 1.6, fine)) * np.clip(1 + 0.15 * fine, 0.35, 1.8)[..., None]
    bump = np.gradient(cv2.GaussianBlur(fine, (0, 0), 1.5))
    c.blend(top, 0, np.ones_like(x), rgb, z, -rough * bump[1], np.clip(0.85 + rough * bump[0], 0.1, 0.99))
    return top, x, z


def tread_path(c: Canvas, ground: tuple[int, np.ndarray, np.ndarray], bend: np.ndarray, half: float, colour: np.ndarray) -> None:
    """A worn path; bend holds its sideways position for every ground pixel."""
    top, x, z = ground
    edge = half * (1 + 0.25 * plane_noise(c, x, z, (0.25, 0.8))) - np.abs(x - bend)
    fine = plane_noise(c, x, z, (0.05, 0.12, 0.4))
    rut = 0.85 + 0.15 * np.cos((x - bend) / half * 5)
    c.blend(top, 0, smooth(-0.12, 0.2, edge) * 0.9, colour * (np.clip(1 + 0.2 * fine, 0.4, 1.6) * rut)[..., None], z, 0.05 * fine, 0.9)


def scatter_leaves(c: Canvas, count: int, palette: np.ndarray, size: float, spread: float) -> None:
    """Fallen leaves on the ground."""
    z = np.sort(2.0 + 16 * c.rng.random(count) ** 1.8)[::-1]
    x = c.rng.normal(0, spread, count)
    px, py, scale = PAINT_W / 2 + x * FOCAL / z, c.horizon + c.eye * FOCAL / z, FOCAL / z
    rgb = palette[c.rng.integers(0, len(palette), count)] * c.rng.uniform(0.75, 1.2, (count, 1))
    form = np.column_stack([c.rng.normal(0, 0.3, count), c.rng.uniform(0.4, 0.95, count), np.zeros(count)])
    lens = leaf_shapes(c, px, py, size * scale, 0.5 * size * scale, c.rng.uniform(0, np.pi, count))
    lens[..., 1] = py[:, None] + (lens[..., 1] - py[:, None]) * 0.45
    c.strokes(lens, rgb, z - 0.05, form)


# ---------------------------------------------------------------- plants


def leaf_shapes(c: Canvas, x: np.ndarray, y: np.ndarray, length: np.ndarray, width: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Pointed leaf outlines."""
    along = np.array([-0.5, -0.2, 0.2, 0.5, 0.2, -0.2])
    across = np.array([0, 0.42, 0.42, 0, -0.42, -0.42])
    u, v = along * np.asarray(length)[:, None], across * np.asarray(width)[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.stack([x[:, None] + u * cos - v * sin, y[:, None] + u * sin + v * cos], -1)


def clump(c: Canvas, x: float, y: float, rx: float, ry: float, count: int, leaf: float, palette: np.ndarray, depth: float) -> None:
    """A rounded mass of leaves (crown or bush), dark inside and below, light outside and above; sizes in pixels."""
    rng = c.rng
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    lump = 1 + 0.16 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.12 * np.sin(7 * angle + rng.uniform(0, 6))
    dx, dy = radius * np.cos(angle) * lump, radius * np.sin(angle) * lump
    near = rng.random(count)
    order = np.argsort(near)
    dx, dy, near = dx[order], dy[order], near[order]
    light = (0.45 + 0.55 * near) * (0.85 - 0.3 * dy)
    rgb = palette[rng.integers(0, len(palette), count)] * (light * rng.uniform(0.85, 1.15, count))[:, None]
    form = np.column_stack([0.6 * dx + rng.normal(0, 0.12, count), 0.35 - 0.5 * dy + rng.normal(0, 0.12, count), np.full(count, 0.7)])
    size = leaf * rng.uniform(0.6, 1.4, count)
    shapes = leaf_shapes(c, x + dx * rx, y + dy * ry, size, size * 0.6, rng.uniform(0, np.pi, count))
    c.strokes(shapes, rgb, depth - 0.3 * near, np.clip(form, -0.95, 0.95))


def bush(c: Canvas, x: float, z: float, width: float, height: float, palette: np.ndarray, leaf: float = 0.06) -> None:
    """A bush of several clumps standing on the ground; sizes in metres."""
    px, py, scale = c.foot(x, z)
    size = max(leaf * scale, 4.0)
    for _ in range(5):
        cx, cy = px + c.rng.normal(0, 0.3) * width * scale, py - height * scale * c.rng.uniform(0.25, 0.7)
        count = int(np.clip(1.5 * width * height * scale * scale / size**2, 60, 900))
        clump(c, cx, cy, width * scale * 0.4, height * scale * 0.38, count, size, palette, z)


def fern(c: Canvas, x: float, z: float, size: float, palette: np.ndarray) -> None:
    """A fern: arching fronds with narrowing leaflets."""
    px, py, scale = c.foot(x, z)
    for turn in c.rng.permutation(np.linspace(-1.25, 1.25, 11)):
        reach = size * scale * c.rng.uniform(0.75, 1.1)
        t = np.repeat(np.linspace(0.12, 1, 24), 2)
        side = np.tile([-1.0, 1.0], 24)
        rib_x, rib_y = px + np.sin(turn) * reach * t, py - reach * (np.cos(turn * 0.8) * t - 0.55 * t * t * (0.4 + abs(turn)))
        length = reach * 0.19 * np.sin(np.pi * (0.12 + 0.86 * t)) + 1.5
        angle = turn - np.pi / 2 + side * 1.1 + 0.5 * turn * t
        middle_x, middle_y = rib_x + 0.5 * length * np.cos(angle), rib_y + 0.5 * length * np.sin(angle)
        shapes = leaf_shapes(c, middle_x, middle_y, length, length * 0.26 + 1.2, angle)
        rgb = palette[c.rng.integers(0, len(palette))] * (c.rng.uniform(0.65, 1.2) * (0.55 + 0.5 * t))[:, None]
        form = np.column_stack([np.full(48, 0.5 * np.sin(turn)) + side * 0.15, 0.35 + 0.3 * t, 0.8 * t])
        c.strokes(shapes, rgb, np.full(48, z), form)


def grass(
    c: Canvas,
    count: int,
    near: float,
    far: float,
    height: float,
    palette: np.ndarray,
    keep: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> None:
    """Grass blades standing on the ground, denser near the camera; keep(x, z) tells where grass grows."""
    rng = c.rng
    z = np.sort(near + (far - near) * rng.random(count) ** 2.2)[::-1]
    x = rng.uniform(-0.5, 0.5, count) * PAINT_W * z / FOCAL * 1.1
    if keep is not None:
        z, x = z[keep(x, z)], x[keep(x, z)]
    n = len(z)
    px, py, scale = PAINT_W / 2 + x * FOCAL / z, c.horizon + c.eye * FOCAL / z, FOCAL / z
    tall = height * scale * rng.uniform(0.4, 1.25, n) * (1 + 0.35 * np.sin(x * 1.7) * np.cos(z * 1.1))
    lean, thick = rng.normal(0.08, 0.33, n) * tall, np.maximum(0.006 * scale, 1.1)
    xs = np.stack([px - thick, px - thick * 0.7 + lean * 0.3, px + lean, px + thick * 0.7 + lean * 0.3, px + thick], -1)
    ys = np.stack([py, py - tall * 0.55, py - tall, py - tall * 0.55, py], -1)
    rgb = palette[rng.integers(0, len(palette), n)] * rng.uniform(0.75, 1.15, (n, 1))
    form = np.column_stack([rng.normal(0, 0.18, n), rng.uniform(0.35, 0.7, n), np.clip(tall / 120, 0.15, 1)])
    c.strokes(np.stack([xs, ys], -1), rgb, z, form)


def trunk(
    c: Canvas,
    x: float,
    z: float,
    radius: float,
    bark: np.ndarray,
    height: float = 99.0,
    lean: float = 0.0,
    birch: bool = False,
    moss: float = 0.5,
) -> None:
    """A tree trunk (or, with a height, a post): a cylinder with bark."""
    px, py, scale = c.foot(x, z)
    top, bottom = int(max(0, py - height * scale)), int(min(PAINT_H, py + 0.02 * scale))
    up = (py - np.arange(top, bottom, dtype=np.float32)) / scale
    flare = 0.0 if height < 5 else 0.55
    half = radius * scale * (1 + flare * np.exp(-np.maximum(up, 0) / 0.22)) * np.clip(1 - 0.03 * up, 0.4, 1)
    middle = px + lean * up * scale + 0.02 * scale * np.sin(up * 2.1 + x * 9)
    left, right = int(max(0, (middle - half).min() - 2)), int(min(PAINT_W, (middle + half).max() + 3))
    if right - left < 2 or bottom - top < 2:
        return
    u = (np.arange(left, right, dtype=np.float32)[None] - middle[:, None]) / half[:, None]
    around, rise = np.arcsin(np.clip(u, -1, 1)) * radius, np.repeat(up[:, None], right - left, 1)
    lattice = c.rng.standard_normal((256, 256)).astype(np.float32)

    def ripple(wide: float, tall: float) -> np.ndarray:
        return tiled(lattice, around / wide + 40, rise / tall + 9)

    if birch:
        rgb = bark * np.clip(1 + 0.1 * ripple(0.1, 0.1), 0.6, 1.3)[..., None]
        rgb = mix(rgb, linear(45, 40, 38), smooth(0.9, 1.3, ripple(0.11, 0.035)) + smooth(0.5, 0.0, rise) * 0.6)
        ridge = np.zeros_like(u)
    else:
        ridge = (np.abs(ripple(0.03, 0.22)) + 0.6 * np.abs(ripple(0.014, 0.09))) * np.clip(scale / 130, 0.25, 1)
        rgb = bark * np.clip(0.58 + 0.42 * ridge, 0.3, 1.6)[..., None]
    rgb = mix(rgb, linear(84, 96, 42), moss * smooth(-0.2, 1.3, ripple(0.12, 0.3) + 0.7 * u + 0.9 - 0.9 * rise))
    alpha = np.clip((1 - np.abs(u)) * half[:, None], 0, 1) * np.clip((rise * scale + 3 + 2 * ripple(0.05, 0.2)) / 4, 0, 1)
    facing = np.clip(u * 0.95 + 0.18 * np.gradient(ridge, axis=1), -0.97, 0.97)
    c.blend(top, left, alpha, rgb, z, facing, 0.05)


def rock(c: Canvas, x: float, z: float, rx: float, ry: float, colour: np.ndarray, moss: float = 0.4) -> None:
    """A boulder, half sunk into the ground."""
    px, py, scale = c.foot(x, z)
    w, h = int(rx * scale * 2.6), int(ry * scale * 2.6)
    left, top = int(px - w / 2), int(py - h * 0.72)
    xx, yy = np.meshgrid((np.arange(w) - w / 2) / (rx * scale), (np.arange(h) - h / 2) / (ry * scale))
    angle, tilt = np.arctan2(yy, xx), c.rng.uniform(-0.4, 0.4)
    outline = 1 + 0.1 * np.sin(2 * angle + c.rng.uniform(0, 6)) + 0.06 * np.sin(5 * angle + c.rng.uniform(0, 6))
    rho = (np.abs(xx + tilt * yy) ** 2.5 + np.abs(yy) ** 2.5) ** 0.4 / outline
    grain = cloud_noise(c.rng, (h, w), max(w / 3, 6), 5)
    dome = (np.sqrt(np.clip(1 - rho**2, 0, 1)) + 0.06 * grain).astype(np.float32)
    gy, gx = np.gradient(cv2.GaussianBlur(dome, (0, 0), 1.2))
    right, up = np.clip(-gx * rx * scale * 0.8, -0.95, 0.95), np.clip(-gy * ry * scale * -0.8, -0.95, 0.95)
    rgb = mix(colour * np.clip(1 + 0.16 * grain, 0.4, 1.6)[..., None], linear(88, 100, 48), moss * smooth(0.1, 1.2, up * 1.2 + 0.5 * grain))
    rgb = rgb * np.clip(1.15 - 0.5 * smooth(0.2, 0.75, yy), 0.3, 1.2)[..., None]
    alpha = np.clip((1 - rho) * min(rx, ry) * scale / 2, 0, 1) * smooth(0.62, 0.5, yy + 0.05 * grain)
    y0, y1, x0, x1 = max(0, -top), min(h, PAINT_H - top), max(0, -left), min(w, PAINT_W - left)
    if y1 > y0 and x1 > x0:
        cut = (slice(y0, y1), slice(x0, x1))
        c.blend(top + y0, left + x0, alpha[cut].astype(np.float32), rgb[cut], z, right[cut], up[cut])


def wooded_ridge(c: Canvas, base: float, rise: float, depth: float, crown: float, palette: np.ndarray) -> None:
    """A row of tree crowns along a hill line (rows in pixels), filled below with woods."""
    x = np.arange(-20, PAINT_W + 40, crown * 0.55)
    line = base - rise * (0.6 + 0.4 * np.interp(x, np.linspace(-40, PAINT_W + 60, 7), c.rng.uniform(-1, 1, 7)))
    rows, edge = np.arange(PAINT_H)[:, None], np.interp(np.arange(PAINT_W), x, line)[None] + crown * 0.5
    fill = np.clip(rows - edge, 0, 1) * (rows < base + crown * 0.4)
    c.blend(0, 0, fill.astype(np.float32), palette.mean(0) * 0.55, depth, 0.0, 0.3, 0.3)
    for row in range(4):
        for cx, top in zip(x, line, strict=True):
            y = top + row * max((base - top) / 3.2, crown * 0.4)
            size = crown * c.rng.uniform(0.7, 1.25)
            tone, nearer = palette * c.rng.uniform(0.7, 1.2), depth * (1 - 0.06 * row)
            clump(c, cx + c.rng.normal(0, crown * 0.2), y, size * 0.6, size * 0.75, 55, max(crown * 0.24, 4), tone, nearer)
