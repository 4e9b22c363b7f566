"""Writes jpeg-files.ndjson: small JPEG files that the image library does not write. Needs python3-pil."""

import base64
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


FILES = [
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
        file.write(json.dumps(line) + "\n")
