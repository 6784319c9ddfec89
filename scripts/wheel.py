"""Packs what `just install` installs into a wheel, so that `pip install` puts it into an environment of Python: the same files in the same
places below it.

    python scripts/wheel.py [--from target/release] [--to target/wheel]

Not by maturin: it builds the program's package alone, which for cargo has other features than the workspace, so that everything would be
compiled a second time; and the wheel has to hold the plugins, which are libraries of other packages.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def metadata(package):
    readme = (ROOT / "README.md").read_text()
    # Links and pictures of the checkout lead nowhere in the description of a package.
    readme = re.sub(r"!\[[^\]]*\]\([^)]*\)\n*", "", readme)
    readme = re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", readme)
    return f"""Metadata-Version: 2.1
Name: topwork
Version: {package["version"]}
Summary: A terminal workbench for transfer learning
License: {package["license"]}
Requires-Python: >=3.9
Provides-Extra: python-plugins
Requires-Dist: numpy; extra == "python-plugins"
Description-Content-Type: text/markdown

{readme}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--from", dest="built", type=pathlib.Path, default=ROOT / "target/release", help="the folder that was built into")
    parser.add_argument("--to", type=pathlib.Path, default=ROOT / "target/wheel", help="where the wheel goes")
    arguments = parser.parse_args()
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    version, platform = package["version"], re.sub("[-.]", "_", sysconfig.get_platform())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prefix = folder / f"topwork-{version}.data/data"
        script = [ROOT / "scripts/install.sh", "--prefix", prefix, "--from", arguments.built.resolve()]
        subprocess.run(script, check=True, stdout=subprocess.DEVNULL)
        # What a package installs pip knows.
        (prefix / "share/topwork/installed").unlink()
        # Weights that somebody has fetched have licences of their own, and are large.
        for folder_of_data in (prefix / "share/topwork/data").iterdir():
            if folder_of_data.name != "mnist":
                shutil.rmtree(folder_of_data)
        scripts = prefix.parent / "scripts"
        scripts.mkdir()
        for program in (prefix / "bin").iterdir():
            shutil.move(program, scripts)
        (prefix / "bin").rmdir()
        about = folder / f"topwork-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(metadata(package))
        (about / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: topwork\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n")
        arguments.to.mkdir(parents=True, exist_ok=True)
        pack = [sys.executable, "-m", "wheel", "pack", "--dest-dir", arguments.to, folder]
        if subprocess.run(pack).returncode != 0:
            sys.exit(f"the wheel could not be packed; `{sys.executable} -m pip install wheel` gets what packs it")


if __name__ == "__main__":
    main()
