"""Animals and a walker as rounded bodies with fur, seen from the side, ready to be set into a place."""

from dataclasses import dataclass

import cv2
import numpy as np
import scenery as s

# One bone: start x, y and radius, end x, y and radius (metres, y up, nose towards +x), colour.
Bone = tuple[float, float, float, float, float, float, np.ndarray]


@dataclass
class Build:
    """Proportions of a four-legged animal in metres."""

    length: float
    hip: float
    shoulder: float
    rump: float
    chest: float
    leg: float
    neck: float
    neck_up: float
    head: float
    skull: float
    ear: float
    tail: float
    tail_up: float
    coat: np.ndarray
    belly: np.ndarray
    legs: np.ndarray
    tail_tip: np.ndarray
    muzzle: float = 0.45


BUILDS = {
    "deer": Build(
        0.72,
        0.60,
        0.58,
        0.165,
        0.175,
        0.024,
        0.36,
        1.0,
        0.23,
        0.072,
        0.15,
        0.07,
        -0.9,
        s.linear(146, 98, 60),
        s.linear(176, 146, 110),
        s.linear(126, 88, 58),
        s.linear(222, 212, 196),
        0.42,
    ),
    "fox": Build(
        0.42,
        0.34,
        0.33,
        0.085,
        0.095,
        0.019,
        0.13,
        0.55,
        0.15,
        0.062,
        0.09,
        0.40,
        -0.35,
        s.linear(176, 98, 44),
        s.linear(214, 196, 170),
        s.linear(58, 42, 34),
        s.linear(226, 218, 204),
        0.3,
    ),
    "boar": Build(
        0.78,
        0.56,
        0.62,
        0.20,
        0.27,
        0.034,
        0.20,
        -0.12,
        0.36,
        0.135,
        0.11,
        0.22,
        -1.2,
        s.linear(82, 70, 58),
        s.linear(72, 60, 50),
        s.linear(52, 44, 38),
        s.linear(46, 40, 34),
        0.42,
    ),
    "hare": Build(
        0.26,
        0.17,
        0.19,
        0.105,
        0.075,
        0.017,
        0.08,
        0.8,
        0.10,
        0.05,
        0.125,
        0.06,
        0.5,
        s.linear(166, 136, 98),
        s.linear(206, 194, 172),
        s.linear(142, 112, 78),
        s.linear(230, 224, 212),
        0.6,
    ),
    "badger": Build(
        0.46,
        0.22,
        0.22,
        0.135,
        0.12,
        0.032,
        0.14,
        0.12,
        0.22,
        0.075,
        0.035,
        0.14,
        -0.5,
        s.linear(138, 134, 126),
        s.linear(56, 52, 48),
        s.linear(42, 40, 38),
        s.linear(170, 166, 156),
        0.4,
    ),
}


def leg_bones(b: Build, x: float, top: float, swing: float, hind: bool, shade: float) -> list[Bone]:
    """Thigh, shank and foot of one leg."""
    thick, coat, low = b.leg, b.coat * shade, b.legs * shade
    foot = x + swing * top * 0.38
    knee = (x + (0.10 if hind else 0.0) * top + swing * top * 0.1, top * 0.66)
    hock = (x + (-0.14 if hind else 0.03) * top + swing * top * 0.26, top * 0.38)
    thigh = (b.rump * 0.72 if hind else b.chest * 0.55) * (0.9 if top > 0.3 else 0.75)
    return [
        (x, top * 0.92, thigh, *knee, thick * 2.3, coat),
        (*knee, thick * 2.2, *hock, thick * 1.25, low),
        (*hock, thick * 1.2, foot, thick * 1.5, thick * 0.85, low),
        (foot, thick * 0.9, thick * 0.95, foot + thick * 1.3, thick * 0.6, thick * 0.75, low * 0.6),
    ]


