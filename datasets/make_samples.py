"""Draw the two sample folders, trail/ and trail_new/, and truth.csv: python datasets/make_samples.py [OUT_DIR]."""

import csv
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from camera import Shot, Sitter, take
from PIL import Image
from places import PLACES
from scenery import Place

SEED = 20250503
QUALITY = 75
COLUMNS = ["dataset", "id", "status", "class", "of_dataset", "of_id", "event_note"]
OLD, NEW = "trail", "trail_new"
TEMPERATURE = {"morning": 9, "noon": 21, "overcast": 15, "dusk": 17, "night": 6}
# Exposure time, f-number, ISO.
EXPOSURE = {
    "morning": (1 / 125, 2.8, 200),
    "noon": (1 / 500, 2.8, 100),
    "overcast": (1 / 100, 2.8, 250),
    "dusk": (1 / 40, 2.8, 640),
    "night": (1 / 20, 2.8, 1600),
}


@dataclass
class Unit:
    """What a camera writes about itself."""

    serial: str | None
    position: tuple[float, float, float] | None
    subseconds: bool = False
    counts_images: bool = False


UNITS = {
    "CAM01": Unit("TW24-004117", (48.9312, 13.4271, 742), subseconds=True, counts_images=True),
    "CAM02": Unit("TW24-004120", (48.9287, 13.4405, 805)),
    "CAM03": Unit(None, None),
    "CAM04": Unit("TW24-005063", (48.9241, 13.4188, 688), subseconds=True),
}


@dataclass
class Visit:
    """One release of a camera: an animal (or nothing) and the frames taken of it."""

    camera: str
    start: str
    light: str
    kind: str = ""
    x: float = 0.0
    z: float = 5.0
    facing: int = 1
    down: float = 0.0
    squeeze: float = 1.0
    frames: int = 1
    gap: float = 0.7
    step: float = 0.12

    def moment(self, frame: int) -> datetime:
        """When a frame is taken."""
        return datetime.fromisoformat(self.start) + timedelta(seconds=0.08 + self.gap * frame)

    def note(self, frame: int) -> str:
        """What truth.csv says about a frame."""
        words = ["night" if self.light == "night" else f"day ({self.light})", self.kind or "empty"]
        if self.frames > 1:
            words.append(f"burst {frame + 1}/{self.frames}")
            words += ["same second"] if self.moment(0).second == self.moment(self.frames - 1).second else []
            words += ["nothing moves"] if self.step == 0 else []
        return ", ".join(words)


