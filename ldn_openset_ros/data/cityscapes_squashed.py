"""A small copy of Cityscapes whose frames were squashed to squares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldn_openset_ros.data.cityscapes import SPLITS
from ldn_openset_ros.data.folder import pair_by_stem, read_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.transforms import resize
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, load_taxonomy

SIZE = (512, 1024)
"""Height and width that frames are restored to: Cityscapes' shape at half its resolution."""


class CityscapesSquashed(Sequence[Sample]):
    """Frames with the 19 train ids of the `cityscapes` taxonomy, restored to 1024x512.

    The files, `<root>/<split>/{images,labels}` with equal stems, are squares of any size, 640x640
    in the copy at hand; labels are train ids, 255 = ignore. There is no outlier truth.

    root: folder of the data set. split: train or val.
    """

    def __init__(self, root: str | Path, split: str) -> None:
        self.taxonomy = load_taxonomy("cityscapes")
        if split not in SPLITS:
            raise OpenSetError(
                f"cityscapes_squashed has no split {split!r}: choose {', '.join(SPLITS)}"
            )
        folder = Path(root) / split
        self._pairs = pair_by_stem(folder / "images", folder / "labels")

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its labels."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        if rgb.shape[0] != rgb.shape[1]:
            raise OpenSetError(
                f"{picture} is {rgb.shape[1]}x{rgb.shape[0]}, not squashed to a square: read "
                "published frames as `cityscapes`"
            )
        allowed = (*range(self.taxonomy.num_classes), IGNORE_INDEX)
        labels = read_truth(truth, rgb, allowed)
        return resize(Sample(picture.stem, rgb, labels), SIZE)
