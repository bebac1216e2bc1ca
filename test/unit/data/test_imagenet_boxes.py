"""ImageNet's box annotations in the published layouts."""

from __future__ import annotations

import numpy as np
import pytest
from pictures_of_cameras import turned

from ldn_openset_ros.data.imagenet_boxes import ImageNetBoxes
from ldn_openset_ros.data.negatives import Box
from ldn_openset_ros.errors import OpenSetError

NAME = "n01440764_10040"


def annotation(boxes, width=40, height=20):
    objects = "".join(
        f"<object><name>n01440764</name><bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin>"
        f"<xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bndbox></object>"
        for b in boxes
    )
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation><filename>{NAME}</filename>{size}{objects}</annotation>"


def make(
    root, write, text, annotations="Annotations/CLS-LOC/train", pictures="Data/CLS-LOC/train"
):
    jpeg = root / pictures / "n01440764" / f"{NAME}.jpg"
    write(jpeg, np.full((20, 40, 3), 80)).rename(jpeg.with_suffix(".JPEG"))
    path = root / annotations / "n01440764" / f"{NAME}.xml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_the_first_box_is_taken(tmp_path, write):
    make(tmp_path / "ILSVRC", write, annotation([(4, 2, 30, 18), (0, 0, 40, 20)]))
    negatives = ImageNetBoxes(tmp_path)
    assert len(negatives) == 1
    assert negatives[0].name == NAME
    assert negatives[0].rgb.shape == (20, 40, 3)
    assert negatives[0].box == Box(4, 2, 30, 18)
    assert negatives[0].mask is None


def test_reads_the_separate_downloads_and_their_classes_alone(tmp_path, write):
    make(tmp_path, write, annotation([(4, 2, 30, 18)]), "Annotation", "train")
    other = tmp_path / "Annotation" / "n99999999" / "n99999999_1.xml"
    other.parent.mkdir()
    other.write_text(annotation([(1, 1, 2, 2)]))
    assert [negative.name for negative in ImageNetBoxes(tmp_path)] == [NAME]


def test_a_box_drawn_on_a_smaller_copy_is_scaled_and_cut_to_the_picture(tmp_path, write):
    make(tmp_path, write, annotation([(-3, 1, 11, 9)], width=20, height=10))
    assert ImageNetBoxes(tmp_path)[0].box == Box(0, 2, 22, 18)


def test_a_box_is_of_the_picture_as_it_is_stored(tmp_path, write):
    path = make(tmp_path / "ILSVRC", write, annotation([(4, 2, 30, 18)]))
    path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7 of macOS")
    (picture,) = (tmp_path / "ILSVRC").rglob("*.JPEG")
    picture.write_bytes(turned(picture.read_bytes(), 6))
    (negative,) = ImageNetBoxes(tmp_path)
    assert negative.rgb.shape == (20, 40, 3)
    assert negative.box == Box(4, 2, 30, 18)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotation><object>", "is no annotation"),
        ("", "is no annotation"),
        (annotation([]), "is no annotation"),
        (annotation([(1, 1, "x", 4)]), "is no annotation"),
        (annotation([(1, 1, "nan", 4)]), "is no annotation"),
        (annotation([(1, 1, 4, 4)], width=0), "is no annotation"),
        (annotation([(9, 9, 9, 12)]), "has an empty box"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + annotation([(1, 1, 4, 4)]), "defines XML entities"),
    ],
)
def test_a_broken_annotation_is_one_error_that_names_it(tmp_path, write, text, reason):
    path = make(tmp_path, write, text)
    with pytest.raises(OpenSetError, match=f"{path} {reason}") as caught:
        ImageNetBoxes(tmp_path)[0]
    assert "\n" not in str(caught.value)


def test_missing_parts_say_where_to_get_them(tmp_path, write):
    with pytest.raises(OpenSetError, match=r"no ImageNet boxes at .*image-net\.org"):
        ImageNetBoxes(tmp_path)
    path = make(tmp_path, write, annotation([(1, 1, 4, 4)]))
    (tmp_path / "Data/CLS-LOC/train/n01440764" / f"{NAME}.JPEG").unlink()
    with pytest.raises(OpenSetError, match=rf"cannot read .*{NAME}\.JPEG"):
        ImageNetBoxes(tmp_path)[0]
    path.unlink()
    with pytest.raises(OpenSetError, match=r"holds no <class>/\*\.xml"):
        ImageNetBoxes(tmp_path)