OLD_VISITS = [
    Visit("CAM01", "2025-05-03 06:41:12", "morning", "deer", 0.0, 6.4, 1, 0.0, 1.0, 3),
    Visit("CAM01", "2025-05-05 23:17:40", "night", "fox", 0.3, 4.6, -1, 0.2, 1.0, 3, 0.9, 0.2),
    Visit("CAM01", "2025-05-09 12:05:31", "noon"),
    Visit("CAM01", "2025-05-14 16:22:08", "overcast", "walker", 0.2, 6.2, 1, 0.0, 0.9),
    Visit("CAM01", "2025-05-19 20:48:55", "dusk", "fox", 0.1, 4.8, -1, 0.4),
    Visit("CAM01", "2025-05-24 02:33:19", "night", "badger", 0.4, 4.4, 1, 0.3),
    Visit("CAM02", "2025-05-04 11:36:02", "noon", "deer", 0.5, 6.4, -1, 1.0, 0.95, 3, 0.8),
    Visit("CAM02", "2025-05-08 17:10:27", "overcast", "", 0, 5, 1, 0, 1, 3, 0.3, 0.0),
    Visit("CAM02", "2025-05-13 21:02:44", "dusk", "fox", -0.6, 5.2, 1, 0.5),
    Visit("CAM02", "2025-05-18 03:12:09", "night", "deer", -0.3, 6.0, 1, 0.1),
    Visit("CAM02", "2025-05-23 07:05:50", "morning", "hare", 0.6, 4.2, -1, 0.0, 1, 2, 1.0),
    Visit("CAM03", "2025-05-06 15:29:36", "overcast", "badger", 1.2, 5.2, -1, 0.5),
    Visit("CAM03", "2025-05-10 01:44:21", "night", "boar", 1.3, 6.4, -1, 0.5, 1, 3, 0.3, 0.0),
    Visit("CAM03", "2025-05-16 09:18:14", "morning", "bird", 1.0, 4.3, -1, 0.9, 1, 2, 0.9, 0.06),
    Visit("CAM03", "2025-05-21 13:51:03", "noon"),
    Visit("CAM03", "2025-05-26 20:31:47", "dusk", "deer", 1.2, 7.2, -1, 1.0),
    Visit("CAM03", "2025-05-28 04:10:32", "night", "fox", 1.0, 5.0, 1, 0.3),
]
NEW_VISITS = [
    Visit("CAM01", "2025-06-02 07:12:48", "morning", "fox", -0.3, 4.8, 1, 0.2, 1.0, 3),
    Visit("CAM01", "2025-06-06 14:40:05", "overcast", "", 0, 5, 1, 0, 1, 3, 0.6, 0.0),
    Visit("CAM01", "2025-06-11 23:58:12", "night", "boar", -0.2, 5.6, 1, 0.4, 1.0, 3, 0.8, 0.15),
    Visit("CAM01", "2025-06-17 11:20:33", "noon", "bird", 0.3, 3.7, -1, 0.0),
    Visit("CAM01", "2025-06-23 20:55:17", "dusk", "deer", 0.2, 6.0, -1, 0.0, 0.9),
    Visit("CAM01", "2025-06-28 02:07:51", "night"),
    Visit("CAM01", "2025-07-01 06:30:26", "morning", "badger", 0.2, 4.3, -1, 0.2, 1.0, 2),
    Visit("CAM02", "2025-06-03 12:49:10", "noon", "boar", -0.4, 6.6, 1, 0.5, 1, 3, 0.9, 0.16),
    Visit("CAM02", "2025-06-07 21:11:38", "dusk", "deer", 0.6, 6.2, -1, 0.0, 1, 3, 0.3, 0.08),
    Visit("CAM02", "2025-06-13 01:26:04", "night", "", 0, 5, 1, 0, 1, 3, 0.3, 0.0),
    Visit("CAM02", "2025-06-19 16:03:52", "overcast", "hare", 0.2, 4.0, 1, 0.1),
    Visit("CAM02", "2025-06-24 06:22:19", "morning", "deer", -0.7, 6.8, 1, 1.0, 0.9),
    Visit("CAM02", "2025-06-30 02:45:33", "night", "hare", 0.5, 4.4, -1, 0.0),
    Visit("CAM02", "2025-07-03 13:37:41", "noon"),
    Visit("CAM03", "2025-06-05 08:02:55", "morning", "fox", 1.2, 5.4, -1, 0.9, 1, 3, 1.0),
    Visit("CAM03", "2025-06-09 17:48:29", "overcast", "", 0, 5, 1, 0, 1, 3, 0.3, 0.0),
    Visit("CAM03", "2025-06-15 03:30:06", "night", "badger", 1.1, 5.0, 1, 0.2, 1, 3, 0.3, 0.08),
    Visit("CAM03", "2025-06-21 20:40:14", "dusk", "boar", 1.4, 6.8, -1, 0.6),
    Visit("CAM03", "2025-06-27 12:14:37", "noon", "bird", 1.2, 4.2, 1, 0.8),
    Visit("CAM03", "2025-07-02 00:51:22", "night", "deer", 1.3, 6.6, -1, 0.9),
    Visit("CAM04", "2025-06-04 07:25:40", "morning", "boar", -0.6, 6.2, 1, 0.4, 1, 3),
    Visit("CAM04", "2025-06-08 15:16:11", "overcast", "deer", -0.4, 6.4, -1, 1.0, 1, 3, 0.7, 0.1),
    Visit("CAM04", "2025-06-14 22:59:47", "night", "fox", -0.2, 4.6, 1, 0.2, 1, 3, 0.9, 0.22),
    Visit("CAM04", "2025-06-20 21:08:30", "dusk", "hare", -0.3, 4.0, -1, 0.0),
    Visit("CAM04", "2025-06-26 11:59:03", "noon", "bird", -0.3, 3.9, 1, 0.2),
    Visit("CAM04", "2025-07-01 01:18:58", "night", "boar", -0.3, 6.0, -1, 0.5),
    Visit("CAM04", "2025-07-04 09:33:20", "morning"),
]


