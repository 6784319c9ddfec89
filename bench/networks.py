"""The networks that both sides are measured on, as one would write them in PyTorch; layers carry torchvision's names. Those that
workloads.json calls by a `model` are torchvision's and timm's own."""

import torch
from torch import nn


def backbone(settings):
    """The backbone of a workload, up to the features a head gets, with random weights, and how many there are."""
    torch.manual_seed(1)
    if settings["use"] == "lenet":
        return lenet()[0], 800
    if settings["use"] == "efficientnet-lite":
        return efficientnet_lite0(), 1280
    if settings["use"] == "resnet":
        assert settings["depth"] == 18
        network = ResNet18(stem=settings["size"])
        features, network.fc = network.fc.in_features, nn.Identity()
        return network, features
    model = settings["model"]
    if model.startswith("timm/"):
        import timm

        side = {"img_size": settings["input"][1]} if "vit" in model else {}
        network = timm.create_model(model.removeprefix("timm/"), num_classes=0, **side)
        return network, network.num_features
    import torchvision

    network = torchvision.models.get_model(model, weights=None)
    # The classifier's name differs, and dropout may stand before its layer.
    name = "fc" if hasattr(network, "fc") else "classifier"
    classifier = getattr(network, name)
    setattr(network, name, nn.Identity())
    return network, [layer for layer in classifier.modules() if isinstance(layer, nn.Linear)][0].in_features


def export(settings, shape, path):
    """Writes that backbone in the ONNX format, for any number of images at a time. Batch normalisations stay what they are: whoever
    reads the file may train it, and folds them otherwise."""
    network = backbone(settings)[0].eval()
    several = torch.zeros(2, *shape)
    torch.onnx.export(
        network, (several,), path, input_names=["images"], output_names=["features"], dynamo=False, opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE, dynamic_axes={"images": {0: "batch"}, "features": {0: "batch"}},
    )


def lenet(classes=5):
    """LeNet, and the head of the flagship experiment: 500 hidden units."""
    trunk = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    )
    return trunk, nn.Sequential(nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, classes))


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride != 1 or channels != filters:
            shortcut = nn.Conv2d(channels, filters, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(filters))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    """K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition" (2016); 18 layers."""

    def __init__(self, width=64, classes=1000, stem="imagenet", channels=3):
        super().__init__()
        imagenet = stem == "imagenet"
        kernel, stride, padding = (7, 2, 3) if imagenet else (3, 1, 1)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride=stride, padding=padding, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if imagenet else nn.Identity()
        before = width
        for stage in range(4):
            filters = width << stage
            first = BasicBlock(before, filters, 1 if stage == 0 else 2)
            setattr(self, f"layer{stage + 1}", nn.Sequential(first, BasicBlock(filters, filters, 1)))
            before = filters
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(before, classes)

    def features(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)

    def forward(self, x):
        return self.fc(self.features(x))


class InvertedResidual(nn.Sequential):
    def __init__(self, channels, filters, kernel, stride, expansion):
        wide = channels * expansion
        expand = [nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide, eps=1e-3), nn.ReLU6(inplace=True)]
        super().__init__(
            *(expand if expansion > 1 else []),
            nn.Conv2d(wide, wide, kernel, stride=stride, padding=kernel // 2, groups=wide, bias=False),
            nn.BatchNorm2d(wide, eps=1e-3), nn.ReLU6(inplace=True),
            nn.Conv2d(wide, filters, 1, bias=False), nn.BatchNorm2d(filters, eps=1e-3),
        )
        self.shortcut = stride == 1 and channels == filters

    def forward(self, x):
        y = super().forward(x)
        return y.add_(x) if self.shortcut else y


def efficientnet_lite0():
    """M. Tan and Q. V. Le, "EfficientNet" (2019), the variant without squeeze-and-excitation, up to its features. Padding is
    the same on both sides of an image, which spares a copy; ours is as in the published weights, one more at the end."""
    layers = [nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32, eps=1e-3), nn.ReLU6(inplace=True)]
    channels = 32
    stages = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
              (1, 3, 1, 6, 320)]
    for blocks, kernel, stride, expansion, filters in stages:
        for block in range(blocks):
            layers.append(InvertedResidual(channels, filters, kernel, stride if block == 0 else 1, expansion))
            channels = filters
    layers += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280, eps=1e-3), nn.ReLU6(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
