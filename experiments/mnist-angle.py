"""Writes data/fetched/mnist-angle: pictures of the digits 5-9 of MNIST, each turned by an angle of its own, and the angles.

The first 4,000 training and the first 1,000 test pictures of these digits, each turned around its middle by an angle drawn evenly from
-45 to 45 degrees, counter-clockwise, with bilinear interpolation. `python experiments/mnist-angle.py` needs Python 3.9 and nothing
else, and writes the same bytes every time.
"""

import gzip
import math
import os
import random
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MNIST = ROOT / "data" / "mnist"
FOLDER = ROOT / "data" / "fetched" / "mnist-angle"
SIDE = 28
DIGITS = range(5, 10)
LARGEST = 45.0


def numbers_of(name, header):
    with gzip.open(MNIST / name) as file:
        return file.read()[header:]


def turned(picture, angle):
    """The picture turned counter-clockwise by an angle in degrees; what comes from outside of it is black."""
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    middle = (SIDE - 1) / 2
    # With a black border no neighbour is missing.
    wide = SIDE + 2
    rows = [bytes(wide), *(b"\0" + picture[row * SIDE : (row + 1) * SIDE] + b"\0" for row in range(SIDE)), bytes(wide)]
    pixels = bytearray()
    for row in range(SIDE):
        for column in range(SIDE):
            right, down = column - middle, row - middle
            # Where it was before the turn, in the picture with its border.
            x = cosine * right - sine * down + middle + 1
            y = sine * right + cosine * down + middle + 1
            left, top = math.floor(x), math.floor(y)
            if not (0 <= left < wide - 1 and 0 <= top < wide - 1):
                pixels.append(0)
                continue
            x, y = x - left, y - top
            above = rows[top][left] * (1 - x) + rows[top][left + 1] * x
            below = rows[top + 1][left] * (1 - x) + rows[top + 1][left + 1] * x
            pixels.append(round(above * (1 - y) + below * y))
    return pixels


def write(name, kind, shape, numbers):
    """A .npy file, which is there whole or not at all."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    unfinished = FOLDER / f"{name}.part"
    unfinished.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + numbers)
    os.replace(unfinished, FOLDER / f"{name}.npy")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    generator = random.Random(1)
    for split, published, count in [("train", "train", 4000), ("test", "t10k", 1000)]:
        pictures = numbers_of(f"{published}-images-idx3-ubyte.gz", 16)
        labels = numbers_of(f"{published}-labels-idx1-ubyte.gz", 8)
        chosen = [place for place, label in enumerate(labels) if label in DIGITS][:count]
        angles = [LARGEST * (2 * generator.random() - 1) for _ in chosen]
        size = SIDE * SIDE
        all_turned = [
            turned(pictures[place * size : (place + 1) * size], angle) for place, angle in zip(chosen, angles)
        ]
        write(f"{split}-pictures", "|u1", (count, SIDE, SIDE), b"".join(all_turned))
        write(f"{split}-angles", "<f4", (count,), struct.pack(f"<{count}f", *angles))
    print(f"mnist-angle  4,000 + 1,000 pictures in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