@dataclass
class Photo:
    """One file: its bytes and its row in truth.csv."""

    dataset: str
    id: str
    data: bytes
    status: str = "ok"
    cls: str = ""
    of: tuple[str, str] = ("", "")
    note: str = ""


# ---------------------------------------------------------------- shots


def degrees(value: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds as EXIF keeps a position."""
    return float(int(value)), float(int(value * 60 % 60)), round(value * 3600 % 60, 2)


def exif_bytes(visit: Visit, frame: int, number: int) -> bytes:
    """The EXIF block a camera writes into a shot."""
    unit, moment, exif = UNITS[visit.camera], visit.moment(frame), Image.Exif()
    stamp = moment.strftime("%Y:%m:%d %H:%M:%S")
    exif.update({0x010F: "TRAILWATCH", 0x0110: "TW-24", 0x0112: 1, 0x0132: stamp})
    time, aperture, iso = EXPOSURE[visit.light]
    details = exif.get_ifd(0x8769)
    details.update({0x829A: time, 0x829D: aperture, 0x8827: iso, 0x9003: stamp, 0x9004: stamp})
    if unit.subseconds:
        details[0x9291] = f"{moment.microsecond // 10000:02d}"
    if unit.counts_images:
        details[0x9211] = number
    if unit.serial:
        details[0xA431] = unit.serial
    if unit.position:
        north, east, height = unit.position
        exif.get_ifd(0x8825).update({1: "N", 2: degrees(north), 3: "E", 4: degrees(east), 5: b"\x00", 6: float(height)})
    return exif.tobytes()


def encode(image: Image.Image, quality: int, exif: bytes = b"") -> bytes:
    """A JPEG file."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, exif=exif)
    return out.getvalue()


def picture(visit: Visit, frame: int, place: Place, scene_seed: int) -> Image.Image:
    """Draw one frame of a visit."""
    moment, still = visit.moment(frame), visit.step == 0
    degree = TEMPERATURE[visit.light] + moment.day % 5
    text = (f"{moment:%Y-%m-%d  %H:%M:%S}  {degree} °C", visit.camera)
    rng = np.random.default_rng([SEED, scene_seed, frame])
    sitters = []
    if visit.kind:
        x = visit.x + visit.facing * visit.step * (frame - (visit.frames - 1) / 2)
        stride = 0.55 * np.cos(0.4 + 9.0 * visit.step * frame)
        down = visit.down if still else float(np.clip(visit.down + 0.12 * np.sin(2 * frame), 0, 1))
        sitters = [Sitter(visit.kind, x, visit.z, visit.facing, stride, down, visit.squeeze)]
    wind, flicker = (0.0, rng.uniform(0.985, 1.015)) if still else (rng.uniform(0.8, 2.0), rng.uniform(0.96, 1.04))
    return take(place, Shot(visit.light, scene_seed, int(rng.integers(2**31)), text, wind, flicker, sitters))


def shoot(dataset: str, visits: list[Visit], places: dict[str, Place], first_seed: int) -> list[Photo]:
    """All original shots of a folder, numbered from 1 in every camera as a fresh card does."""
    photos, numbers = [], dict.fromkeys(UNITS, 0)
    for index, visit in enumerate(visits):
        for frame in range(visit.frames):
            numbers[visit.camera] += 1
            number = numbers[visit.camera]
            # The counter inside the camera goes on although the card starts anew.
            counter = number + (0 if dataset == OLD else 400)
            image = picture(visit, frame, places[visit.camera], first_seed + index)
            data = encode(image, QUALITY, exif_bytes(visit, frame, counter))
            photos.append(Photo(dataset, f"{visit.camera}/IMG_{number:04d}.JPG", data, note=visit.note(frame)))
    return photos


# ---------------------------------------------------------------- copies and broken files


def without_exif(data: bytes) -> bytes:
    """The same JPEG without its EXIF segment, nothing re-encoded."""
    kept, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 4 : at + 8] != b"Exif":
            kept += data[at:end]
        at = end
    return kept + data[at:]


