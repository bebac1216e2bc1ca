import numpy as np

from ldn_openset_ros.scenes.canvas import CAR, OUTLIER, ROAD, Canvas


def patch(colour, cover):
    pixels = np.empty((*cover.shape, 4), np.uint8)
    pixels[..., :3] = colour
    pixels[..., 3] = cover
    return pixels


def test_colours_mix_by_coverage_and_labels_by_half_of_it():
    canvas = Canvas(8, 4)
    canvas.rgba[..., :3] = 100
    canvas.labels[:] = ROAD
    cover = np.array([[255, 204, 51, 0]], np.uint8)
    canvas.blend(2, 1, patch((200, 200, 200), cover), CAR)
    assert canvas.rgba[1, 2:6, 0].tolist() == [200, 180, 120, 100]
    assert canvas.labels[1].tolist() == [ROAD, ROAD, CAR, CAR, ROAD, ROAD, ROAD, ROAD]
    assert (canvas.labels[[0, 2, 3]] == ROAD).all()


def test_an_extent_owns_labels_that_it_does_not_colour():
    canvas = Canvas(4, 2)
    empty = np.zeros((2, 4), np.uint8)
    canvas.blend(0, 0, patch((9, 9, 9), empty), CAR, extent=np.full((2, 4), 255, np.uint8))
    assert (canvas.labels == CAR).all()
    assert not canvas.rgba[..., :3].any()


def test_what_is_painted_over_an_outlier_hides_its_truth():
    canvas = Canvas(4, 1)
    full = np.full((1, 4), 255, np.uint8)
    canvas.blend(0, 0, patch((1, 2, 3), full), OUTLIER)
    assert canvas.outlier.tolist() == [[1, 1, 1, 1]]
    canvas.blend(0, 0, patch((4, 5, 6), full[:, :2]), CAR)
    assert canvas.outlier.tolist() == [[0, 0, 1, 1]]
    assert canvas.labels.tolist() == [[CAR, CAR, 255, 255]]


def test_bounds_are_clipped_to_the_picture():
    canvas = Canvas(10, 6)
    assert canvas.clip(-3.2, 1.5, 4.1, 99) == (0, 1, 5, 6)
    assert canvas.clip(10, 0, 12, 3) is None
