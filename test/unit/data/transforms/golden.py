"""Writes golden.ndjson: what PIL and torchvision make of small images. Needs python3-pil and python3-torchvision."""

import base64
import json
import os

import numpy as np
import PIL
import torchvision
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import CenterCrop, InterpolationMode, Resize
from torchvision.transforms import functional as F

RESAMPLE = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
FILL = (124, 116, 104)

random = np.random.default_rng(5)
rows, columns = np.mgrid[0:12, 0:16]
waves = [127 + 90 * np.sin(columns / (2 + band) + band) * np.cos(rows / (3 - band / 2)) for band in range(3)]
colour = np.stack(waves, -1) + random.normal(0, 25, (12, 16, 3))
ARRAYS = {
    "colour": np.clip(colour, 0, 255).astype(np.uint8),
    "grey": np.clip(colour[..., 0], 0, 255).astype(np.uint8),
    "noise": random.integers(0, 256, (9, 23, 3), dtype=np.uint8),
    "dark": random.integers(40, 60, (12, 16, 3), dtype=np.uint8),
    "large": random.integers(0, 256, (40, 52, 3), dtype=np.uint8),
    "flat": np.full((12, 16, 3), (7, 7, 250), np.uint8),
}
IMAGES = {name: Image.fromarray(array) for name, array in ARRAYS.items()}


def affine(image, matrix, interpolation):
    fill = FILL if image.mode == "RGB" else FILL[0]
    return image.transform(image.size, Image.AFFINE, matrix, resample=RESAMPLE[interpolation], fillcolor=fill)


def rotate(image, degrees, interpolation):
    fill = FILL if image.mode == "RGB" else FILL[0]
    return image.rotate(degrees, resample=RESAMPLE[interpolation], fillcolor=fill)


def solarize_add(image, added):
    table = [min(255, value + added) if value < 128 else value for value in range(256)]
    return image.point(table * len(image.getbands()))


def crop_and_resize(image, left, top, width, height, size, interpolation):
    mode = InterpolationMode(interpolation)
    return F.resized_crop(image, top, left, height, width, [size, size], mode)


def region(image, left, top, width, height, size, interpolation):
    box = (left, top, left + width, top + height)
    return image.resize((size, size), RESAMPLE[interpolation], box=box)


def centre(image, shorter, size):
    return CenterCrop(size)(Resize(shorter, InterpolationMode.BICUBIC)(image))


OPERATIONS = {
    "AutoContrast": lambda image, _: ImageOps.autocontrast(image),
    "Equalize": lambda image, _: ImageOps.equalize(image),
    "Invert": lambda image, _: ImageOps.invert(image),
    "Posterize": lambda image, bits: image if bits >= 8 else ImageOps.posterize(image, bits),
    "Solarize": lambda image, threshold: ImageOps.solarize(image, threshold),
    "SolarizeAdd": solarize_add,
    "Color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "Contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "Brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "Sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
}
MOVES = {
    "Rotate": lambda image, degrees, interpolation: rotate(image, degrees, interpolation),
    "ShearX": lambda image, factor, interpolation: affine(image, (1, factor, 0, 0, 1, 0), interpolation),
    "ShearY": lambda image, factor, interpolation: affine(image, (1, 0, 0, factor, 1, 0), interpolation),
    "TranslateXRel": lambda image, share, interpolation: affine(
        image, (1, 0, share * image.size[0], 0, 1, 0), interpolation
    ),
    "TranslateYRel": lambda image, share, interpolation: affine(
        image, (1, 0, 0, 0, 1, share * image.size[1]), interpolation
    ),
}
VALUES = {
    "Posterize": [0, 1, 3, 4, 8],
    "Solarize": [0, 26, 100, 256],
    "SolarizeAdd": [0, 50, 110],
    "Color": [0.1, 0.37, 1.0, 1.63, 1.9],
    "Contrast": [0.1, 0.37, 1.0, 1.63, 1.9],
    "Brightness": [0.1, 0.37, 1.0, 1.63, 1.9],
    "Sharpness": [0.1, 0.37, 1.0, 1.63, 1.9],
    "Rotate": [-30, -11.3, 0, 4.25, 27, 30],
    "ShearX": [-0.3, 0.07, 0.27],
    "ShearY": [-0.3, 0.07, 0.27],
    "TranslateXRel": [-0.45, 0.031, 0.405],
    "TranslateYRel": [-0.45, 0.031, 0.405],
}
BOXES = [(0, 0, 16, 12), (3, 2, 11, 9), (5, 4, 1, 1), (2, 0, 8, 8), (0, 3, 5, 9)]
# Bounds in eighths of a pixel, as reduced images have them.
REGIONS = [(0.5, 0, 15.5, 12), (3.25, 2.125, 7.5, 9.75), (0, 3.5, 4.375, 8.5)]


def encoded(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def main():
    operations, resizes, regions, centres = [], [], [], []
    for name, image in IMAGES.items():
        for operation, apply in OPERATIONS.items():
            if name not in ("colour", "grey") and operation not in ("AutoContrast", "Equalize", "Contrast"):
                continue
            for value in VALUES.get(operation, [0]):
                operations.append(["operation", operation, name, value, "bicubic", encoded(np.asarray(apply(image, value)))])
        for operation, apply in MOVES.items() if name in ("colour", "grey") else ():
            for value in VALUES[operation]:
                for interpolation in RESAMPLE:
                    result = np.asarray(apply(image, value, interpolation))
                    operations.append(["operation", operation, name, value, interpolation, encoded(result)])
    for name in ("colour", "grey", "large"):
        for box in BOXES + ([(0, 0, 52, 40), (7, 1, 41, 38)] if name == "large" else []):
            for size in (3, 14):
                for interpolation in RESAMPLE:
                    result = np.asarray(crop_and_resize(IMAGES[name], *box, size, interpolation))
                    resizes.append(["resize", name, list(box), size, interpolation, encoded(result)])
        for part in REGIONS:
            for interpolation in RESAMPLE:
                result = np.asarray(region(IMAGES[name], *part, 6, interpolation))
                regions.append(["region", name, list(part), 6, interpolation, encoded(result)])
    for name in ("colour", "grey", "noise", "large"):
        for shorter, size in ((8, 7), (9, 8), (16, 14), (7, 7)):
            centres.append(["centre", name, shorter, size, encoded(np.asarray(centre(IMAGES[name], shorter, size)))])
    images = {
        name: {
            "height": array.shape[0],
            "width": array.shape[1],
            "channels": array.shape[2] if array.ndim == 3 else 1,
            "data": encoded(array),
        }
        for name, array in ARRAYS.items()
    }
    versions = {"PIL": PIL.__version__, "torchvision": torchvision.__version__}
    lines = [{"versions": versions, "fill": FILL, "images": images}, *operations, *resizes, *regions, *centres]
    path = os.path.join(os.path.dirname(__file__), "golden.ndjson")
    with open(path, "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


main()
