"""Do the files that workspace/tables writes say the same to the programs they are for?

    pip install numpy pandas pyarrow safetensors
    python bench/reference/tables.py | tee bench/reference/tables.txt

Reads one table of 2,500 rows, in every format, with each of them, and compares every value with the rows that
workspace/tables/examples/one_of_each.rs makes. Numbers are compared by their bits.
"""

import pathlib
import platform
import subprocess
import tempfile
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors
from safetensors.numpy import load_file

# From pandas 3 on the only precision, which older versions must be asked for.
warnings.filterwarnings("ignore", message="The 'float_precision' argument")

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS, NUMBERS = 2500, 7
NAMES = ["plain", 'b, "c"', "Katze ä 猫 🐈", "two\nlines", "=1+1"]

PATHS = [f"{NAMES[row % 5]}/{row}.png" for row in range(ROWS)]
CLASSES = [NAMES[row % 5] if row % 3 else None for row in range(ROWS)]
LABELS = np.arange(ROWS, dtype=np.int64) * 4_000_000_000_000_001 - 7
SCORES = np.array([np.nan if row % 4 == 3 else 1 / (row + 3) for row in range(ROWS)])
ONE = np.float32(1)
FEATURES = (ONE / (np.arange(ROWS * NUMBERS, dtype=np.float32) + ONE) - np.float32(0.01)).reshape(ROWS, NUMBERS)


def same(found, expected, dtype):
    found = np.asarray(found)
    assert found.dtype == dtype, (found.dtype, dtype)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert np.array_equal(found, expected.astype(dtype), equal_nan=True)


def texts(found, expected, missing):
    found = [missing if missing is None and pd.isna(text) else text for text in found]
    assert found == [missing if text is None else text for text in expected]


def tell(name, reader, what):
    size = (FOLDER / name).stat().st_size
    print(f"{name:<32} {size:>9,} bytes  {reader:<34} {what}")


def frame(name, reader, data, features):
    texts(data["path"], PATHS, None)
    texts(data["class"], CLASSES, None)
    same(data["label"].to_numpy(), LABELS, np.int64)
    same(data["score, é"].to_numpy(dtype=np.float64, na_value=np.nan), SCORES, np.float64)
    same(features, FEATURES, np.float32)
    tell(name, reader, "paths, classes, labels, scores, features")


with tempfile.TemporaryDirectory() as folder:
    FOLDER = pathlib.Path(folder)
    command = ["cargo", "run", "--release", "--quiet", "-p", "topwork-tables", "--example", "one_of_each", folder]
    subprocess.run(command, cwd=ROOT, check=True)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, pandas {pd.__version__}, "
          f"pyarrow {pa.__version__}, safetensors {safetensors.__version__}")

    columns = [f"features {number}" for number in range(NUMBERS)]
    name = "table-csv.csv"
    data = pd.read_csv(FOLDER / name, keep_default_na=False, na_values=[""], float_precision="round_trip",
                       dtype=dict.fromkeys(columns, np.float32))
    assert list(data.columns) == ["path", "class", "label", "score, é", *columns]
    frame(name, "pandas.read_csv", data, data[columns].to_numpy())

    name = "table-jsonl.jsonl"
    data = pd.read_json(FOLDER / name, lines=True, precise_float=True, dtype={"path": str, "class": object})
    frame(name, "pandas.read_json", data, np.array(data["features"].to_list(), dtype=np.float32))

    name = "table-parquet.parquet"
    table = pq.read_table(FOLDER / name)
    assert [str(field.type) for field in table.schema] == [
        "string", "string", "int64", "double", "list<element: float not null>"], table.schema
    assert [field.nullable for field in table.schema] == [False, True, False, True, False]
    flat = table["features"].combine_chunks().flatten().to_numpy().reshape(ROWS, NUMBERS)
    frame(name, "pyarrow.parquet.read_table", table.to_pandas(), flat)
    data = pd.read_parquet(FOLDER / name)
    frame(name, "pandas.read_parquet", data, np.stack(data["features"]))
    assert table["score, é"].null_count == 625 and table["class"].null_count == 834

    def manifest(name, columns):
        data = pd.read_csv(FOLDER / name, keep_default_na=False, na_values=[""], float_precision="round_trip")
        assert list(data.columns) == columns
        texts(data["path"], PATHS, None)
        texts(data["class"], CLASSES, None)
        if len(columns) > 2:
            same(data["label"].to_numpy(), LABELS, np.int64)
            same(data["score, é"].to_numpy(), SCORES, np.float64)
        tell(name, "pandas.read_csv", ", ".join(columns))

    name = "table-npy.npy"
    array = np.load(FOLDER / name)
    same(array, FEATURES, np.float32)
    same(np.load(FOLDER / name, mmap_mode="r"), FEATURES, np.float32)
    assert array.flags.c_contiguous
    tell(name, "numpy.load, mapped and read", "features")
    manifest("table-npy.manifest.csv", ["path", "class", "label", "score, é"])

    name = "table-npz.npz"
    with np.load(FOLDER / name) as arrays:
        assert sorted(arrays.files) == ["class", "features", "label", "path", "score, é"]
        texts(arrays["path"].tolist(), PATHS, "")
        texts(arrays["class"].tolist(), CLASSES, "")
        same(arrays["label"], LABELS, np.int64)
        same(arrays["score, é"], SCORES, np.float64)
        same(arrays["features"], FEATURES, np.float32)
        tell(name, "numpy.load", f"features, label, score, path ({arrays['path'].dtype}), class")

    name = "table-safetensors.safetensors"
    tensors = load_file(FOLDER / name)
    assert sorted(tensors) == ["features", "label", "score, é"]
    same(tensors["label"], LABELS, np.int64)
    same(tensors["score, é"], SCORES, np.float64)
    same(tensors["features"], FEATURES, np.float32)
    tell(name, "safetensors.numpy.load_file", "features, label, score")
    manifest("table-safetensors.manifest.csv", ["path", "class"])
