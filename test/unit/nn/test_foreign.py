"""Foreign checkpoints: made up in the foreign layout, run in NumPy, then imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from authors_network import DENSENETS, Layout, densenet, semseg_od, semseg_od_state
from torch import Tensor

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.foreign import network_from_semseg_od, network_from_torchvision


def torchvision_state(name: str) -> dict[str, Tensor]:
    """Return an ImageNet classifier of 1000 classes."""
    layout = Layout()
    width = layout.densenet("features.", *DENSENETS[name])
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

    segmentation, outlier = semseg_od(image.numpy(), two_head_state)
    assert segmentation.std() > 0.1
    np.testing.assert_allclose(logits.segmentation, segmentation, atol=1e-9, rtol=1e-9)
    np.testing.assert_allclose(logits.outlier, outlier, atol=1e-9, rtol=1e-9)


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
    expected, _ = semseg_od(image.numpy(), state)
    np.testing.assert_allclose(logits.segmentation, expected, atol=1e-9, rtol=1e-9)


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
@pytest.mark.parametrize("name", DENSENETS)
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

    expected = densenet(image.numpy(), state, "features.", DENSENETS["densenet121"][2])
    for given, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(given, wanted, atol=1e-9, rtol=1e-9)


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
