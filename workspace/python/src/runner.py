"""Runs one plugin file for topwork, in a process of its own: reads a call in JSON from each line of the standard input, makes it, and
answers in lines of JSON. Arrays lie in a file that both processes have open.

    python -c THIS PLUGIN_FILE SHARED_FILE PARENT_ID

What the plugin prints goes to the standard error, which is the run's log.
"""

import ast
import ctypes
import dataclasses
import enum
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import mmap
import os
import platform
import sys
import traceback
import types
import typing

KINDS = {  # what a class of each kind must have
    "backbone": ("describe", "features"),
    "dataset": ("describe", "labels", "read"),
    "classifier": ("fit", "predict"),
    "cut": ("cuts",),
}
FILE, SHARED, PARENT = sys.argv[1:]


class Stopped(Exception):
    """The user has asked for the run to stop."""


class Refused(Exception):
    """What the plugin gave, or is, does not do."""


class WrongParameter(Exception):
    """A parameter is not what its type says."""


# --- how the two processes speak ---------------------------------------------------------------------------------------------


def end_with_parent():
    """Nothing may go on computing for a program that is gone, not even code that never comes back to Python."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
        if os.getppid() != int(PARENT):
            os._exit(1)


def own_streams():
    """The pipes to topwork, out of the way of what the plugin reads and prints."""
    calls, answers = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    return calls, answers


def say(**message):
    ANSWERS.write(json.dumps(message, allow_nan=False) + "\n")
    ANSWERS.flush()


class Shared:
    """The file with arrays. Its first byte is 1 when the present call should stop."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR)
        self.map = mmap.mmap(self.file, 1)

    def read(self, place):
        end = place["offset"] + place["bytes"]
        if end > len(self.map):
            # The old map stays as long as an array of it does.
            self.map = mmap.mmap(self.file, end)
        kind = np.dtype(place["type"])
        flat = np.frombuffer(self.map, kind, place["bytes"] // kind.itemsize, place["offset"])
        return flat.reshape(place["shape"])

    def write(self, array, offset):
        """Not through the map: where the disk is full this is an error, and that would be the end of the process."""
        view = memoryview(np.ascontiguousarray(array)).cast("B") if array.size else b""
        while view:
            written = os.pwrite(self.file, view, offset)
            view, offset = view[written:], offset + written

    def stopping(self):
        return self.map[0] == 1


class Host:
    """What topwork does for a component."""

    Stopped = Stopped

    def __init__(self, threads, cache_folder):
        self.threads = threads
        self.cache_folder = cache_folder

    def log(self, text, level="info"):
        """A line for the run's log; the level is error, warning, info or debug."""
        say(log={"level": level, "text": str(text)})

    def progress(self, done, total=0, text=""):
        """`done` of `total` steps of the present call are made; a long call that says nothing is taken to hang."""
        say(progress={"done": int(done), "total": int(total), "text": str(text)})

    def check_stop(self):
        """Raises what ends the call where the user has asked for the run to stop. Cheap enough for every iteration."""
        if MEMORY.stopping():
            raise Stopped

    def find_data(self, relative):
        """The path of a data file, given below a data folder; the first folder that has it counts."""
        say(find=relative)
        answer = json.loads(CALLS_IN.readline())
        if "failed" in answer:
            raise FileNotFoundError(answer["failed"])
        return answer["found"]


# --- what the file holds -----------------------------------------------------------------------------------------------------


def sources():
    """The plugin's file and the modules beside it that it imports, with their digests, and the names of all that is imported."""
    folder, files, imported, left = os.path.dirname(FILE), {}, set(), [FILE]
    while left:
        path = left.pop()
        if path in files:
            continue
        with open(path, "rb") as file:
            text = file.read()
        files[path] = hashlib.sha256(text).hexdigest()
        for node in ast.walk(ast.parse(text, path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in {name.split(".")[0] for name in names}:
                beside = [os.path.join(folder, name + ".py"), os.path.join(folder, name, "__init__.py")]
                beside = [path for path in beside if os.path.isfile(path)]
                left.extend(beside)
                if not beside:
                    imported.add(name)
    return files, imported


def packages(imported):
    """The distributions that these modules belong to: name, version, and where that is written."""
    found, unknown = {}, []
    for name in sorted(imported | {"numpy"}):
        if name in getattr(sys, "stdlib_module_names", ()):
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            unknown.append(name)
    if unknown and hasattr(importlib.metadata, "packages_distributions"):
        by_module = importlib.metadata.packages_distributions()
        for name in unknown:
            for distribution in by_module.get(name, [])[:1]:
                found[name] = importlib.metadata.distribution(distribution)
    described = [
        {"name": of.metadata["Name"], "version": of.version, "place": str(getattr(of, "_path", ""))} for of in found.values()
    ]
    return sorted(described, key=lambda package: package["name"].lower())


TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}


def schema_of(hint, where):
    """The JSON Schema of a type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in TYPES:
        return {"type": TYPES[hint]}
    if origin is list and len(arguments) == 1:
        return {"type": "array", "items": schema_of(arguments[0], where)}
    if hint is list or hint is dict or origin is dict:
        return {"type": "array" if hint is list else "object"}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if origin in (typing.Union, getattr(types, "UnionType", None)):
        kinds = [schema_of(of, where) for of in arguments if of is not type(None)]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    raise Refused(f"{where} has the type `{hint}`, expected int, float, str, bool, list[…], dict, Optional[…] or Literal[…]")


PYTHON_TYPES = {"integer": int, "number": (int, float), "string": str, "boolean": bool, "array": list, "object": dict}


def expected(value, schema):
    """What a value should be where it is not that; else nothing."""
    if "anyOf" in schema:
        wrong = [expected(value, of) for of in schema["anyOf"]]
        return " or ".join(wrong) if all(wrong) else None
    if "enum" in schema:
        return None if value in schema["enum"] else "one of " + ", ".join(json.dumps(of) for of in schema["enum"])
    type_ = schema.get("type")
    if type_ is None:
        return None
    is_bool = isinstance(value, bool) and type_ != "boolean"
    if is_bool or not isinstance(value, PYTHON_TYPES[type_]):
        return ("an " if type_[0] in "aio" else "a ") + type_
    wrong = [expected(of, schema.get("items", {})) for of in value] if type_ == "array" else []
    return next(("a list of which each is " + of for of in wrong if of), None)


def parameters_of(component, given):
    """The parameters as the component's dataclass has them."""
    properties = parameters_schema(component)["properties"]
    for name, value in given.items():
        if name not in properties:
            raise WrongParameter(f"unknown parameter `{name}`, expected " + (", ".join(f"`{of}`" for of in properties) or "none"))
        wrong = expected(value, properties[name])
        if wrong:
            raise WrongParameter(f"`{name}` is {json.dumps(value)}, expected {wrong}")
    if not hasattr(component, "Parameters"):
        return types.SimpleNamespace()
    try:
        return component.Parameters(**{name.replace("-", "_"): value for name, value in given.items()})
    except TypeError as error:
        raise WrongParameter(" ".join(str(error).split()))


def parameters_schema(component):
    """The JSON Schema of a component's parameters, from its dataclass."""
    parameters = getattr(component, "Parameters", None)
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    if parameters is None:
        return schema
    if not dataclasses.is_dataclass(parameters):
        raise Refused(f"`{component.__name__}.Parameters` is no dataclass, expected `@dataclass class Parameters`")
    hints, required = typing.get_type_hints(parameters), []
    for field in dataclasses.fields(parameters):
        of = schema_of(hints[field.name], f"`{component.__name__}.Parameters.{field.name}`")
        of.update(field.metadata)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING:
            required.append(field.name)
        elif default is not None:
            of["default"] = default.value if isinstance(default, enum.Enum) else default
        schema["properties"][field.name.replace("_", "-")] = of
    if required:
        schema["required"] = [name.replace("_", "-") for name in required]
    return schema


def open_file():
    """Imports the plugin and says what it offers."""
    files, imported = sources()
    spec = importlib.util.spec_from_file_location(os.path.basename(FILE)[:-3], FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if sources()[0] != files:
        raise Refused("was changed while it was imported")
    offered = []
    for component in vars(module).values():
        own = inspect.isclass(component) and component.__module__ == module.__name__
        if not own or not isinstance(getattr(component, "kind", None), str):
            continue
        if component.kind not in KINDS:
            raise Refused(f"`{component.__name__}.kind` is {component.kind!r}, expected one of {', '.join(KINDS)}")
        if not isinstance(getattr(component, "id", None), str):
            raise Refused(f"`{component.__name__}` has no `id`, the word that experiments use for it")
        has = lambda name: callable(getattr(component, name, None))
        numbers = has({"dataset": "numbers", "classifier": "fit_numbers"}.get(component.kind, ""))
        # What has numbers alone needs nothing that is of classes.
        needless = {"dataset": "labels", "classifier": "fit"}.get(component.kind) if numbers else None
        missing = [name for name in KINDS[component.kind] if not has(name) and name != needless]
        if missing:
            raise Refused(f"`{component.__name__}` has no method `{missing[0]}`, which a {component.kind} needs")
        offered.append(
            {
                "kind": component.kind,
                "id": component.id,
                "about": (inspect.getdoc(component) or "").split("\n")[0],
                "schema": parameters_schema(component),
                "bytes": getattr(component, "element", "float32") == "uint8",
                "saves": has("save") and has("load"),
                "numbers": numbers,
            }
        )
        CLASSES[component.kind, component.id] = component
    if not offered:
        raise Refused("has no class with `kind` and `id`, so it offers nothing")
    return {
        "version": str(getattr(module, "__version__", "0")),
        "licence": str(getattr(module, "__license__", "unknown")),
        "components": offered,
        "python": platform.python_version(),
        "executable": sys.executable,
        "files": files,
        "packages": packages(imported),
    }


# --- calls -------------------------------------------------------------------------------------------------------------------


def array_of(given, method, type_, shape):
    """What a method gave as an array of this type and shape."""
    given = given.detach().cpu() if hasattr(given, "detach") else given
    array = np.asarray(given)
    if array.size != int(np.prod(shape)) or array.shape[:1] != tuple(shape[:1]):
        raise Refused(f"`{method}` gave an array of shape {array.shape}, expected {tuple(shape)}")
    if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
        raise Refused(f"`{method}` gave an array of {array.dtype}, expected {type_}")
    whole = np.issubdtype(np.dtype(type_), np.integer)
    if whole and not np.issubdtype(array.dtype, np.integer):
        raise Refused(f"`{method}` gave an array of {array.dtype}, expected whole numbers")
    if whole and array.size and (array.min() < 0 or array.max() > np.iinfo(type_).max):
        raise Refused(f"`{method}` gave numbers from {array.min()} to {array.max()}, expected 0 to {np.iinfo(type_).max}")
    return array.astype(type_, copy=False)


def texts_of(given, method, count):
    texts = [str(text) for text in given]
    if len(texts) != count:
        raise Refused(f"`{method}` gave {len(texts)} texts, expected {count}")
    return texts


def create(component, instance, parameters, host):
    of = CLASSES[tuple(component)]
    INSTANCES[instance] = of(parameters_of(of, parameters), Host(**host))


def destroy(instance):
    INSTANCES.pop(instance, None)


def describe(instance):
    described = INSTANCES[instance].describe()
    if not isinstance(described, dict):
        raise Refused(f"`describe` gave {type(described).__name__}, expected a dict")
    return json.loads(json.dumps(described, default=plain))


def plain(value):
    """Numbers of NumPy and sizes of PyTorch as JSON has them."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise Refused(f"`describe` gave a {type(value).__name__} where JSON has no word for it")


def features(instance, cut, samples, shape, batch, output):
    """Features of samples; in batches of one size, filled up with the last sample, where the component asks for that."""
    samples = MEMORY.read(samples)
    step = batch or len(samples)
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        count = len(part)
        if batch and count < batch:
            part = np.concatenate([part, np.repeat(part[-1:], batch - count, axis=0)])
        given = INSTANCES[instance].features(cut, part)
        given = array_of(given, "features", "float32", [len(part), *shape])[:count]
        MEMORY.write(given, output)
        output += given.nbytes


def labels(instance, split, count, output):
    MEMORY.write(array_of(method_of(instance, "labels", "classes")(split), "labels", "uint32", [count]), output)


def numbers(instance, split, count, columns, output):
    given = method_of(instance, "numbers", "numbers")(split)
    MEMORY.write(array_of(given, "numbers", "float32", [count, columns]), output)


def method_of(instance, name, targets):
    """A method that a component has where it serves these targets."""
    method = getattr(INSTANCES[instance], name, None)
    if method is None:
        raise Refused(f"has no method `{name}`, which {targets} need")
    return method


def read(instance, split, indices, shape, output):
    type_ = getattr(INSTANCES[instance], "element", "float32")
    indices = MEMORY.read(indices).copy()
    given = np.asarray(INSTANCES[instance].read(split, indices))
    if given.dtype != np.dtype(type_):
        raise Refused(f"`read` gave an array of {given.dtype}, expected {type_}, as `element` says")
    MEMORY.write(array_of(given, "read", type_, [len(indices), *shape]), output)


def texts(instance, method, split, count):
    of = getattr(INSTANCES[instance], method, None)
    given = None if of is None else of(split)
    return None if given is None else texts_of(given, method, count)


def fit(instance, features, labels, classes, seed, threads):
    # Copies: an estimator may keep what it has learnt from.
    report = method_of(instance, "fit", "classes")(
        MEMORY.read(features).copy(), MEMORY.read(labels).copy(), classes, seed=seed, threads=threads
    )
    return reported(report, "fit")


def fit_numbers(instance, features, numbers, seed, threads):
    report = method_of(instance, "fit_numbers", "numbers")(
        MEMORY.read(features).copy(), MEMORY.read(numbers).copy(), seed=seed, threads=threads
    )
    return reported(report, "fit_numbers")


def reported(report, method):
    report = {} if report is None else dict(report)
    unknown = set(report) - set(REPORTED)
    if unknown:
        *most, last = REPORTED
        raise Refused(f"`{method}` reports `{min(unknown)}`, expected {', '.join(most)} or {last}")
    return {key: facts_of(value, method) if key == "facts" else REPORTED[key](value) for key, value in report.items()}


def facts_of(facts, method):
    if not isinstance(facts, dict):
        raise Refused(f"`{method}` reports facts as {type(facts).__name__}, expected a dict of numbers and texts by their names")
    for name, value in facts.items():
        # NumPy's numbers are some, too.
        is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and np.isfinite(value)
        if not isinstance(name, str) or not (isinstance(value, str) or is_number):
            raise Refused(f"`{method}` reports the fact {name!r} as {value!r}, expected a finite number or a text by its name")
    return {name: value if isinstance(value, str) else float(value) for name, value in facts.items()}


# What `fit` may report, and how it becomes JSON.
REPORTED = {"converged": int, "iterations": int, "parameters": int, "note": str, "facts": dict}


def predict(instance, features, classes, output):
    features = MEMORY.read(features)
    scores = array_of(INSTANCES[instance].predict(features), "predict", "float32", [len(features), classes])
    MEMORY.write(scores, output)


def scores(instance):
    return str(getattr(INSTANCES[instance], "scores", "ranking"))


def save(instance, output):
    state = INSTANCES[instance].save()
    if not isinstance(state, (bytes, bytearray)):
        raise Refused(f"`save` gave {type(state).__name__}, expected bytes")
    MEMORY.write(np.frombuffer(state, np.uint8), output)
    return len(state)


def load(instance, state):
    INSTANCES[instance].load(MEMORY.read(state).tobytes())


def cuts(instance, backbone):
    return json.loads(json.dumps(INSTANCES[instance].cuts(backbone)))


CALLS = (create, destroy, describe, features, labels, numbers, read, texts, fit, fit_numbers, predict, scores, save, load, cuts)


def place(error):
    """Where in the plugin's own file it happened."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return f" ({os.path.basename(FILE)}, line {lines[-1]})" if lines else ""


def failure(error, call):
    """What became of a call, as an error of topwork: whose turn it is, the message, and what may help."""
    if isinstance(error, Stopped):
        return {"kind": "stopped", "message": ""}
    if isinstance(error, (Refused, WrongParameter)):
        return {"kind": "failed" if isinstance(error, Refused) else "parameters", "message": str(error)}
    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    sys.stderr.flush()
    text = " ".join(str(error).split())
    if call in ("create", "describe", "cuts") and isinstance(error, ValueError) and text:
        return {"kind": "parameters", "message": text}
    message = "raised " + (f"{type(error).__name__}: {text}" if text else type(error).__name__) + place(error)
    if isinstance(error, ImportError) and getattr(error, "name", None):
        name = error.name.split(".")[0]
        return {"kind": "failed", "message": message, "hint": f"{sys.executable} has no `{name}`: {sys.executable} -m pip install {name}"}
    if isinstance(error, OSError) or call == "load":
        return {"kind": "data", "message": message}
    return {"kind": "failed", "message": message}


def serve():
    known = {call.__name__: call for call in CALLS}
    known["open"] = open_file
    for line in CALLS_IN:
        request = json.loads(line)
        call = request.pop("call")
        try:
            answer = {"done": known[call](**request)}
            json.dumps(answer, allow_nan=False)
        except SystemExit as error:
            answer = {"failed": {"kind": "failed", "message": f"it wants to exit with {error.code}" + place(error)}}
        except BaseException as error:  # a KeyboardInterrupt is the plugin's, too: nobody else could send one here
            answer = {"failed": failure(error, call)}
        say(**answer)


end_with_parent()
CALLS_IN, ANSWERS = own_streams()
CLASSES, INSTANCES = {}, {}
# Modules beside the plugin are found, those of the folder that topwork was started in are not.
sys.path[:1] = [os.path.dirname(FILE)]
try:
    import numpy as np
except ImportError:
    say(failed={"kind": "failed", "message": f"{sys.executable} has no NumPy", "hint": f"{sys.executable} -m pip install numpy, or make an environment `.venv` beside the plugin"})
    sys.exit(0)
MEMORY = Shared(SHARED)
serve()
