"""ImageNet-1k-bb: the first bounding box of each annotated ImageNet picture (METHOD section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ldn_openset_ros.data.negatives import Box, Negative
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.errors import OpenSetError

LAYOUTS = (
    ("Annotations/CLS-LOC/train", "Data/CLS-LOC/train"),
    ("Annotation", "train"),
)
"""Folders of annotations and of pictures: the ILSVRC package, ImageNet's separate downloads."""


class ImageNetBoxes(Sequence[Negative]):
    """Pictures of the 1000 classes that have box annotations (544546), with their first box.

    For every `<annotations>/<class>/<name>.xml`, Pascal VOC's format, whose class has a folder of
    pictures, `<pictures>/<class>/<name>.JPEG`. `LAYOUTS` are the published pairs of folders, below
    `root` or below `root/ILSVRC`. Only the annotations are listed at the start; a missing picture
    is an error when it is read.
    """

    def __init__(self, root: str | Path) -> None:
        root = Path(root)
        base = root / "ILSVRC" if (root / "ILSVRC").is_dir() else root
        folders = [(base / a, base / p) for a, p in LAYOUTS if (base / a).is_dir()]
        if not folders:
            raise OpenSetError(
                f"no ImageNet boxes at {base / LAYOUTS[0][0]} or {base / LAYOUTS[1][0]}: unpack "
                "the ILSVRC localisation package of https://image-net.org/download there"
            )
        annotations, self._pictures = folders[0]
        if not self._pictures.is_dir():
            raise OpenSetError(
                f"no ImageNet pictures at {self._pictures}: unpack the ILSVRC training pictures "
                "of https://image-net.org/download there"
            )
        classes = sorted(path.name for path in self._pictures.iterdir() if path.is_dir())
        self._annotations = [
            path for name in classes for path in sorted((annotations / name).glob("[!.]*.xml"))
        ]
        if not self._annotations:
            raise OpenSetError(
                f"{annotations} holds no <class>/*.xml for the classes in {self._pictures}: "
                "unpack the annotations again"
            )

    def __len__(self) -> int:
        """Return the number of annotated pictures."""
        return len(self._annotations)

    def __getitem__(self, index: int) -> Negative:
        """Read one picture and its first box."""
        annotation = self._annotations[index]
        picture = self._pictures / annotation.parent.name / f"{annotation.stem}.JPEG"
        rgb = read_rgb(picture, upright=False)
        return Negative(annotation.stem, rgb, read_first_box(annotation, rgb))


def read_first_box(path: Path, rgb: np.ndarray) -> Box:
    """Read the first object's box from a Pascal VOC annotation, in pixels of `rgb`.

    A box given for another size than the picture's (some were drawn on a smaller copy) is scaled;
    what lies outside the picture is cut off. Raises OpenSetError, naming the file, for broken XML,
    a missing or empty box, and entity definitions, which no annotation needs.
    """
    try:
        content = path.read_bytes()
        if b"<!ENTITY" in content:
            raise OpenSetError(f"{path} defines XML entities: replace it by the published file")
        annotation = ElementTree.fromstring(content)
        numbers = [
            float(annotation.findtext(f"object/bndbox/{edge}", ""))
            for edge in ("xmin", "ymin", "xmax", "ymax")
        ]
        width, height = (
            float(annotation.findtext(f"size/{side}", "")) for side in ("width", "height")
        )
        if not (np.isfinite([*numbers, width, height]).all() and width > 0 and height > 0):
            raise ValueError("its numbers are not finite or its size is not positive")
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error.strerror}") from None
    except (ElementTree.ParseError, ValueError) as error:
        raise OpenSetError(
            f"{path} is no annotation with a size and an object's bndbox: {error}; unpack it again"
        ) from None
    columns, rows = rgb.shape[1], rgb.shape[0]
    left, right = (round(np.clip(x / width, 0, 1) * columns) for x in numbers[::2])
    top, bottom = (round(np.clip(y / height, 0, 1) * rows) for y in numbers[1::2])
    if right <= left or bottom <= top:
        raise OpenSetError(f"{path} has an empty box: take the file out")
    return Box(left, top, right, bottom)
