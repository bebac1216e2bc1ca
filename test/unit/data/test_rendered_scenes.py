import numpy as np
import pytest

from ldn_openset_ros.data.rendered_scenes import RenderedScenes
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import load_taxonomy


def test_scenes_are_labelled_throughout_and_free_of_outliers():
    scenes = RenderedScenes(3, seed=1, width=160, height=120)
    assert len(scenes) == 3
    for sample in scenes:
        assert sample.rgb.shape == (120, 160, 3)
        assert sample.labels.max() < load_taxonomy("camvid").num_classes
        assert not sample.outlier.any()
    assert len({sample.name for sample in scenes}) == 3
    assert len({sample.camera.fx for sample in scenes}) == 3


def test_a_scene_depends_on_seed_and_index_alone():
    first = RenderedScenes(2, seed=1, width=96, height=64)[1]
    again = RenderedScenes(9, seed=1, width=96, height=64)[1]
    other = RenderedScenes(2, seed=2, width=96, height=64)[1]
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.rgb, other.rgb)


def test_indices_end_where_the_scenes_do():
    scenes = RenderedScenes(2, seed=1, width=96, height=64)
    with pytest.raises(IndexError):
        scenes[2]
    assert scenes[-1].name == scenes[1].name
    with pytest.raises(OpenSetError, match="count is -1"):
        RenderedScenes(-1)
