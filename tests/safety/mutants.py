"""Mutants of images, decoded in processes of their own: a crash is a death that is seen, a hang one that is waited for no longer.

A child reads numbers, one a line, and answers each with a line of JSON: [number, status]. A mutant is a function of its number and of the
seeds, so that a failure can be made again: ``python mutants.py SEEDS NUMBER`` writes it to standard output.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, features

ENDS = ("ok", "recovered", "damaged", "unreadable", "refused")
MOST_SECONDS = 10.0  # of processor time; the clock may show more on a busy machine
_PATIENCE = 6
_LARGEST_SEED = 200_000


def picture(seed: int, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([(x * (3 + seed % 5)) % 256, (y * 5 + seed * 31) % 256, (x * y + seed * 7) % 256], -1).astype(np.uint8)
    pixels[: height // 3, : width // 3] = np.random.default_rng(seed).integers(0, 256, (height // 3, width // 3, 3))
    return Image.fromarray(pixels)


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def _kinds() -> Iterator[Callable[[Image.Image], bytes]]:
    """Yield writers: every format, mode and compression that can be made here."""

    def of(name: str, mode: str = "RGB", **options: object) -> Callable[[Image.Image], bytes]:
        return lambda image: encode(image.convert(mode), name, **options)

    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0132] = 6, "RECONYX", "2024:05:06 07:08:09"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            yield of("JPEG", mode, progressive=progressive, quality=80)
    for subsampling in (0, 1):
        yield of("JPEG", exif=exif, subsampling=subsampling, restart_marker_blocks=4)
    for mode in ("1", "L", "P", "LA", "RGB", "RGBA"):
        yield of("PNG", mode, exif=exif)
    yield of("PNG", "P", transparency=3)
    yield lambda image: encode(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG")
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield of("BMP", mode)
        yield of("TIFF", mode)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield of("TIFF", compression=compression, exif=exif)
    for compression in ("group3", "group4"):
        yield of("TIFF", "1", compression=compression)
    for mode in ("CMYK", "LAB", "F", "I"):
        source = {"LAB": "RGB", "F": "L", "I": "L"}.get(mode, mode)
        yield lambda image, mode=mode, source=source: encode(image.convert(source).convert(mode) if mode != "LAB" else image, "TIFF")
    yield _rare_tiff
    yield of("GIF", "P")
    for mode in ("1", "L", "RGB"):
        yield of("PPM", mode)
    for name in ("GIF", "PNG", "TIFF", "WEBP"):
        yield lambda image, name=name: encode(image, name, save_all=True, append_images=[image.rotate(90), image.rotate(45)])
    for options in ({"lossless": True}, {"quality": 60}, {"quality": 60, "exif": exif}):
        yield of("WEBP", **options)
        yield of("WEBP", "RGBA", **options)
    if features.check("avif"):
        yield of("AVIF", speed=10)
        yield of("AVIF", "RGBA", speed=10)
    if importlib.util.find_spec("pillow_heif"):
        yield _heif
    yield lambda image: encode(image, "MPO", save_all=True, append_images=[image])


def _heif(image: Image.Image) -> bytes:
    import pillow_heif

    stream = io.BytesIO()
    pillow_heif.from_pillow(image if min(image.size) > 1 else image.resize((16, 16))).save(stream, quality=60)
    return stream.getvalue()


def _rare_tiff(image: Image.Image) -> bytes:
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(stream, np.asarray(image).astype(np.float32), photometric="rgb", tile=(16, 16))
    return stream.getvalue()


def seeds() -> Iterator[bytes]:
    """Yield more than 300 images of all formats, by a formula."""
    for number, (width, height) in enumerate(((48, 40), (17, 33), (90, 64), (64, 7), (1, 1), (130, 129))):
        for at, make in enumerate(_kinds()):
            yield make(picture(number * 100 + at, width, height))


def write_seeds(folder: str) -> None:
    """Write the seeds: those made by the formula, and the hostile files where they are at hand."""
    os.makedirs(folder)
    beside = os.path.join(os.path.dirname(__file__), *[os.pardir] * 3, "shared")
    found = [
        os.path.join(at, name)
        for at, _, names in os.walk(os.path.join(os.environ.get("VISDATCOMPY_SHARED", beside), "data/hostile"))
        for name in names
    ]
    pool = list(seeds())
    for path in sorted(found):
        with open(path, "rb") as stream:
            pool.append(stream.read(_LARGEST_SEED + 1))
    for number, data in enumerate(data for data in pool if len(data) <= _LARGEST_SEED):
        with open(os.path.join(folder, f"{number:04d}"), "wb") as stream:
            stream.write(data)


def mutant(number: int, pool: list[bytes]) -> bytes:
    """Return the mutant of a number: a seed, changed in one to three ways."""
    random = np.random.default_rng(number)
    data = pool[int(random.integers(len(pool)))]
    for _ in range(int(random.integers(1, 4))):
        data = _WAYS[int(random.integers(len(_WAYS)))](bytearray(data), random, pool)
    return data[:2_000_000]


def _at(data: bytearray, random: np.random.Generator) -> int:
    # Half of the changes hit the beginning, where the lengths and sizes stand.
    return int(random.integers(max(1, len(data) if random.random() < 0.5 else min(len(data), 200))))


def _flips(data: bytearray, random: np.random.Generator, _: list[bytes]) -> bytes:
    for _bit in range(int(random.integers(1, 12)) if data else 0):
        data[_at(data, random)] ^= 1 << int(random.integers(8))
    return bytes(data)


def _runs(data: bytearray, random: np.random.Generator, _: list[bytes]) -> bytes:
    at, length = _at(data, random), int(random.integers(1, 80))
    filling = (bytes(length), b"\xff" * length, random.bytes(length))[int(random.integers(3))]
    return bytes(data[:at] + filling + data[at + length :])


def _cut(data: bytearray, random: np.random.Generator, _: list[bytes]) -> bytes:
    return bytes(data[: int(random.integers(len(data) + 1))])


def _numbers(data: bytearray, random: np.random.Generator, _: list[bytes]) -> bytes:
    """Put an unlikely number where a length, a size or an offset may stand."""
    at, width = _at(data, random), (1, 2, 4)[int(random.integers(3))]
    value = (0, 1, 2, (1 << 8 * width) - 1, (1 << 8 * width - 1) - 1, 1 << 8 * width - 1, len(data), at)[int(random.integers(8))]
    order = ("big", "little")[int(random.integers(2))]
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, order)
    return bytes(data)


def _lengths(data: bytearray, random: np.random.Generator, pool: list[bytes]) -> bytes:
    """Edit the length of a chunk, segment or box, where one is found by its name."""
    names = (
        b"IDAT",
        b"fdAT",
        b"fcTL",
        b"iTXt",
        b"\xff\xc0",
        b"\xff\xc4",
        b"\xff\xda",
        b"\xff\xe1",
        b"VP8 ",
        b"VP8X",
        b"ALPH",
        b"ispe",
        b"iloc",
        b"av1C",
    )
    found = [(data.find(name), len(name)) for name in names if name in data]
    if not found:
        return _numbers(data, random, pool)
    at, size = found[int(random.integers(len(found)))]
    at += -4 if size == 4 and random.random() < 0.5 else size
    data[max(0, at) : max(0, at) + 4] = (
        random.bytes(2) + random.bytes(2) if random.random() < 0.5 else int(random.integers(1 << 16)).to_bytes(4, "big")
    )
    return bytes(data)


def _splice(data: bytearray, random: np.random.Generator, pool: list[bytes]) -> bytes:
    other = pool[int(random.integers(len(pool)))]
    return bytes(data[: _at(data, random)]) + other[int(random.integers(len(other) + 1)) :]


def _double(data: bytearray, random: np.random.Generator, _: list[bytes]) -> bytes:
    at, length = _at(data, random), int(random.integers(1, 400))
    return bytes(data[: at + length] + data[at:])


_WAYS = (_flips, _flips, _runs, _cut, _numbers, _numbers, _lengths, _splice, _double)


def end_of(data: bytes, is_thorough: bool) -> str:
    """Return what becomes of a file when everything is asked of it."""
    from visdatcompy_ds.base.errors import ImageError
    from visdatcompy_ds.engine import decode

    try:
        header = decode.read_header(data)
        decode.read_metadata(header)
        picture = decode.decode_working(data, header)
        if picture.pixels.shape != (128, 128, 3):
            return f"shape {picture.pixels.shape}"
        if is_thorough:
            full = decode.decode_full(data, header)
            if full.pixels.shape != (header.height, header.width, 3):
                return f"shape {full.pixels.shape} for {header.width} x {header.height}"
            decode.native_digest(data, header, full)
    except ImageError as error:
        return error.status.value if error.reason else "no reason"
    return picture.status.value


def read_seeds(folder: str) -> list[bytes]:
    pool = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as stream:
            pool.append(stream.read())
    return pool


def serve(folder: str) -> None:
    import resource

    pool = read_seeds(folder)
    # A decoder that asks for more than any picture may take gets a MemoryError, and not the machine.
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.RLIM_INFINITY))
    while line := sys.stdin.readline():
        number = int(line)
        data = mutant(number, pool)
        started = time.process_time()
        try:
            end = end_of(data, number % 3 == 0)
        except Exception as error:
            end = f"{type(error).__name__}: {error}"
        if time.process_time() - started > MOST_SECONDS:
            end = "slow"
        print(json.dumps([number, end]), flush=True)


@dataclass
class Account:
    """What became of the mutants: an end for each number, and what the children said beside it."""

    ends: dict[int, str] = field(default_factory=dict)
    said: str = ""

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.ends.values())

    @property
    def failures(self) -> dict[int, str]:
        return {number: end for number, end in self.ends.items() if end not in ENDS}


def run(folder: str, numbers: range, children: int = 2) -> Account:
    """Decode the mutants of `numbers` in `children` processes; one that dies or hangs costs its mutant and is started anew."""
    account = Account()
    lock = threading.Lock()
    with open(os.path.join(os.path.dirname(folder.rstrip("/")), "said"), "w+b") as said:
        lines = [threading.Thread(target=_line, args=(folder, list(numbers[at::children]), account, lock, said)) for at in range(children)]
        for thread in lines:
            thread.start()
        for thread in lines:
            thread.join()
        said.seek(0)
        account.said = said.read().decode("utf-8", "replace")
    return account


def _line(folder: str, numbers: list[int], account: Account, lock: threading.Lock, said: io.BufferedRandom) -> None:
    at = 0
    while at < len(numbers):
        child = subprocess.Popen(
            [sys.executable, __file__, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=same_package()
        )
        try:
            assert child.stdin and child.stdout
            while at < len(numbers):
                child.stdin.write(f"{numbers[at]}\n".encode())
                child.stdin.flush()
                ready, _, _ = select.select([child.stdout], [], [], _PATIENCE * MOST_SECONDS)
                answer = child.stdout.readline() if ready else b""
                if not ready:
                    child.kill()
                end = json.loads(answer)[1] if answer else "hang" if not ready else _death(child)
                with lock:
                    account.ends[numbers[at]] = end
                at += 1
                if not answer:
                    break
            else:
                child.stdin.close()
        finally:
            if child.poll() is None and at < len(numbers):
                child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout):
                if stream:
                    stream.close()


def same_package() -> dict[str, str]:
    """Return an environment in which a child imports what its parent does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _death(child: subprocess.Popen[bytes]) -> str:
    code = child.wait()
    return f"died by {signal.Signals(-code).name}" if code < 0 else f"left with {code}"


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.stdout.buffer.write(mutant(int(sys.argv[2]), read_seeds(sys.argv[1])))
    else:
        serve(sys.argv[1])
