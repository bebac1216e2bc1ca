"""A network's layers, recorded."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.layer_graph import record_layers

IMAGE = torch.linspace(-1, 1, 3 * 8 * 12).view(1, 3, 8, 12)


def kinds(network) -> list[str]:
    return [layer.kind for layer in record_layers(network, IMAGE).layers]


def test_layers_come_in_the_order_of_their_work_with_their_blobs():
    first, second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1, bias=False)

    def network(image):
        features = functional.relu(first(image))
        return (torch.cat([second(features), features], 1),)

    graph = record_layers(network, IMAGE)
    assert [(layer.kind, layer.inputs, layer.output) for layer in graph.layers] == [
        ("convolution", [0], 2),
        ("convolution", [2], 3),
        ("concatenate", [3, 2], 4),
    ]
    assert graph.outputs == [4]
    assert graph.consumers() == {0: 1, 2: 2, 3: 1, 4: 1}
    assert torch.equal(graph.values[0], network(IMAGE)[0])
    assert graph.layers[0].settings["activation"].kind == "relu"
    assert graph.layers[0].settings["padding"] == (1, 1)
    assert graph.layers[1].weights == {"weight": second.weight, "bias": None}


def test_an_activation_stays_alone_where_others_see_what_is_before_it():
    convolution = nn.Conv2d(3, 3, 1)

    def network(image):
        features = convolution(image)
        return (functional.relu(features).add(features),)

    assert kinds(network) == ["convolution", "relu", "add"]


def test_a_relu_in_place_is_a_layer_of_its_own():
    convolution, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3).eval()
    relu = nn.ReLU(inplace=True)
    assert kinds(lambda image: (convolution(relu(norm(image))),)) == [
        "batch_norm",
        "relu",
        "convolution",
    ]


def test_padding_before_a_convolution_becomes_its_own():
    convolution = nn.Conv2d(3, 4, 3, stride=2)
    graph = record_layers(lambda image: (convolution(functional.pad(image, (0, 1, 2, 3))),), IMAGE)
    (layer,) = graph.layers
    assert (layer.inputs, layer.settings["surplus"]) == ([0], (0, 1, 2, 3))


def test_dropout_of_a_network_in_use_is_nothing():
    dropout = nn.Dropout(0.5).eval()
    assert kinds(lambda image: (functional.relu(dropout(image)),)) == ["relu"]


def test_heads_that_are_not_there_are_left_out():
    graph = record_layers(lambda image: (None, functional.relu(image)), IMAGE)
    assert len(graph.outputs) == len(graph.values) == 1


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (lambda image: (functional.gelu(image),), "operation gelu"),
        (lambda image: (image * 2,), "operation mul"),
        (lambda image: (image.mean((2, 3)),), "operation mean"),
        (lambda image: (functional.conv2d(image, torch.ones(1, 3, 3, 3), dilation=2),), "dilated"),
        (lambda image: (functional.interpolate(image, scale_factor=2),), "interpolation"),
        (lambda image: (torch.cat([image, image], 2),), "concatenation"),
    ],
)
def test_what_has_no_name_here_is_refused(network, named):
    with pytest.raises(OpenSetError, match=f"{named}.* cannot be exported") as found:
        record_layers(network, IMAGE)
    assert "choose backend torch" in str(found.value)
    assert "\n" not in str(found.value)
