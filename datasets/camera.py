"""The trap camera: light on a place, animals in it, lens, sensor noise and the burnt-in banner."""

from dataclasses import dataclass, field

import animals
import cv2
import numpy as np
import scenery as s
from PIL import Image, ImageDraw, ImageFont

BANNER = 20
# Radius in pixels over which demosaicing spreads the noise.
GRAIN = 1.55
# Blur in pixels: of the sharpest distance, and per 1/m away from it.
SHARPEST, FOCUS = 0.9, 20.0


@dataclass
class Light:
    """Light of one time of day; sun holds right, up, towards the camera."""

    sun: tuple[float, float, float]
    sun_rgb: tuple[float, float, float]
    sky_rgb: tuple[float, float, float]
    top: np.ndarray
    low: np.ndarray
    cloud: np.ndarray
    haze: float
    noise: float


LIGHTS = {
    "morning": Light(
        (-0.80, 0.42, 0.30),
        (2.5, 1.85, 1.15),
        (0.42, 0.47, 0.56),
        s.linear(150, 182, 214),
        s.linear(244, 226, 194),
        s.linear(250, 236, 216),
        110,
        3.2,
    ),
    "noon": Light(
        (0.35, 0.85, 0.38),
        (2.35, 2.2, 1.95),
        (0.46, 0.52, 0.60),
        s.linear(104, 156, 212),
        s.linear(206, 224, 238),
        s.linear(250, 250, 250),
        190,
        2.8,
    ),
    "overcast": Light(
        (0.0, 0.95, 0.3),
        (0.55, 0.56, 0.58),
        (1.0, 1.04, 1.1),
        s.linear(204, 210, 216),
        s.linear(232, 234, 234),
        s.linear(244, 244, 244),
        140,
        3.5,
    ),
    "dusk": Light(
        (0.85, 0.30, 0.25),
        (1.25, 0.85, 0.55),
        (0.50, 0.53, 0.62),
        s.linear(92, 110, 150),
        s.linear(236, 198, 162),
        s.linear(206, 172, 164),
        170,
        3.3,
    ),
}
NIGHT_NOISE = 4.7


@dataclass
class Sitter:
    """An animal in the picture: kind, metres right and away, facing, walking phase, head lowered, shortening."""

    kind: str
    x: float
    z: float
    facing: int = 1
    stride: float = 0.4
    down: float = 0.0
    squeeze: float = 1.0


@dataclass
class Shot:
    """Everything that decides one picture."""

    light: str
    scene_seed: int
    noise_seed: int
    banner: tuple[str, str]
    wind: float = 0.0
    flicker: float = 1.0
    sitters: list[Sitter] = field(default_factory=list)