def head_bones(b: Build, kind: str, down: float) -> tuple[list[Bone], tuple[float, float]]:
    """Neck, skull, muzzle, ears and markings; and where the eye is."""
    rise = b.neck_up * (1 - down) - 0.75 * down
    base = (b.length / 2 + 0.1 * b.length, b.shoulder + b.chest * 0.35)
    end = (base[0] + b.neck * np.cos(rise), base[1] + b.neck * np.sin(rise))
    dip = -0.38 - 0.75 * down
    nose = (end[0] + b.head * np.cos(dip), end[1] + b.head * np.sin(dip))
    side = (-np.sin(dip), np.cos(dip))
    stop = (end[0] + 0.45 * (nose[0] - end[0]), end[1] + 0.45 * (nose[1] - end[1]))
    face = s.linear(224, 220, 210) if kind == "badger" else b.coat
    snout = {"fox": b.belly, "badger": face}.get(kind, b.coat * 0.85)
    bones: list[Bone] = [
        (base[0] - 0.1 * b.length, base[1] - b.chest * 0.3, b.chest * 0.8, *end, b.skull * 0.85, b.coat),
        (*end, b.skull, *stop, b.skull * 0.82, face),
        (*stop, b.skull * 0.75, *nose, b.skull * b.muzzle, snout),
        (*nose, b.skull * b.muzzle * 0.8, nose[0] + 0.01, nose[1], b.skull * b.muzzle * 0.6, s.linear(32, 28, 26)),
    ]
    if kind == "badger":
        stripe = (end[0] - 0.04, end[1] + 0.018, b.skull * 0.3, stop[0] + 0.05, stop[1] + 0.002, b.skull * 0.2, s.linear(20, 18, 18))
        bones += [stripe] * 4
    back = dip + (2.2 if kind != "hare" else 2.35 + 0.25 * down)
    for lag in (0.0, 0.3):
        root = (end[0] + side[0] * b.skull * 0.75 - lag * 0.06, end[1] + side[1] * b.skull * 0.75)
        tip = (root[0] + b.ear * np.cos(back + lag), root[1] + b.ear * np.sin(back + lag))
        bones.append((*root, b.ear * 0.2, (root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2, b.ear * 0.23, b.coat * (0.8 - lag)))
        bones.append(((root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2, b.ear * 0.22, *tip, b.ear * 0.07, b.coat * (0.6 - lag)))
    eye = (end[0] + 0.38 * (stop[0] - end[0]) + side[0] * b.skull * 0.3, end[1] + 0.38 * (stop[1] - end[1]) + side[1] * b.skull * 0.3)
    return bones, eye


def quadruped(kind: str, stride: float, down: float) -> tuple[list[list[Bone]], tuple[float, float]]:
    """Far legs, then the body with the near legs; stride -1..1 is the walking phase, down 0..1 lowers the head."""
    b = BUILDS[kind]
    hip, sho = (-b.length / 2, b.hip), (b.length / 2, b.shoulder)
    far = leg_bones(b, hip[0] + 0.04 * b.length, b.hip, -stride, True, 0.55) + leg_bones(b, sho[0] + 0.02, b.shoulder, stride, False, 0.55)
    tail = (hip[0] - b.rump * 0.8, hip[1] + b.rump * 0.45)
    bend = (tail[0] - b.tail * 0.6 * np.cos(b.tail_up), tail[1] + b.tail * 0.6 * np.sin(b.tail_up))
    tip = (bend[0] - b.tail * 0.4 * np.cos(b.tail_up * 0.5), bend[1] + b.tail * 0.4 * np.sin(b.tail_up * 0.5))
    bushy = 0.055 if kind == "fox" else 0.03 if kind in ("badger", "hare") else 0.018
    body: list[Bone] = [
        (*hip, b.rump, *sho, b.chest, b.coat),
        (hip[0] + 0.1 * b.length, hip[1] - b.rump * 0.22, b.rump * 0.85, sho[0], sho[1] - b.chest * 0.2, b.chest * 0.92, b.coat),
        (
            hip[0] + 0.25 * b.length,
            hip[1] - b.rump * 0.62,
            b.rump * 0.5,
            sho[0] - 0.1 * b.length,
            sho[1] - b.chest * 0.6,
            b.chest * 0.5,
            b.belly,
        ),
        (*tail, bushy * 0.7, *bend, bushy, b.coat * 0.9),
        (*bend, bushy, *tip, bushy * 0.5, b.tail_tip),
    ]
    if kind == "deer":
        body.append((hip[0] - b.rump * 0.75, hip[1] + 0.02, b.rump * 0.34, hip[0] - b.rump * 0.7, hip[1] - 0.07, b.rump * 0.3, b.tail_tip))
    head, eye = head_bones(b, kind, down)
    near = leg_bones(b, hip[0], b.hip, stride, True, 1.0) + leg_bones(b, sho[0], b.shoulder, -stride * 0.9, False, 1.0)
    return [far, body + near + head], eye


def bird(stride: float, down: float) -> tuple[list[list[Bone]], tuple[float, float]]:
    """A pheasant-sized bird on the ground."""
    body, wing, dark = s.linear(122, 82, 48), s.linear(96, 72, 50), s.linear(40, 46, 44)
    hx, hy = 0.16 + 0.03 * down, 0.36 - 0.22 * down
    bones: list[Bone] = [
        (-0.10, 0.19, 0.075, 0.08, 0.21, 0.085, body),
        (-0.14, 0.20, 0.06, 0.03, 0.225, 0.06, wing),
        (0.09, 0.23, 0.06, hx, hy, 0.032, s.linear(70, 60, 48)),
        (hx, hy, 0.036, hx + 0.02, hy, 0.032, dark),
        (hx + 0.03, hy, 0.014, hx + 0.075, hy - 0.012, 0.004, s.linear(170, 160, 130)),
        (-0.15, 0.19, 0.04, -0.36, 0.15 + 0.02 * stride, 0.016, wing),
        (-0.36, 0.15 + 0.02 * stride, 0.016, -0.52, 0.13, 0.006, body),
    ]
    legs: list[Bone] = []
    for swing in (stride, -stride):
        legs += [
            (0.0, 0.14, 0.03, 0.01 + 0.03 * swing, 0.08, 0.011, wing),
            (0.01 + 0.03 * swing, 0.08, 0.009, 0.01 + 0.07 * swing, 0.005, 0.007, s.linear(150, 136, 104)),
        ]
    return [legs, bones], (hx + 0.012, hy + 0.008)


def walker(stride: float, down: float) -> tuple[list[list[Bone]], tuple[float, float]]:
    """A person with a backpack, walking."""
    coat, trousers, pack, skin = s.linear(62, 86, 112), s.linear(92, 84, 70), s.linear(168, 62, 40), s.linear(196, 152, 126)

    def limb(swing: float, shade: float) -> list[Bone]:
        knee, foot = (0.03 + 0.22 * swing, 0.48), (-0.02 + 0.42 * swing, 0.06)
        hand = (0.06 - 0.3 * swing, 0.86)
        return [
            (0.0, 0.88, 0.11, *knee, 0.075, trousers * shade),
            (*knee, 0.072, *foot, 0.05, trousers * shade),
            (*foot, 0.05, foot[0] + 0.15, 0.045, 0.04, s.linear(58, 46, 38) * shade),
            (0.0, 1.38, 0.065, -0.02 - 0.16 * swing, 1.1, 0.052, coat * shade),
            (-0.02 - 0.16 * swing, 1.1, 0.05, *hand, 0.036, coat * shade),
            (*hand, 0.038, hand[0] + 0.02, hand[1] - 0.05, 0.03, skin * shade),
        ]

    trunk: list[Bone] = [
        (-0.19, 1.34, 0.13, -0.2, 1.02, 0.15, pack),
        (-0.2, 1.46, 0.09, -0.12, 1.46, 0.08, pack * 0.8),
        (0.0, 1.36, 0.14, 0.0, 0.95, 0.135, coat),
        (0.02, 1.46, 0.06, 0.04, 1.56, 0.055, skin),
        (0.04, 1.64, 0.095, 0.06, 1.62, 0.09, skin),
        (0.02, 1.70, 0.1, 0.04, 1.70, 0.095, s.linear(70, 74, 58)),
        (0.08, 1.675, 0.03, 0.17, 1.66, 0.015, s.linear(70, 74, 58)),
    ]
    return [limb(-stride, 0.6), trunk + limb(stride, 1.0)], (0.12, 1.65)


def skeleton(kind: str, stride: float, down: float) -> tuple[list[list[Bone]], tuple[float, float]]:
    """Bones in layers from far to near, and the eye."""
    if kind in BUILDS:
        return quadruped(kind, stride, down)
    return bird(stride, down) if kind == "bird" else walker(stride, down)


def flesh(bones: list[Bone], xs: np.ndarray, ys: np.ndarray, blend: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance inside the outline (metres), bulge towards the viewer and colour of bones grown together smoothly."""
    inside, bulge, rgb, weight = np.zeros_like(xs), np.zeros_like(xs), np.zeros((*xs.shape, 3), np.float32), np.zeros_like(xs)
    for index, (x0, y0, r0, x1, y1, r1, colour) in enumerate(bones):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((xs - x0) * dx + (ys - y0) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        away = (xs - x0 - t * dx) ** 2 + (ys - y0 - t * dy) ** 2
        radius = r0 + t * (r1 - r0)
        depth = np.clip((radius - np.sqrt(away)) / blend, -30, 30)
        inside += np.exp(depth)
        height = np.sqrt(np.clip(radius**2 - away, 0, None))
        bulge += height**5
        # A small part, or one named later, lies on top and keeps its colour (eye stripe, rump patch).
        share = np.exp(np.clip(depth, -30, 1.5) * 1.5) / (0.03 + radius) * (1 + 0.25 * index)
        rgb, weight = rgb + colour * share[..., None], weight + share
    return blend * np.log(inside + 1e-12), bulge**0.2, rgb / (weight[..., None] + 1e-12)


@dataclass
class Body:
    """A patch at final size: where it goes, cover, colour, facing right and up, distance, eye and feet in pixels."""

    top: int
    left: int
    alpha: np.ndarray
    rgb: np.ndarray
    right: np.ndarray
    up: np.ndarray
    depth: float
    eye: tuple[float, float]
    eye_size: float
    feet: tuple[float, float, float]


def render(kind: str, place: s.Place, x: float, z: float, facing: int, stride: float, down: float, squeeze: float, seed: int) -> Body:
    """Draw an animal standing x m right and z m away; facing 1 looks right, squeeze < 1 shortens it (turned a little)."""
    px, py, scale = place.foot(x, z)
    layers, eye = skeleton(kind, stride, down)
    reach = max(abs(v) for bones in layers for bone in bones for v in (bone[0], bone[3])) + 0.2
    tall = max(max(bone[1] + bone[2], bone[4] + bone[5]) for bones in layers for bone in bones) + 0.05
    left, top = int(px - reach * scale * squeeze), int(py - tall * scale)
    w, h = int(2 * reach * scale * squeeze), int((tall + 0.06) * scale)
    cols, rows = np.meshgrid(np.arange(2 * w, dtype=np.float32) / 2, np.arange(2 * h, dtype=np.float32) / 2)
    xs, ys = (cols + left - px) / scale / squeeze * facing, (py - rows - top) / scale
    rng = np.random.default_rng(seed)
    fur = fur_strokes(rng, xs, ys)
    alpha, rgb = np.zeros_like(xs), np.zeros((*xs.shape, 3), np.float32)
    right, up = np.zeros_like(xs), np.zeros_like(xs)
    size = 1.0 if kind in ("deer", "boar", "walker") else 0.6
    for bones in layers:
        inside, bulge, colour = flesh(bones, xs, ys, 0.016 * size)
        cover = np.clip((inside + (0.006 if kind != "walker" else 0.002) * size * fur) * scale * 1.4 + 0.3, 0, 1)
        gy, gx = np.gradient(cv2.GaussianBlur(bulge * scale * 2, (0, 0), max(0.012 * scale, 1.2)))
        bend = np.sqrt(1 + gx**2 + gy**2)
        colour = colour * np.clip(1 + (0.2 if kind != "walker" else 0.06) * fur, 0.4, 1.7)[..., None]
        alpha, rgb = alpha + (1 - alpha) * cover, rgb + (colour - rgb) * cover[..., None]
        right += (np.clip(-gx / bend + 0.08 * fur, -0.95, 0.95) - right) * cover
        up += (np.clip(gy / bend + 0.06 * fur, -0.95, 0.95) - up) * cover
    spot = (px + facing * eye[0] * scale * squeeze, py - eye[1] * scale)
    small = [cv2.resize(a, (w, h), interpolation=cv2.INTER_AREA) for a in (alpha, rgb, right, up)]
    return Body(top, left, *small, z, spot, max(0.012 * size * scale, 1.15), (px, py, scale * size * squeeze * min(reach, 0.75)))


def fur_strokes(rng: np.random.Generator, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Fur: fine strokes running back and down along the body."""
    lattice = rng.standard_normal((256, 256)).astype(np.float32)
    along, across = xs * 0.9 - ys * 0.35 + 3, xs * 0.35 + ys * 0.9 + 3
    return 0.7 * s.tiled(lattice, along / 0.05, across / 0.012) + 0.5 * s.tiled(lattice, along / 0.12 + 90, across / 0.05 + 50)