def scan_start(data: bytes) -> int:
    """Offset of the first byte of compressed picture data."""
    at = 2
    while data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def opened(data: bytes) -> Image.Image:
    """A decoded picture."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def exif_of(data: bytes, orientation: int = 1) -> bytes:
    """The EXIF block of a file, with another orientation."""
    exif = Image.open(io.BytesIO(data)).getexif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    return exif.tobytes()


def resaved(data: bytes, quality: int, keep_exif: bool, size: tuple[int, int] | None = None) -> bytes:
    """Decoded, scaled if a size is given, and saved again."""
    image = opened(data) if size is None else opened(data).resize(size, Image.Resampling.LANCZOS)
    return encode(image, quality, exif_of(data) if keep_exif else b"")


def turned(data: bytes, orientation: int) -> bytes:
    """Pixels stored on their side, EXIF saying how to hold them upright."""
    turn = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    return encode(opened(data).transpose(turn), 88, exif_of(data, orientation))


def greyed(data: bytes) -> bytes:
    """Colour taken out."""
    return encode(opened(data).convert("L").convert("RGB"), 85, exif_of(data))


# Original, how the copy is made, class, file name of the copy, note.
COPIES_OF_OLD = [
    ("CAM01/IMG_0001.JPG", lambda d: d, "bytes", "CAM01/IMG_0101.JPG", "file copied; frame 1 of a day burst"),
    ("CAM01/IMG_0005.JPG", lambda d: d, "bytes", "CAM04/IMG_0102.JPG", "file copied into the wrong camera; frame 2 of a night burst"),
    ("CAM02/IMG_0008.JPG", lambda d: d, "bytes", "CAM02/IMG_0007 (1).JPG", "file copied and renamed"),
    ("CAM03/IMG_0008.JPG", lambda d: d, "bytes", "CAM03/deer_at_stream.jpg", "file copied and renamed"),
    ("CAM01/IMG_0008.JPG", without_exif, "pixels", "CAM01/walker.jpg", "EXIF dropped, not re-encoded"),
    ("CAM03/IMG_0003.JPG", without_exif, "pixels", "CAM03/IMG_0103.JPG", "EXIF dropped, not re-encoded; frame 2 of a still night burst"),
    ("CAM02/IMG_0002.JPG", lambda d: resaved(d, 60, True), "reencoded", "CAM02/IMG_0104.JPG", "re-saved at 60; frame 2 of a day burst"),
    ("CAM02/IMG_0005.JPG", lambda d: resaved(d, 82, True), "reencoded", "CAM02/IMG_0105.JPG", "re-saved at 82; frame 2 of a still burst"),
    ("CAM01/IMG_0009.JPG", lambda d: resaved(d, 68, False), "reencoded", "CAM01/fox_dusk.jpg", "re-saved at 68, EXIF lost"),
    ("CAM03/IMG_0009.JPG", lambda d: resaved(d, 90, False), "reencoded", "CAM03/fox_night.jpg", "re-saved at 90, EXIF lost"),
    ("CAM02/IMG_0001.JPG", lambda d: resaved(d, 90, True, (320, 240)), "reencoded", "CAM02/IMG_0001_small.jpg", "half size"),
    ("CAM03/IMG_0001.JPG", lambda d: resaved(d, 90, False, (320, 240)), "reencoded", "CAM03/badger_small.jpg", "half size, EXIF lost"),
    ("CAM01/IMG_0007.JPG", lambda d: turned(d, 6), "reencoded", "CAM01/IMG_0106.JPG", "turned, orientation 6"),
    ("CAM02/IMG_0009.JPG", lambda d: turned(d, 8), "reencoded", "CAM02/IMG_0107.JPG", "turned, orientation 8"),
    ("CAM03/IMG_0005.JPG", greyed, "edited", "CAM03/IMG_0108.JPG", "made grey"),
    ("CAM02/IMG_0010.JPG", lambda d: resaved(d, 85, False, (160, 120)), "undecided", "CAM02/thumb_hare.jpg", "thumbnail 160x120"),
]
COPIES_IN_NEW = [
    ("CAM04/IMG_0010.JPG", lambda d: d, "bytes", "CAM04/IMG_0010 (1).JPG", "file copied in the same folder"),
    ("CAM01/IMG_0010.JPG", lambda d: resaved(d, 80, True), "reencoded", "CAM01/IMG_0010_edit.JPG", "re-saved at 80"),
]
COPIES_IN_OLD = [("CAM02/IMG_0007.JPG", lambda d: d, "bytes", "CAM02/IMG_0007_copy.JPG", "file copied in the same folder")]
DAMAGED, TRUNCATED = "CAM03/IMG_0011.JPG", "CAM04/IMG_0013.JPG"
NOTES = """CAM01 field notes
2025-06-01  new card and batteries, camera cleaned, path wet
2025-07-05  card changed; spider web on the housing, removed
"""


def copies(recipes: list[tuple[str, Callable[[bytes], bytes], str, str, str]], source: list[Photo], dataset: str) -> list[Photo]:
    """The copies a recipe list asks for."""
    by_id = {photo.id: photo for photo in source}
    return [Photo(dataset, name, make(by_id[of].data), "ok", cls, (by_id[of].dataset, of), note) for of, make, cls, name, note in recipes]


def break_files(photos: list[Photo]) -> None:
    """Damage one shot in the middle of its scan and cut another one off."""
    by_id = {photo.id: photo for photo in photos}
    damaged, cut = by_id[DAMAGED], by_id[TRUNCATED]
    middle = (scan_start(damaged.data) + len(damaged.data)) // 2
    damaged.data = damaged.data[:middle] + bytes(512) + damaged.data[middle + 512 :]
    damaged.status, damaged.note = "damaged", damaged.note + ", 512 bytes of the scan overwritten"
    cut.data = cut.data[: len(cut.data) * 6 // 10]
    cut.status, cut.note = "unreadable", cut.note + ", cut to 60 %"


def make_all() -> list[Photo]:
    """Every file of both folders."""
    places = {camera: paint() for camera, paint in PLACES.items()}
    old, new = shoot(OLD, OLD_VISITS, places, 100), shoot(NEW, NEW_VISITS, places, 500)
    break_files(new)
    extras = [
        Photo(NEW, "CAM01/notes.txt", NOTES.encode(), "skipped", note="not a picture"),
        Photo(NEW, "CAM02/Thumbs.db", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(56), "skipped", note="not a picture"),
    ]
    return old + copies(COPIES_IN_OLD, old, OLD) + new + copies(COPIES_OF_OLD, old, NEW) + copies(COPIES_IN_NEW, new, NEW) + extras


def write_all(photos: list[Photo], out: Path) -> None:
    """Write the folders and truth.csv; refuse where other files stand in the folders, as truth.csv would not list them."""
    wanted = {out / photo.dataset / photo.id for photo in photos}
    others = sorted(path for name in (OLD, NEW) for path in (out / name).rglob("*") if path.is_file() and path not in wanted)
    if others:
        sys.exit(f"not written: {others[0]} and {len(others) - 1} more files are not part of the samples; move them away first")
    for photo in photos:
        path = out / photo.dataset / photo.id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.data)
    with open(out / "truth.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for p in sorted(photos, key=lambda p: (p.dataset, p.id)):
            writer.writerow([p.dataset, p.id, p.status, p.cls, *p.of, p.note])


def main() -> None:
    """Draw everything into the folder given, or the one this file is in."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    # One thread, so that the result cannot hang on the number of cores.
    cv2.setNumThreads(1)
    photos = make_all()
    write_all(photos, out)
    print(f"{len(photos)} files, {sum(len(photo.data) for photo in photos)} bytes")


if __name__ == "__main__":
    main()