def windblown(place: s.Place, wind: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The buffers of a place with its foliage moved a little."""
    rows, cols = np.indices((s.HEIGHT, s.WIDTH), dtype=np.float32)
    push = place.form[..., 2] * wind
    xs = cols + push * s.cloud_noise(rng, rows.shape, 90, 2)
    ys = rows + 0.5 * push * s.cloud_noise(rng, rows.shape, 70, 2)
    return (
        cv2.remap(place.colour, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        cv2.remap(place.form, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
    )


def seat(body: animals.Body, colour: np.ndarray, form: np.ndarray) -> None:
    """Set a body into the buffers; what stands nearer hides it, and it darkens the ground beneath."""
    x, y, size = body.feet
    rows, cols = np.indices(colour.shape[:2], dtype=np.float32)
    spread = ((cols - x) / (size * 0.8 + 2)) ** 2 + ((rows - y) / (size * 0.13 + 2)) ** 2
    colour[..., :3] *= (1 - 0.62 * np.exp(-spread))[..., None]
    h, w = body.alpha.shape
    y0, y1, x0, x1 = max(0, -body.top), min(h, s.HEIGHT - body.top), max(0, -body.left), min(w, s.WIDTH - body.left)
    if y1 <= y0 or x1 <= x0:
        return
    cut = (slice(y0, y1), slice(x0, x1))
    spot = (slice(body.top + y0, body.top + y1), slice(body.left + x0, body.left + x1))
    cover = (body.alpha[cut] * s.smooth(-0.75, -0.3, colour[spot][..., 3] - body.depth))[..., None]
    patch = np.dstack([body.rgb[cut], np.full(body.alpha[cut].shape, body.depth, np.float32)])
    facing = np.dstack([body.right[cut], body.up[cut], np.zeros((*body.alpha[cut].shape, 2), np.float32)])
    colour[spot] += (patch - colour[spot]) * cover
    form[spot] += (facing - form[spot]) * cover


def eye_glow(image: np.ndarray, body: animals.Body, strength: float) -> None:
    """The eye: a dark bead by day, a bright one in the flash."""
    rows, cols = np.indices(image.shape[:2], dtype=np.float32)
    away = (cols - body.eye[0]) ** 2 + (rows - body.eye[1]) ** 2
    bead = np.exp(-away / (2 * body.eye_size**2))[..., None]
    image *= 1 - (0.9 if strength == 0 else 0.2) * bead
    if strength:
        image += strength * (bead + 0.12 * np.exp(-away / (2 * (3.5 * body.eye_size) ** 2))[..., None])


def facing_light(form: np.ndarray, direction: tuple[float, float, float]) -> np.ndarray:
    """How squarely each surface faces the light, 0..1."""
    towards = np.sqrt(np.clip(1 - form[..., 0] ** 2 - form[..., 1] ** 2, 0.02, 1))
    return np.clip(form[..., 0] * direction[0] + form[..., 1] * direction[1] + towards * direction[2], 0, 1)


def daylight(place: s.Place, colour: np.ndarray, form: np.ndarray, light: Light, seed: int) -> np.ndarray:
    """Linear picture by day: sun with shadow patches, sky light, haze and sky."""
    rng = np.random.default_rng(seed)
    shape = colour.shape[:2]
    patches = s.cloud_noise(rng, shape, 46, 4, 2.4)
    sunlit = 1 - place.under_trees * s.smooth(0.55, -0.35, patches)
    sun = (facing_light(form, light.sun) * sunlit)[..., None] * np.array(light.sun_rgb, np.float32)
    open_sky = 0.55 + 0.45 * np.clip(form[..., 1:2] * 0.8 + 0.35, 0, 1)
    image = colour[..., :3] * (sun + open_sky * np.array(light.sky_rgb, np.float32))
    height = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    sky = s.mix(np.broadcast_to(light.top, (*shape, 3)), light.low, np.broadcast_to(s.smooth(0, 0.5, height), shape))
    sky = s.mix(sky, light.cloud, 0.8 * s.smooth(-0.4, 1.6, s.cloud_noise(rng, shape, 130, 5, 2.2))) * 1.5
    fog = 1 - np.exp(-np.clip(colour[..., 3:], 0, s.FAR) / light.haze)
    image = image + (sky * 0.62 - image) * fog * 0.85
    return image + (sky - image) * np.clip(form[..., 3:], 0, 1)


def flashlight(colour: np.ndarray, form: np.ndarray, seed: int) -> np.ndarray:
    """Linear grey picture in the infra-red flash: leaves bright, far things dark."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(colour.shape[:2], dtype=np.float32)
    r, g, b = (colour[..., i] for i in range(3))
    leaf = np.clip(g - r, 0, None)
    grey = 0.3 * r + 0.38 * g + 0.2 * b + 2.2 * leaf
    middle = (0.5 + rng.uniform(-0.03, 0.03), 0.56)
    beam = np.exp(-((cols / s.WIDTH - middle[0]) ** 2 / 0.17 + (rows / s.HEIGHT - middle[1]) ** 2 / 0.2))
    reach = (5.0 / np.clip(colour[..., 3], 2.6, None)) ** 1.7
    lit = 0.25 + facing_light(form, (0.05, 0.15, 0.98))
    image = 0.95 * grey * (1 - np.clip(form[..., 3], 0, 1)) * lit * beam * np.clip(reach, 0, 1.35)
    return np.repeat(image[..., None] + 0.004, 3, 2).astype(np.float32)


def lens(image: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Plain fixed-focus lens: sharpest about 6 m away, a little glow, darker corners."""
    blur = np.hypot(SHARPEST, FOCUS * np.abs(1 / np.clip(cv2.GaussianBlur(depth, (0, 0), 2), 1.5, None) - 1 / 6.0))
    steps = [SHARPEST, 1.7, 2.6, 4.0]
    softer = [cv2.GaussianBlur(image, (0, 0), step) for step in steps]
    result = softer[0]
    for low, high, picture in zip(steps[:-1], steps[1:], softer[1:], strict=True):
        result = result + (picture - result) * np.clip((blur - low) / (high - low), 0, 1)[..., None]
    result = 0.93 * result + 0.07 * cv2.GaussianBlur(np.clip(image, 0, 3), (0, 0), 14)
    rows, cols = np.indices(image.shape[:2], dtype=np.float32)
    corner = ((cols / s.WIDTH - 0.5) ** 2 + (rows / s.HEIGHT - 0.5) ** 2) / 0.5
    return result * (1 - 0.42 * corner**1.3)[..., None]


def develop(image: np.ndarray, exposure: float) -> np.ndarray:
    """Film-like curve from linear light to 0..255."""
    curve = (1 - np.exp(-exposure * np.clip(image, 0, None))) ** (1 / 2.2)
    return 255 * np.clip(curve, 0, 1)


def sensor_noise(image: np.ndarray, sigma: float, rng: np.random.Generator, grey: bool) -> np.ndarray:
    """Noise that grows with the signal, spread over neighbours as demosaicing does."""

    def grain(blur: float) -> np.ndarray:
        raw = cv2.GaussianBlur(rng.standard_normal(image.shape[:2]).astype(np.float32), (0, 0), blur)
        return raw / raw.std()

    strength = sigma * np.sqrt(0.6 + 0.6 * image.mean(2) / 255)
    noisy = image + (strength * grain(GRAIN))[..., None]
    if not grey:
        noisy += 0.15 * strength[..., None] * np.dstack([grain(1.6), np.zeros_like(strength), grain(1.6)])
    return noisy


def burn_banner(pixels: np.ndarray, banner: tuple[str, str]) -> Image.Image:
    """Dark strip with date, time and temperature on the left, the camera on the right."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, s.HEIGHT - BANNER, s.WIDTH, s.HEIGHT), fill=(14, 14, 14))
    font = ImageFont.load_default(13)
    draw.text((10, s.HEIGHT - BANNER / 2), banner[0], (214, 214, 214), font, anchor="lm")
    draw.text((s.WIDTH - 10, s.HEIGHT - BANNER / 2), banner[1], (214, 214, 214), font, anchor="rm")
    return image


def take(place: s.Place, shot: Shot) -> Image.Image:
    """The finished picture of one shot."""
    noise = np.random.default_rng(shot.noise_seed)
    colour, form = windblown(place, shot.wind, noise)
    bodies = [animals.render(a.kind, place, a.x, a.z, a.facing, a.stride, a.down, a.squeeze, shot.scene_seed) for a in shot.sitters]
    for body in sorted(bodies, key=lambda body: -body.depth):
        seat(body, colour, form)
    night = shot.light == "night"
    image = flashlight(colour, form, shot.scene_seed) if night else daylight(place, colour, form, LIGHTS[shot.light], shot.scene_seed)
    for body, sitter in zip(bodies, shot.sitters, strict=True):
        eye_glow(image, body, 0.0 if not night else 0.15 if sitter.kind == "walker" else 2.0)
    image = develop(lens(image * shot.flicker, colour[..., 3]), 2.6 if night else 1.25)
    image = sensor_noise(image, NIGHT_NOISE if night else LIGHTS[shot.light].noise, noise, night)
    return burn_banner(np.clip(image + 0.5, 0, 255).astype(np.uint8), shot.banner)
