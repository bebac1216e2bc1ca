"""Foreign checkpoints: made up in the foreign layout, run by plain functions, then imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.foreign import network_from_semseg_od, network_from_torchvision

VARIANTS = {
    "densenet121": (64, 32, (6, 12, 24, 16)),
    "densenet161": (96, 48, (6, 12, 36, 24)),
    "densenet169": (64, 32, (6, 12, 32, 32)),
    "densenet201": (64, 32, (6, 12, 48, 32)),
}


class Layout:
    """Collects a foreign state dict of random tensors."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(5)
        self.state: dict[str, Tensor] = {}

    def norm(self, name: str, width: int) -> None:
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            values = torch.randn(width, generator=self.generator) * 0.2
            self.state[f"{name}.{leaf}"] = values.abs() + 0.5 if "var" in leaf else values
        self.state[f"{name}.weight"] += 1
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(1000)

    def conv(self, name: str, inputs: int, outputs: int, kernel: int, bias: bool = False) -> None:
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=self.generator)
        self.state[f"{name}.weight"] = weight * (1 / (inputs * kernel * kernel)) ** 0.5
        if bias:
            self.state[f"{name}.bias"] = torch.randn(outputs, generator=self.generator)

    def norm_conv(self, name: str, inputs: int, outputs: int, kernel: int = 1, bias=False) -> None:
        self.norm(f"{name}.norm", inputs)
        self.conv(f"{name}.conv", inputs, outputs, kernel, bias)

    def densenet(self, prefix: str, stem: int, growth: int, blocks: tuple[int, ...]) -> int:
        """Add a backbone without norm5; return its last width."""
        self.conv(f"{prefix}conv0", 3, stem, 7)
        self.norm(f"{prefix}norm0", stem)
        width = stem
        for block, layers in enumerate(blocks, start=1):
            for layer in range(1, layers + 1):
                name = f"{prefix}denseblock{block}.denselayer{layer}"
                self.norm(f"{name}.norm1", width)
                self.conv(f"{name}.conv1", width, 4 * growth, 1)
                self.norm(f"{name}.norm2", 4 * growth)
                self.conv(f"{name}.conv2", 4 * growth, growth, 3)
                width += growth
            if block < len(blocks):
                self.norm_conv(f"{prefix}transition{block}", width, width // 2)
                width //= 2
        return width


def torchvision_state(name: str) -> dict[str, Tensor]:
    """Return an ImageNet classifier of 1000 classes."""
    layout = Layout()
    width = layout.densenet("features.", *VARIANTS[name])
    layout.norm("features.norm5", width)
    layout.state["classifier.weight"] = torch.zeros(1000, width)
    layout.state["classifier.bias"] = torch.zeros(1000)
    return layout.state


def with_old_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state as PyTorch 0.3 wrote it: `norm.1`, and no counters."""
    return {
        re.sub(r"(denselayer\d+\.)(norm|conv)([12])", r"\1\2.\3", name): tensor
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }


def semseg_od_state(
    num_classes: int = 19, two_heads: bool = True, widths=(256, 256, 128)
) -> dict[str, Tensor]:
    """Return a state dict as the authors' training code saves it."""
    layout = Layout()
    root = "feature_extractor"
    top = layout.densenet(f"{root}.backbone.features.", *VARIANTS["densenet169"])
    layout.norm_conv(f"{root}.spp.spp.spp_bn", top, 512)
    for level in range(4):
        layout.norm_conv(f"{root}.spp.spp.spp{level}", 512, 128)
    layout.norm_conv(f"{root}.spp.spp.spp_fuse", 1024, 512)
    coarse = 512
    for index, (skip, width) in enumerate(zip((1280, 512, 256), widths, strict=True)):
        name = f"{root}.upsample_layers.upsample_{index}"
        layout.norm_conv(f"{name}.bottleneck", skip, coarse)
        layout.norm_conv(f"{name}.blend_conv", coarse, width, 3)
        layout.norm_conv(f"aux_logits.upsample_{index}", coarse, num_classes, bias=True)
        if two_heads:
            layout.norm_conv(f"aux_logits_ood.upsample_{index}", coarse, 2, bias=True)
        coarse = width
    layout.norm_conv("logits", coarse, num_classes, bias=True)
    if two_heads:
        layout.norm_conv("logits_conf", coarse, 2, bias=True)
    return layout.state


def with_released_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state in the spelling that the authors' inference code converts from."""
    renamed = {}
    for name, tensor in state.items():
        auxiliary = re.match(r"(aux_logits(?:_ood)?)\.(upsample_\d)\.(.*)", name)
        if auxiliary:
            head, module, leaf = auxiliary.groups()
            name = f"upsample_layers.{module}.{head}.{leaf}"
        renamed[name.removeprefix("feature_extractor.").removeprefix("backbone.")] = tensor
    return renamed


def norm_conv(x: Tensor, state: dict[str, Tensor], norm: str, conv: str) -> Tensor:
    mean, variance, weight, bias = (
        state[f"{norm}.{leaf}"].double()
        for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    x = functional.relu(functional.batch_norm(x, mean, variance, weight, bias))
    kernel = state[f"{conv}.weight"].double()
    offset = state.get(f"{conv}.bias")
    offset = None if offset is None else offset.double()
    return functional.conv2d(x, kernel, offset, padding=kernel.shape[-1] // 2)


def run_densenet(image: Tensor, state: dict[str, Tensor], prefix: str, blocks) -> list[Tensor]:
    x = functional.conv2d(image, state[f"{prefix}conv0.weight"].double(), stride=2, padding=3)
    mean, variance, weight, bias = (
        state[f"{prefix}norm0.{leaf}"].double()
        for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    x = functional.relu(functional.batch_norm(x, mean, variance, weight, bias))
    x = functional.max_pool2d(x, 2)
    outputs = []
    for block, layers in enumerate(blocks, start=1):
        for layer in range(1, layers + 1):
            name = f"{prefix}denseblock{block}.denselayer{layer}"
            new = norm_conv(x, state, f"{name}.norm1", f"{name}.conv1")
            x = torch.cat([x, norm_conv(new, state, f"{name}.norm2", f"{name}.conv2")], 1)
        outputs.append(x)
        if block < len(blocks):
            name = f"{prefix}transition{block}"
            x = norm_conv(x, state, f"{name}.norm", f"{name}.conv")
            x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return outputs


def run_semseg_od(image: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Return both heads' logits at stride 4."""

    def module(x: Tensor, name: str) -> Tensor:
        return norm_conv(x, state, f"{name}.norm", f"{name}.conv")

    def resize(x: Tensor, size) -> Tensor:
        return functional.interpolate(x, size, mode="bilinear", align_corners=False)

    root = "feature_extractor"
    blocks = VARIANTS["densenet169"][2]
    *skips, x = run_densenet(image, state, f"{root}.backbone.features.", blocks)
    height, width = x.shape[-2:]
    x = module(x, f"{root}.spp.spp.spp_bn")
    parts = [x]
    for level, rows in enumerate((8, 4, 2, 1)):
        pooled = functional.adaptive_avg_pool2d(x, (rows, max(1, round(rows * width / height))))
        parts.append(resize(module(pooled, f"{root}.spp.spp.spp{level}"), (height, width)))
    x = module(torch.cat(parts, 1), f"{root}.spp.spp.spp_fuse")
    for index, skip in enumerate(reversed(skips)):
        name = f"{root}.upsample_layers.upsample_{index}"
        projected = module(skip, f"{name}.bottleneck")
        x = module(resize(x, projected.shape[-2:]) + projected, f"{name}.blend_conv")
    outlier = module(x, "logits_conf") if "logits_conf.conv.weight" in state else None
    return module(x, "logits"), outlier


@pytest.fixture
def save(tmp_path) -> Iterator[Callable[[dict], Path]]:
    """Return a function that writes a checkpoint, which is removed after the test: it is large."""
    path = tmp_path / "foreign.pt"

    def write(content: dict) -> Path:
        torch.save(content, path)
        return path

    yield write
    path.unlink()


def picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    return torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="module")
def two_head_state() -> dict[str, Tensor]:
    return semseg_od_state()


@pytest.mark.parametrize("respell", [dict, with_released_names], ids=["saved", "released"])
@torch.inference_mode()
def test_two_head_network_computes_the_same_logits(respell, two_head_state, save):
    network = network_from_semseg_od(save(respell(two_head_state)))

    image = picture(70, 96)
    logits = network.double().eval()(image).main

    segmentation, outlier = run_semseg_od(image, two_head_state)
    assert segmentation.std() > 0.1
    torch.testing.assert_close(logits.segmentation, segmentation, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(logits.outlier, outlier, atol=1e-9, rtol=1e-9)


def test_two_head_network_has_the_authors_shape(two_head_state, save):
    network = network_from_semseg_od(save(two_head_state))

    settings = network.settings
    assert (settings.backbone, settings.num_classes, settings.outlier_head) == (
        "densenet169",
        19,
        True,
    )
    assert settings.ladder_widths == (256, 256, 128)
    assert len(network.auxiliary_heads) == 0
    auxiliary = sum(t.numel() for n, t in two_head_state.items() if n.startswith("aux"))
    total = sum(t.numel() for t in two_head_state.values())
    assert sum(t.numel() for t in network.state_dict().values()) == total - auxiliary


@torch.inference_mode()
def test_one_head_other_classes_and_widths_follow_from_the_file(save):
    state = semseg_od_state(num_classes=12, two_heads=False, widths=(64, 48, 32))
    network = network_from_semseg_od(save({"model": state}))

    image = picture(33, 41)
    logits = network.double().eval()(image).main

    assert network.settings.num_classes == 12
    assert network.settings.ladder_widths == (64, 48, 32)
    assert logits.outlier is None
    torch.testing.assert_close(
        logits.segmentation, run_semseg_od(image, state)[0], atol=1e-9, rtol=1e-9
    )


def test_every_key_of_the_authors_that_does_not_fit_is_named(two_head_state, save, tmp_path):
    state = dict(two_head_state)
    for name in [n for n in state if ".spp.spp.spp2.norm." in n or n == "logits_conf.conv.bias"]:
        del state[name]
    state["feature_extractor.backbone.features.denseblock5.conv.weight"] = torch.zeros(1)
    state["logits_extra.conv.weight"] = torch.zeros(1)
    state["feature_extractor.spp.spp.spp1.conv.weight"] = torch.zeros(128, 512, 3, 3)

    with pytest.raises(OpenSetError) as caught:
        network_from_semseg_od(save(state))

    assert str(caught.value) == (
        f"{tmp_path / 'foreign.pt'} does not fit the network: "
        "5 missing: heads.outlier.conv.bias, pyramid_pooling.levels.2.norm.bias, "
        "pyramid_pooling.levels.2.norm.running_mean, pyramid_pooling.levels.2.norm.running_var, "
        "pyramid_pooling.levels.2.norm.weight; "
        "2 unexpected: backbone.features.denseblock5.conv.weight, logits_extra.conv.weight; "
        "1 of another shape: pyramid_pooling.levels.1.conv.weight (128, 512, 3, 3) instead of "
        "(128, 512, 1, 1)"
    )


def test_a_file_without_anything_known_is_refused(save):
    path = save({"conv.weight": torch.zeros(3, 3, 1, 1)})

    with pytest.raises(OpenSetError, match=r"missing: backbone\.features\.conv0.*1 unexpected"):
        network_from_semseg_od(path)
    with pytest.raises(OpenSetError, match="holds no DenseNet-121, 161, 169 or 201"):
        network_from_torchvision(path, 19)


@pytest.mark.parametrize("respell", [dict, with_old_names], ids=["norm1", "norm.1"])
@pytest.mark.parametrize("name", VARIANTS)
def test_torchvision_weights_reach_their_places(name, respell, save):
    # One value a tensor tells the tensors apart and takes little room on disk.
    state = {
        key: tensor.flatten()[0].clone().expand(tensor.shape)
        for key, tensor in torchvision_state(name).items()
    }
    network = network_from_torchvision(save(respell(state)), num_classes=7)

    assert network.settings.backbone == name
    assert network.settings.num_classes == 7
    loaded = network.backbone.state_dict()
    for key, tensor in loaded.items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[key]), key
    assert set(state) - set(loaded) == {
        "classifier.weight",
        "classifier.bias",
        *(key for key in state if key.startswith("features.norm5.")),
    }


@torch.inference_mode()
def test_torchvision_backbone_computes_the_same_features(save):
    state = torchvision_state("densenet121")
    network = network_from_torchvision(
        save({"state_dict": {f"module.{k}": t for k, t in state.items()}}), 19
    )

    image = picture(45, 64)
    outputs = network.backbone.double().eval()(image)

    expected = run_densenet(image, state, "features.", VARIANTS["densenet121"][2])
    for given, wanted in zip(outputs, expected, strict=True):
        torch.testing.assert_close(given, wanted, atol=1e-9, rtol=1e-9)


def test_every_key_of_torchvisions_layout_that_does_not_fit_is_named(save, tmp_path):
    state = torchvision_state("densenet121")
    block = "features.denseblock3.denselayer7"
    for name in [n for n in state if n.startswith(f"{block}.norm1.")]:
        del state[name]
    state["features.conv0.bias"] = torch.zeros(64)
    state["features.transition1.conv.weight"] = torch.zeros(128, 255, 1, 1)

    with pytest.raises(OpenSetError) as caught:
        network_from_torchvision(save(state), 19)

    assert str(caught.value) == (
        f"{tmp_path / 'foreign.pt'} does not fit the network: "
        f"4 missing: {block}.norm1.bias, {block}.norm1.running_mean, "
        f"{block}.norm1.running_var, {block}.norm1.weight; "
        "1 unexpected: features.conv0.bias; "
        "1 of another shape: features.transition1.conv.weight (128, 255, 1, 1) instead of "
        "(128, 256, 1, 1)"
    )


def test_all_but_the_backbone_stays_random(save):
    path = save(torchvision_state("densenet121"))
    networks = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        networks.append(network_from_torchvision(path, 19).state_dict())

    first, second = networks
    for name in first:
        if name.endswith("conv.weight") and not name.startswith("backbone."):
            assert not torch.equal(first[name], second[name]), name
    assert torch.equal(
        first["backbone.features.conv0.weight"], second["backbone.features.conv0.weight"]
    )


class Payload:
    """Creates a file when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_checkpoint_is_refused_and_not_run(save, tmp_path):
    path = save({"state_dict": {"a": torch.zeros(1)}, "x": Payload(tmp_path / "owned")})

    for read in (network_from_semseg_od, lambda p: network_from_torchvision(p, 19)):
        with pytest.raises(OpenSetError, match=r"foreign\.pt .*state_dict"):
            read(path)
    assert not (tmp_path / "owned").exists()
