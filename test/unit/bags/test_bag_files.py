"""Bags are found in folders, and the files of a bag by its metadata or by rosbag2's names."""

from __future__ import annotations

import shutil

import pytest
import yaml
from recordings import IMAGE, STORAGES, image, record, storage_file

from ldn_openset_ros.bags.bag_files import BagFiles, bag_files, find_bags, is_bag, unique_bags
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.errors import OpenSetError


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def relative(bags, folder):
    return [str(bag.relative_to(folder)) for bag in bags]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_bag_is_found_as_itself(tmp_path, storage):
    bag = record(tmp_path / "bag", [(IMAGE, image(1, 1))], storage)
    assert find_bags(bag) == [bag]
    assert find_bags(storage_file(bag, storage)) == [storage_file(bag, storage)]
    assert is_bag(bag)
    assert is_bag(storage_file(bag, storage))
    assert not is_bag(tmp_path)


def test_all_bags_below_a_folder_are_found_in_order(tmp_path):
    record(tmp_path / "b" / "drive", [(IMAGE, image(1, 1))])
    touch(tmp_path / "a", "drive_1.db3", "drive_0.db3", "notes.txt")
    touch(tmp_path / "c", "one.mcap", "two.mcap")
    touch(tmp_path / "d", "drive_0.mcap", "drive_1.mcap", "drive_2.mcap", "drive_0.db3")
    touch(tmp_path / "e", "drive_1.mcap", "drive_2.mcap")
    touch(tmp_path / "f", "drive_0.mcap.zstd")
    touch(tmp_path / "empty")
    assert relative(find_bags(tmp_path), tmp_path) == [
        "a",
        "b/drive",
        "c/one.mcap",
        "c/two.mcap",
        "d/drive_0.db3",
        "d/drive_0.mcap",
        "d/drive_1.mcap",
        "d/drive_2.mcap",
        "e/drive_1.mcap",
        "e/drive_2.mcap",
        "f",
    ]


def test_a_loose_file_does_not_hide_the_bags_below_it(tmp_path):
    touch(tmp_path, "one.mcap")
    touch(tmp_path / "more", "two.mcap")
    assert find_bags(tmp_path) == [tmp_path, tmp_path / "more"]


def test_a_path_without_bags_is_an_error(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(OpenSetError, match=f"{tmp_path} holds no bags: give"):
        find_bags(tmp_path)
    with pytest.raises(OpenSetError, match=r"notes\.txt is no bag"):
        find_bags(tmp_path / "notes.txt")
    with pytest.raises(OpenSetError, match=f"no bag at {tmp_path}/nowhere"):
        find_bags(tmp_path / "nowhere")


def test_parts_of_a_split_recording_come_in_the_order_of_their_numbers(tmp_path):
    touch(tmp_path, *(f"v1.2_drive_{number}.mcap" for number in range(12)))
    files = tuple(tmp_path / f"v1.2_drive_{number}.mcap" for number in range(12))
    assert bag_files(tmp_path) == BagFiles(files, {})


def test_a_folder_of_several_bags_is_no_bag(tmp_path):
    touch(tmp_path, "one.mcap", "two.mcap")
    with pytest.raises(
        OpenSetError, match=r"one\.mcap, two\.mcap\) are not parts of one recording"
    ):
        bag_files(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(OpenSetError, match=r"holds neither a \.mcap nor a \.db3 file"):
        bag_files(touch(tmp_path, "notes.txt"))


def test_metadata_says_which_files_and_how_many_messages(tmp_path):
    bag = record(tmp_path / "bag", [(IMAGE, image(1, 1))])
    assert bag_files(bag) == BagFiles((bag / "bag.mcap",), {IMAGE: 1})
    touch(bag, "other.mcap")
    text = (bag / "metadata.yaml").read_text()
    information = yaml.safe_load(text)
    information["rosbag2_bagfile_information"]["relative_file_paths"] += ["bag_1.mcap"]
    (bag / "metadata.yaml").write_text(yaml.safe_dump(information))
    files = bag_files(bag)
    assert files.files == (bag / "bag.mcap",)
    missing, unlisted = files.faults
    assert missing == "bag_1.mcap, listed in metadata.yaml, is missing"
    assert unlisted.startswith("other.mcap is not listed in metadata.yaml and was not read")


@pytest.mark.parametrize("text", ["", "[", "a: b", "rosbag2_bagfile_information: {version: 99}"])
def test_damaged_metadata_is_told_and_the_files_are_taken(tmp_path, text):
    bag = record(tmp_path / "bag", [(IMAGE, image(1, 1))])
    (bag / "metadata.yaml").write_text(text)
    files = bag_files(bag)
    assert files.files == (bag / "bag.mcap",)
    (fault,) = files.faults
    assert fault.startswith("metadata.yaml cannot be read (")
    assert "\n" not in fault


def test_a_bag_counts_once_however_many_links_lead_to_it(tmp_path):
    record(tmp_path / "b", [(IMAGE, image(1, 1))])
    record(tmp_path / "c", [(IMAGE, image(1, 1))])
    (tmp_path / "latest").symlink_to(tmp_path / "b")
    assert relative(find_bags(tmp_path), tmp_path) == ["b", "c"]
    twice = [tmp_path / "c", tmp_path / "b", tmp_path / "latest", tmp_path / "c"]
    assert unique_bags(twice) == twice[:2]


def test_a_path_that_the_system_refuses_is_one_clear_error():
    with pytest.raises(OpenSetError, match=r"cannot read aaa.*File name too long"):
        find_bags("a" * 300)


def test_a_name_in_capitals_is_a_bag_too(tmp_path):
    bag = record(tmp_path / "bag", [(IMAGE, image(1, 7))])
    (file,) = bag.glob("*.mcap")
    upper = file.rename(tmp_path / "DRIVE_0.MCAP")
    assert is_bag(upper)
    assert find_bags(tmp_path / "DRIVE_0.MCAP") == [upper]
    with BagReader(upper) as reader:
        assert reader.topics[IMAGE].count == 1
