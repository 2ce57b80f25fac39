"""Bombs by formula, and a child that measures what their refusal takes: ``python bombs.py`` prints JSON, name to [status, reason, seconds, MB]."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour: int, lines: int) -> bytes:
    """A PNG of `lines` black lines, which may be fewer than its height."""
    row = bytes(1 + (width * bits * {0: 1, 2: 3, 6: 4}[colour] + 7) // 8)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(lines)) + packer.flush()
    return png_start(width, height, bits, colour) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_start(width: int, height: int, bits: int = 8, colour: int = 0) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = encode(Image.new("L", (side, side)), "JPEG", progressive=True, quality=50)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def jpeg_of_size(width: int, height: int) -> bytes:
    data = encode(Image.new("L", (8, 8)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def tiff(*tags: tuple[int, int, int]) -> bytes:
    """A TIFF of (tag, type, value); the one strip or tile has 8 bytes."""
    block = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHL4s", tag, kind, 1, struct.pack("<L", value)) for tag, kind, value in sorted(tags)
    )
    return b"II*\0" + struct.pack("<L", 8) + block + bytes(4) + zlib.compress(bytes(8))


def boxes(brand: bytes, width: int, height: int, nesting: int = 3) -> bytes:
    inner = struct.pack(">I4sIII", 20, b"ispe", 0, width, height)
    for name in (b"ipco", b"iprp", *(b"free",) * (nesting - 3)):
        inner = struct.pack(">I4s", len(inner) + 8, name) + inner
    head = struct.pack(">I4s4sI4s4s", 24, b"ftyp", brand, 0, b"mif1", brand)
    return head + struct.pack(">I4sI", len(inner) + 12, b"meta", 0) + inner + struct.pack(">I4s", 108, b"mdat") + bytes(100)


def webp(width: int, height: int) -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body += encode(Image.new("RGB", (8, 8)), "WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _size(width: int, height: int, *more: tuple[int, int, int]) -> bytes:
    plain = {
        0x100: (4, width),
        0x101: (4, height),
        0x102: (3, 8),
        0x103: (3, 8),
        0x106: (3, 1),
        0x111: (4, 150),
        0x115: (3, 1),
        0x117: (4, 8),
    }
    plain.update({tag: (kind, value) for tag, kind, value in more})
    return tiff(*((tag, kind, value) for tag, (kind, value) in plain.items())) + bytes(200)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png, 3.6 Gpx in the header": lambda: png(60_000, 60_000, 8, 0, 10),
    "png, 900 Mpx in 100 kB": lambda: png(30_000, 30_000, 1, 0, 30_000),
    "png, 400 Mpx of colour": lambda: png(20_000, 20_000, 8, 2, 10),
    "png, 2 GB in a chunk": lambda: png_start(8, 8) + struct.pack(">I", 0x7E800000) + b"IDAT" + bytes(10),
    "png, chunks without end": lambda: png_start(8, 8) + chunk(b"tIME", b"") * 1_000_000,
    "jpeg, 500 scans": lambda: jpeg_of_scans(4000, 500),
    "jpeg, 60 scans of 96 Mpx": lambda: jpeg_of_scans(9800, 60),
    "jpeg, 4.3 Gpx": lambda: jpeg_of_size(65_535, 65_535),
    "gif, 4.3 Gpx": lambda: b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\1\0\0;",
    "bmp, 4.6 Epx": lambda: b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff, 10 Gpx": lambda: _size(100_000, 100_000),
    "tiff, tiles of 900 Mpx": lambda: _size(16, 16, (0x142, 4, 30_000), (0x143, 4, 30_000), (0x144, 4, 150), (0x145, 4, 8)),
    "tiff, 100 Mpx of 4 doubles": lambda: _size(10_000, 10_000, (0x102, 3, 64), (0x115, 3, 4), (0x153, 3, 3)),
    "tiff, 65 535 samples": lambda: _size(10_000, 10_000, (0x115, 3, 65_535)),
    "webp, 281 Tpx": lambda: webp(1 << 24, 1 << 24),
    "avif, 3.6 Gpx": lambda: boxes(b"avif", 60_000, 60_000),
    "avif, 3.6 Gpx deep inside": lambda: boxes(b"avif", 60_000, 60_000, nesting=200),
    "heif, 3.6 Gpx": lambda: boxes(b"heic", 60_000, 60_000),
    "ppm, 10 Gpx": lambda: b"P6 99999 99999 255\n" + bytes(100),
    "ppm, 25 Mpx in digits": lambda: b"P2 5000 5000 255\n" + b"0 " * 1_000_000,
}


def most_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def now_kb() -> int:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return the processor time in seconds, and what memory grew by at its peak, in MB."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
        stream.write("5")
    before, started = now_kb(), time.process_time()
    work()
    return time.process_time() - started, (most_kb() - before) * 1.024e-3


def refuse(data: bytes) -> tuple[str, str]:
    from visdatcompy_ds.base.errors import ImageError
    from visdatcompy_ds.engine import decode

    try:
        decode.decode_working(data, decode.read_header(data))
    except ImageError as error:
        return error.status.value, error.reason
    return "ok", ""


def serve() -> None:
    warm = [encode(Image.new("RGB", (8, 8)), name) for name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")]
    for data in warm:
        refuse(data)
    found = {}
    for name, make in BOMBS.items():
        data = make()
        times = [measured(lambda data=data: refuse(data)) for _ in range(3)]
        found[name] = [*refuse(data), min(seconds for seconds, _ in times), max(grown for _, grown in times)]
    print(json.dumps(found))


def decode_large() -> None:
    """Decode the dearest pictures within the limits: [seconds, MB, MB that their headers announce]."""
    import tifffile

    from visdatcompy_ds.engine import decode
    from visdatcompy_ds.engine.decode.cost import bytes_per_pixel

    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((4000, 4000, 3), np.float32) + np.arange(3, dtype=np.float32), photometric="rgb", compression="zlib")
    large = {
        "png, 100 Mpx of 16 bit": png(10_000, 10_000, 16, 0, 10_000),
        "png, 25 Mpx with alpha": png(5_000, 5_000, 8, 6, 5_000),
        "jpeg, 200 scans of 16 Mpx": jpeg_of_scans(4000, 190),
        "tiff, 16 Mpx of 3 floats": stream.getvalue(),
    }
    refuse(png(8, 8, 8, 2, 8))
    found = {}
    for name, data in large.items():
        header = decode.read_header(data)
        seconds, grown = measured(lambda data=data, header=header: decode.decode_working(data, header))
        found[name] = [seconds, grown, header.width * header.height * bytes_per_pixel(header) / 1e6]
    print(json.dumps(found))


def scan_tree(root: str, files: int) -> None:
    """Print seconds and MB of a scan of empty files that a formula makes, and, of the first, what a pass over them takes."""
    from visdatcompy_ds.stages.scan import scan

    make_tree(root, files)
    scan(os.path.join(root, "CAM000"))
    tables = []
    seconds, grown = measured(lambda: tables.append(scan(root)))
    print(json.dumps([len(tables[0]), seconds, grown]))


def make_tree(root: str, files: int) -> None:
    for number in range(files):
        folder = os.path.join(root, f"CAM{number // 2000:03d}", "DCIM", str(number // 500 % 4))
        if number % 500 == 0:
            os.makedirs(folder)
        os.close(os.open(os.path.join(folder, f"IMG_{number:05d}.JPG"), os.O_CREAT | os.O_WRONLY))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        scan_tree(sys.argv[1], int(sys.argv[2]))
    elif len(sys.argv) > 1:
        decode_large()
    else:
        serve()
