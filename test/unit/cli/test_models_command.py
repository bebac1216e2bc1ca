"""`ldn-openset models`: the list, and a copy that other commands may change."""

from __future__ import annotations

import pytest

from ldn_openset_ros.cli.main import main
from ldn_openset_ros.inference.model_files import find_model, read_description, read_network
from ldn_openset_ros.resources import DEFAULT_MODEL, models_directory


def test_every_shipped_model_is_listed_with_its_folder(capsys):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = dict(line.split() for line in lines)
    assert listed[DEFAULT_MODEL] == str(models_directory() / DEFAULT_MODEL)
    assert len(listed) == len(list(models_directory().glob("*/model.yaml")))


def test_a_shipped_model_is_copied_whole(tmp_path, capsys):
    copy = tmp_path / "models" / "mine"
    assert main(["models", DEFAULT_MODEL, "-o", str(copy)]) == 0
    assert capsys.readouterr().out == f"copied to {copy}\n"
    source = find_model(DEFAULT_MODEL)
    for path in source.iterdir():
        assert (copy / path.name).read_bytes() == path.read_bytes()
    read_network(copy, read_description(copy))


def test_links_as_colcon_installs_them_become_files(tiny_model, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in tiny_model.iterdir():
        (linked / path.name).symlink_to(path)
    assert main(["models", str(linked), "-o", str(tmp_path / "copy")]) == 0
    assert not any(path.is_symlink() for path in (tmp_path / "copy").iterdir())


def test_a_model_is_never_overwritten(tiny_model, tmp_path, capsys):
    assert main(["models", str(tiny_model), "-o", str(tmp_path)]) == 0
    before = (tmp_path / "model.yaml").read_bytes()
    assert main(["models", DEFAULT_MODEL, "-o", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error == f"error: {tmp_path} holds a model already: remove it or choose another -o\n"
    assert (tmp_path / "model.yaml").read_bytes() == before


def test_a_copy_needs_a_model_and_a_place(tmp_path, capsys):
    for arguments in ([DEFAULT_MODEL], ["-o", str(tmp_path / "m")]):
        with pytest.raises(SystemExit) as caught:
            main(["models", *arguments])
        assert caught.value.code == 2
    assert main(["models", "camvid_lite9", "-o", str(tmp_path / "m")]) == 1
    assert f"or one of {DEFAULT_MODEL}" in capsys.readouterr().err
