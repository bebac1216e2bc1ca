"""`ldn-openset import`: the model's folder it writes, and its refusals."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from authors_network import semseg_od, semseg_od_state, upsample

from ldn_openset_ros.cli import import_checkpoint
from ldn_openset_ros.cli.main import build_parser
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import read_description, read_network
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.nn.dense_net import densenet121
from ldn_openset_ros.nn.foreign import SEMSEG_OD_PREFIXES, SEMSEG_OD_WIDTHS
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.taxonomy import OUTLIER_COLOUR


@pytest.fixture(scope="module")
def authors_network() -> OpenSetNetwork:
    torch.manual_seed(4)
    return OpenSetNetwork(SEMSEG_OD_WIDTHS).eval()


@pytest.fixture(scope="module")
def authors_file(authors_network, tmp_path_factory) -> Iterator[Path]:
    """A state dict in the authors' names; `test_foreign.py` checks the names themselves."""
    path = tmp_path_factory.mktemp("semseg_od") / "two_head.pt"
    theirs = {ours: name for name, ours in SEMSEG_OD_PREFIXES.items()}
    state = {}
    for name, tensor in authors_network.state_dict().items():
        prefix = next(p for p in theirs if name.startswith(p))
        state[theirs[prefix] + name.removeprefix(prefix)] = tensor
    torch.save(state, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def torchvision_file(tmp_path_factory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("torchvision") / "densenet121.pth"
    torch.manual_seed(5)
    state = densenet121().state_dict()
    torch.save({**state, "classifier.weight": torch.zeros(1000, 1024)}, path)
    yield path
    path.unlink()


def run(*arguments: str | Path) -> int:
    args = build_parser().parse_args(["import", *map(str, arguments)])
    return args.run(args)


def test_the_authors_model_is_ready_for_use(authors_file, authors_network, tmp_path, capsys):
    folder = tmp_path / "models" / "two_head"

    assert run(authors_file, "--layout", "semseg_od", "-o", folder) == 0

    assert capsys.readouterr().out == (
        f"{folder}: densenet169, 19 classes (cityscapes), two_heads\n"
        "auxiliary heads, if any, were left out: they serve training alone\n"
    )
    values = yaml.safe_load((folder / "model.yaml").read_text())
    assert values["name"] == "two_head"
    assert values["trained"] is True
    assert values["network"]["ladder_widths"] == [256, 256, 128]
    assert values["normalisation"] == {
        "mean": [123.68, 116.779, 103.939],
        "std": [70.59564226, 68.52497082, 71.41913876],
    }
    assert values["taxonomy"]["classes"][13] == {
        "name": "car",
        "colour": [0, 0, 142],
        "category": "vehicle",
        "instance_size": 12794.0202738185,
    }
    assert values["decision"]["fusion"] == "op_x_msm"

    rgb = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    predictor = Predictor.load(folder, device="cpu")
    logits = predictor.infer(rgb)
    mean, std = (np.array(values["normalisation"][key]) for key in ("mean", "std"))
    image = torch.from_numpy((rgb - mean) / std).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        expected = authors_network(image).main
    spread = expected.segmentation.std().item()
    difference = (logits.heads.segmentation - expected.segmentation).abs().max().item()
    assert difference < 1e-5 * spread
    assert predictor(rgb).open_set.shape == (64, 96)


def computed_independently(rgb: np.ndarray, state: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and OP x MSM of a picture from the authors' weights, in NumPy alone."""
    mean, std = [123.68, 116.779, 103.939], [70.59564226, 68.52497082, 71.41913876]
    image = ((rgb - np.array(mean)) / np.array(std)).transpose(2, 0, 1)[None]
    heads = (upsample(logits, *rgb.shape[:2])[0] for logits in semseg_od(image, state))
    segmentation, (inlier, outlier) = heads
    largest_softmax = 1 / np.exp(segmentation - segmentation.max(0)).sum(0)
    return segmentation.argmax(0), (1 - largest_softmax) / (1 + np.exp(inlier - outlier))


def test_an_imported_network_gives_what_its_weights_say(tmp_path):
    """From a file in the authors' layout to the outlier probability of every pixel."""
    state = semseg_od_state()
    torch.save(state, tmp_path / "theirs.pt")
    run(tmp_path / "theirs.pt", "--layout", "semseg_od", "-o", tmp_path / "m")
    rgb = np.random.default_rng(1).integers(0, 256, (72, 100, 3), np.uint8)

    labels, outlier = computed_independently(rgb, state)

    assert np.ptp(outlier) > 0.3
    for backend in ("torch", "auto"):
        found = Predictor.load(tmp_path / "m", device="cpu", backend=backend)(rgb)
        assert np.abs(found.outlier - outlier).max() <= 1e-5, backend
        assert (found.labels != labels).mean() < 1e-3, backend


def test_half_precision_is_asked_for_and_measured(authors_file, tmp_path, capsys):
    folder = tmp_path / "half"
    run(authors_file, "--layout", "semseg_od", "--half", "-o", folder)
    told = re.search(
        r"weights in half precision: on 3 rendered frames of 640x480 they change the outlier "
        r"probability by up to (\S+), and the label of (\S+)% of the pixels\n",
        capsys.readouterr().out,
    )
    assert 1e-6 < float(told[1]) < 0.1
    assert 0 <= float(told[2]) < 10
    assert (folder / "model.safetensors").stat().st_size < 0.55 * authors_file.stat().st_size


def test_torchvisions_weights_are_a_start_for_training(torchvision_file, tmp_path, capsys):
    folder = tmp_path / "start"

    run(torchvision_file, "--layout", "torchvision", "--taxonomy", "camvid", "-o", folder)

    out = capsys.readouterr().out
    assert out.startswith(f"{folder}: densenet121, 11 classes (camvid), two_heads\n")
    assert "only the backbone has the file's weights" in out
    assert "train the model before use" in out
    description = read_description(folder)
    assert description.trained is False
    assert description.network.backbone == "densenet121"
    backbone = read_network(folder, description).backbone.state_dict()
    for name, tensor in torch.load(torchvision_file, weights_only=True).items():
        if name != "classifier.weight":
            assert torch.equal(backbone[name], tensor), name


def test_classes_without_a_taxonomy_are_named_by_number(torchvision_file, tmp_path):
    run(torchvision_file, "--layout", "torchvision", "--classes", 5, "-o", tmp_path / "m")

    taxonomy = read_description(tmp_path / "m").taxonomy
    colours = {tuple(entry["colour"]) for entry in taxonomy["classes"]}
    assert taxonomy["name"] == "5 classes"
    assert [entry["name"] for entry in taxonomy["classes"]] == [f"class {i}" for i in range(5)]
    assert len(colours) == 5
    assert OUTLIER_COLOUR not in colours


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "12"], r"two_head\.pt has 19 classes, not 12"),
        (["--taxonomy", "camvid"], r"taxonomy 'camvid' has 11 classes, the network 19"),
        (["--taxonomy", "venus"], r"no taxonomy 'venus'"),
    ],
)
def test_other_classes_than_the_files_are_refused(authors_file, tmp_path, arguments, message):
    with pytest.raises(OpenSetError, match=message):
        run(authors_file, "--layout", "semseg_od", *arguments, "-o", tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("classes", ["-3", "0", "1", "255"])
def test_impossible_numbers_of_classes_are_refused(torchvision_file, tmp_path, classes):
    arguments = ("--layout", "torchvision", f"--classes={classes}", "-o", tmp_path / "m")
    with pytest.raises(OpenSetError, match="give 2 to 254"):
        run(torchvision_file, *arguments)


def test_a_model_is_never_overwritten(torchvision_file, tiny_model):
    before = (tiny_model / "model.yaml").read_bytes()

    with pytest.raises(OpenSetError, match="holds a model already"):
        run(torchvision_file, "--layout", "torchvision", "-o", tiny_model)

    assert (tiny_model / "model.yaml").read_bytes() == before


def test_a_file_in_the_other_layout_is_refused(torchvision_file, tmp_path):
    with pytest.raises(OpenSetError, match=r"densenet121\.pth does not fit.*pyramid_pooling"):
        run(torchvision_file, "--layout", "semseg_od", "-o", tmp_path / "m")


class Payload:
    """Makes a folder when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("layout", import_checkpoint.LAYOUTS)
@pytest.mark.parametrize("plain", [True, False], ids=["pickle", "torch"])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, layout, plain):
    path, owned = tmp_path / "evil.pt", tmp_path / "owned"
    if plain:
        path.write_bytes(pickle.dumps(Payload(owned)))
    else:
        torch.save({"logits.conv.weight": torch.zeros(1), "x": Payload(owned)}, path)

    with pytest.raises(OpenSetError, match=r"evil\.pt .*not loaded"):
        run(path, "--layout", layout, "-o", tmp_path / "m")

    assert not owned.exists()
    assert not (tmp_path / "m").exists()


def test_a_file_that_asks_for_an_enormous_network_is_refused(tmp_path):
    """A tensor of stride 0 has any shape in a few bytes."""
    wide = torch.zeros(1, 1, 1, 1).expand(10**9, 1, 1, 1)
    torch.save({"spp.spp.spp_bn.conv.weight": wide}, tmp_path / "wide.pt")

    with pytest.raises(OpenSetError, match="the network is too large: give widths up to 1024"):
        run(tmp_path / "wide.pt", "--layout", "semseg_od", "-o", tmp_path / "m")


def test_bad_usage_is_exit_code_2(torchvision_file, tmp_path, capsys):
    for arguments in (["--layout", "keras"], []):
        with pytest.raises(SystemExit) as caught:
            run(torchvision_file, *arguments, "-o", tmp_path / "m")
        assert caught.value.code == 2
    assert "--layout" in capsys.readouterr().err
