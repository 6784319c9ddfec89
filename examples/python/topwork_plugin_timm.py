"""A plugin for topwork: networks of timm and torchvision, or any torch module, as backbones.

Needs torch and timm (torchvision for its own models): in an environment `.venv` beside this file, in the active one, or by `uv`, which
reads the next lines.
"""

# /// script
# dependencies = ["torch", "timm", "torchvision"]
# ///

import hashlib
from dataclasses import dataclass, field
from typing import List, Literal, Optional

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


class Torch:
    """a network of timm or torchvision, cut at its modules by their names"""

    kind = "backbone"
    id = "timm"

    @dataclass
    class Parameters:
        model: str = field(metadata={"description": "the model's name in its library, such as resnet18"})
        library: Literal["timm", "torchvision"] = field(default="timm", metadata={"description": "where the model comes from"})
        pretrained: bool = field(
            default=False, metadata={"description": "load the library's weights, downloaded once; otherwise random ones"}
        )
        file: Optional[str] = field(
            default=None, metadata={"description": "a file of weights, .pth or .safetensors, absolute or below a data folder"}
        )
        cuts: List[str] = field(
            default_factory=list, metadata={"description": "modules to cut behind, such as layer3; by default the outermost ones"}
        )
        size: int = field(default=0, metadata={"description": "height and width of images; 0 is the model's own", "minimum": 0, "maximum": 4096})
        device: str = field(default="auto", metadata={"description": "cpu, cuda, mps; auto takes the fastest that is there"})
        half: bool = field(default=False, metadata={"description": "compute in half precision, bfloat16"})
        batch: int = field(default=32, metadata={"description": "images computed at once", "minimum": 1, "maximum": 4096})
        seed: int = field(default=1, metadata={"description": "of random weights", "minimum": 0})

    def __init__(self, parameters, host):
        self.parameters, self.host = parameters, host

    def describe(self):
        """Asked first, so this is where the model is loaded."""
        self.prepare()
        cuts = []
        for name, shape in self.places.items():
            cut = {"name": name, "shape": shape}
            if len(shape) == 2 or (len(shape) == 3 and self.channels_last()):
                cut["channels"] = len(shape) - 1
            cuts.append(cut)
        device = self.torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        return {
            "input": self.input,
            "cuts": cuts,
            "normalise": {"mean": self.mean, "std": self.std},
            "digest": self.digest,
            "device": device + (" in bfloat16" if self.parameters.half else ""),
            # A kernel of torch is chosen by the size of the batch, and sums in an order of its own: one size, and an image has the
            # same features to the bit in whatever company.
            "batch": self.parameters.batch,
        }

    def prepare(self):
        import torch

        self.torch, parameters, host = torch, self.parameters, self.host
        torch.set_num_threads(host.threads)
        torch.manual_seed(parameters.seed)
        self.model, config = self.load()
        if parameters.file:
            self.model.load_state_dict(self.read(parameters.file))
        self.model = self.model.eval()
        self.mean, self.std = list(config.get("mean", IMAGENET["mean"])), list(config.get("std", IMAGENET["std"]))
        channels, height, width = config.get("input_size", (3, 224, 224))
        self.input = [channels, parameters.size or height, parameters.size or width]
        self.device = self.choose_device()
        self.digest = self.digest_of_weights()
        kind = torch.bfloat16 if parameters.half else torch.float32
        self.model = self.model.to(self.device, kind)
        self.kind_of_number = kind
        self.places = self.find_places()

    def load(self):
        """The module, and what is known of its input. For a module of your own, this is what to change."""
        parameters = self.parameters
        if parameters.library == "timm":
            import timm

            if not timm.is_model(parameters.model):
                near = ", ".join(timm.list_models(f"*{parameters.model}*")[:5]) or "see timm.list_models()"
                raise ValueError(f"timm has no model `{parameters.model}`: {near}")
            model = timm.create_model(parameters.model, pretrained=parameters.pretrained, num_classes=0)
            return model, model.pretrained_cfg
        from torchvision import models

        if parameters.model not in models.list_models():
            raise ValueError(f"torchvision has no model `{parameters.model}`")
        return models.get_model(parameters.model, weights="DEFAULT" if parameters.pretrained else None), {}

    def read(self, path):
        """Weights of a file, without running code from it."""
        import os

        path = path if os.path.isabs(path) else self.host.find_data(path)
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(path)
        return self.torch.load(path, map_location="cpu", weights_only=True)

    def choose_device(self):
        torch, wanted = self.torch, self.parameters.device
        if wanted != "auto":
            return torch.device(wanted)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def digest_of_weights(self):
        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.contiguous().flatten().view(self.torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def find_places(self):
        """Names and shapes of the cuts, in the order in which the model comes to them."""
        names = dict(self.model.named_modules())
        wanted = self.parameters.cuts or [name for name, _ in self.model.named_children()]
        for name in wanted:
            if name not in names:
                near = [of for of in names if name in of][:5]
                raise ValueError(f"the model has no module `{name}`: " + ", ".join(near or list(names)[1:6]))
        shapes, hooks = {}, []
        for name in wanted:

            def note(_, __, output, name=name):
                if isinstance(output, self.torch.Tensor):
                    shapes.setdefault(name, list(output.shape[1:]))

            hooks.append(names[name].register_forward_hook(note))
        with self.torch.inference_mode():
            images = self.torch.zeros([1, *self.input], device=self.device, dtype=self.kind_of_number)
            output = self.model(images)
        for hook in hooks:
            hook.remove()
        shapes["output"] = list(output.shape[1:])
        return {name: shape for name, shape in shapes.items() if shape}

    def channels_last(self):
        return getattr(self.model, "output_fmt", "NCHW") == "NHWC"

    def features(self, cut, images):
        torch, found = self.torch, []

        class Enough(Exception):
            """What lies behind the cut need not be computed."""

        def keep(_, __, output):
            found.append(output)
            raise Enough

        hook = None if cut == "output" else dict(self.model.named_modules())[cut].register_forward_hook(keep)
        try:
            with torch.inference_mode():
                images = torch.from_numpy(images).to(self.device, self.kind_of_number)
                found.append(self.model(images))
        except Enough:
            pass
        finally:
            if hook is not None:
                hook.remove()
        return found[0].float().cpu().numpy()
