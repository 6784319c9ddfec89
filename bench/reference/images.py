"""Writes workspace/images/tests/reference/pillow.json: small pictures as Pillow scales them and torchvision crops them.

    python bench/reference/images.py > workspace/images/tests/reference/pillow.json

Needs Pillow 13 and numpy. The sizes and the place of the crop are computed as `_compute_resized_output_size` and `center_crop` of
torchvision.transforms.functional do it.
"""

import json

import numpy as np
from PIL import Image

FILTERS = {name: getattr(Image.Resampling, name.upper()) for name in ["nearest", "bilinear", "bicubic", "lanczos"]}


def picture(channels, height, width):
    """Noise from a generator that the tests have, too (Numerical Recipes' `ranqd1`), channels x height x width."""
    state, numbers = 1, []
    for _ in range(channels * height * width):
        state = (1664525 * state + 1013904223) % 2**32
        numbers.append(state >> 24)
    return np.array(numbers, np.uint8).reshape(channels, height, width)


def scaled(height, width, resize):
    if isinstance(resize, list):
        return resize
    short, long = min(height, width), max(height, width)
    other = int(resize * long / short)
    return [resize, other] if height <= width else [other, resize]


def cropped(height, width, crop):
    return int(round((height - crop[0]) / 2.0)), int(round((width - crop[1]) / 2.0))


# Channels, height and width of a picture, what it is scaled to, the crop, and the channels wanted.
CASES = [
    ([1, 7, 5], [4, 4], [4, 4], 1),
    ([1, 5, 7], [11, 13], [11, 13], 1),
    ([1, 28, 28], [64, 64], [64, 64], 1),
    ([1, 9, 9], [9, 9], [9, 9], 1),
    ([3, 12, 17], 8, [7, 7], 3),
    ([3, 17, 12], 8, [7, 7], 3),
    ([3, 40, 23], 10, [8, 8], 3),
    ([3, 9, 40], 12, [11, 10], 3),
    ([3, 6, 50], [30, 5], [30, 5], 3),
    ([1, 10, 14], 6, [5, 6], 3),
    ([3, 14, 10], 9, [8, 8], 1),
    ([1, 90, 3], [4, 3], [4, 3], 1),
    ([1, 1, 1], [3, 2], [3, 2], 1),
]


def main():
    cases = []
    for shape, resize, crop, wanted in CASES:
        planes = picture(*shape)
        mode = {1: "L", 3: "RGB"}[shape[0]]
        image = Image.fromarray(np.squeeze(planes.transpose(1, 2, 0), 2) if shape[0] == 1 else planes.transpose(1, 2, 0).copy(), mode)
        if wanted == 1:
            image = image.convert("L")
        for name, filter in FILTERS.items():
            height, width = scaled(shape[1], shape[2], resize)
            made = np.asarray(image.resize((width, height), filter))
            made = made.reshape(height, width, -1)
            top, left = cropped(height, width, crop)
            made = made[top : top + crop[0], left : left + crop[1]]
            if wanted == 3 and made.shape[2] == 1:
                made = np.repeat(made, 3, 2)
            cases.append(
                {
                    "shape": shape,
                    "resize": resize,
                    "crop": crop,
                    "filter": name,
                    "channels": wanted,
                    "scaled": [height, width],
                    "bytes": made.transpose(2, 0, 1).reshape(-1).tolist(),
                }
            )
    print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")


main()
