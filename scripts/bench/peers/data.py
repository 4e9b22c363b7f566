"""The transforms of `npm run bench:data` by torchvision and PIL, with timm's RandAugment and erasing written down from it."""

import json
import math
import random
import sys
import time

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision import transforms
from torchvision.transforms import InterpolationMode

with open(sys.argv[1]) as file:
    task = json.load(file)
torch.set_num_threads(1)
size = task["size"]
fill = tuple(round(255 * mean) for mean in task["mean"])


def signed(value):
    return -value if random.random() > 0.5 else value


def affine(image, matrix):
    return image.transform(image.size, Image.AFFINE, matrix, resample=Image.BICUBIC, fillcolor=fill)


def solarize_add(image, strength):
    added = int(strength * 110)
    return image.point([min(255, value + added) if value < 128 else value for value in range(256)] * 3)


def enhanced(kind):
    return lambda image, strength: kind(image).enhance(1 + signed(strength * 0.9))


OPERATIONS = [
    lambda image, _: ImageOps.autocontrast(image),
    lambda image, _: ImageOps.equalize(image),
    lambda image, _: ImageOps.invert(image),
    lambda image, s: image.rotate(signed(s * 30), resample=Image.BICUBIC, fillcolor=fill),
    lambda image, s: ImageOps.posterize(image, 4 - int(s * 4)),
    lambda image, s: ImageOps.solarize(image, 256 - int(s * 256)),
    solarize_add,
    enhanced(ImageEnhance.Color),
    enhanced(ImageEnhance.Contrast),
    enhanced(ImageEnhance.Brightness),
    enhanced(ImageEnhance.Sharpness),
    lambda image, s: affine(image, (1, signed(s * 0.3), 0, 0, 1, 0)),
    lambda image, s: affine(image, (1, 0, 0, signed(s * 0.3), 1, 0)),
    lambda image, s: affine(image, (1, 0, signed(s * 0.45) * image.size[0], 0, 1, 0)),
    lambda image, s: affine(image, (1, 0, 0, 0, 1, signed(s * 0.45) * image.size[1])),
]


def rand_augment(image):
    for operation in random.choices(OPERATIONS, k=2):
        if random.random() <= 0.5:
            image = operation(image, min(10, max(0, random.gauss(9, 0.5))) / 10)
    return image


def erase(image):
    """Erases in bytes, as what it is compared with does."""
    array = np.array(image)
    if random.random() > 0.25:
        return array
    height, width = array.shape[:2]
    for _ in range(10):
        area = random.uniform(0.02, 1 / 3) * height * width
        ratio = math.exp(random.uniform(math.log(0.3), -math.log(0.3)))
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if w < width and h < height:
            top, left = random.randint(0, height - h), random.randint(0, width - w)
            noise = np.random.normal(task["mean"], task["std"], (h, w, 3)) * 255
            array[top : top + h, left : left + w] = np.clip(noise.round(), 0, 255)
            break
    return array


resized = transforms.RandomResizedCrop(size, interpolation=InterpolationMode.BICUBIC)
padded = transforms.Compose([transforms.RandomCrop(size, padding=4), transforms.RandomHorizontalFlip()])
TRANSFORMS = {
    "pad": transforms.Compose([padded, np.array]),
    "memory": transforms.Compose([Image.fromarray, padded, np.array]),
    "crop": transforms.Compose([resized, transforms.RandomHorizontalFlip(), np.array]),
    "deit": transforms.Compose([resized, transforms.RandomHorizontalFlip(), rand_augment, erase]),
}
transform = TRANSFORMS[task["transform"]]


def read(path):
    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


kept = [np.array(read(path)) for path in task["files"]] if task["transform"] == "memory" else None


def run_pass():
    if kept is not None:
        for array in kept:
            transform(array)
    else:
        for path in task["files"]:
            transform(read(path))


def peak_bytes():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


print(json.dumps({"ready": True, "compileSeconds": 0.0}), flush=True)
for line in sys.stdin:
    seconds = []
    for _ in range(int(line)):
        started = time.process_time()
        run_pass()
        seconds.append(time.process_time() - started)
    check = sum(float(np.asarray(read(path)).mean(dtype=np.float64)) for path in task["files"][:20])
    print(json.dumps({"losses": [check], "seconds": seconds, "peakBytes": peak_bytes()}), flush=True)
