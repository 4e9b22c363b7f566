"""Writes jpeg-files.ndjson: small JPEG files that the image library does not write. Needs python3-pil."""

import base64
import hashlib
import io
import json
import os

import numpy as np
from PIL import Image

rows, columns = np.mgrid[0:45, 0:50]
waves = [127 + 100 * np.sin(columns / (4 + band) + band) * np.cos(rows / (5 - band)) for band in range(3)]
image = Image.fromarray(np.stack(waves, -1).astype(np.uint8))


def jpeg(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def exif(orientation):
    entries = Image.Exif()
    entries[0x0112] = orientation
    return entries.tobytes()


def reduced(data):
    """Extents and SHA-256 of the pixels at 1/2, 1/4 and 1/8 of the size."""
    results = []
    for reduction in (2, 4, 8):
        picture = Image.open(io.BytesIO(data))
        picture.draft(picture.mode, (picture.width // reduction, picture.height // reduction))
        pixels = np.asarray(picture)
        assert pixels.shape[0] == -(-image.height // reduction)
        results.append([pixels.shape[1], pixels.shape[0], hashlib.sha256(pixels.tobytes()).hexdigest()])
    return results


FILES = [
    ("full", True, jpeg(image, subsampling="4:4:4", quality=90)),
    ("grey", True, jpeg(image.convert("L"))),
    ("halved across", True, jpeg(image, subsampling="4:2:2")),
    ("halved", True, jpeg(image, subsampling="4:2:0", optimize=True)),
    ("upright by Exif", True, jpeg(image, exif=exif(1))),
    ("turned by Exif", False, jpeg(image, exif=exif(6))),
    ("progressive", False, jpeg(image, progressive=True)),
    ("CMYK", False, jpeg(image.convert("CMYK"))),
    ("with a profile", False, jpeg(image, icc_profile=b"no profile")),
    ("restarts each 3 units", True, jpeg(image, restart_marker_blocks=3)),
    ("restarts each row", True, jpeg(image, restart_marker_rows=1, subsampling="4:2:2")),
]

with open(os.path.join(os.path.dirname(__file__), "jpeg-files.ndjson"), "w") as file:
    for name, is_read, data in FILES:
        line = {"name": name, "isRead": is_read, "file": base64.b64encode(data).decode()}
        if is_read:
            line["reduced"] = reduced(data)
        file.write(json.dumps(line) + "\n")
