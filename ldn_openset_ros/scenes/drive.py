"""An endless drive through a rendered street, frame by frame, with exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.data.sample import PinholeCamera, Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.scenes.camera import Bend, View
from ldn_openset_ros.scenes.canvas import OUTLIER, Canvas
from ldn_openset_ros.scenes.encounters import VISIBLE, Encounter, Encounters
from ldn_openset_ros.scenes.ground import Ground
from ldn_openset_ros.scenes.items import CARRIAGEWAY, PAVED, Flat, Item, Solid
from ldn_openset_ros.scenes.layout import CHUNK, Layout, placed
from ldn_openset_ros.scenes.light import draw_light
from ldn_openset_ros.scenes.noise import fractal_noise
from ldn_openset_ros.scenes.photometry import Sensor
from ldn_openset_ros.scenes.shadows import Shadows
from ldn_openset_ros.scenes.sky import Sky
from ldn_openset_ros.scenes.solids import SolidBatch
from ldn_openset_ros.scenes.stock import Stock
from ldn_openset_ros.scenes.street import draw_street
from ldn_openset_ros.scenes.surfaces import Lamp, SurfaceBatch
from ldn_openset_ros.scenes.traffic import Traffic

_SIGHT = 125.0
"""Metres up to which things are drawn; beyond it is the skyline."""
_STREET_SIGHT = 100.0
"""Metres up to which the small things in the street are drawn."""

_SHADOWS = 70.0
"""Metres up to which shadows are drawn; farther ones are thinner than a row of pixels."""


@dataclass(frozen=True)
class DriveSettings:
    """What makes a drive; equal settings give equal frames.

    width, height: of the frames, in pixels, 64 to 4096.
    seed: of weather, street, traffic and encounters, from 0 on.
    frame_rate: frames per second of driving time; speed: metres per second.
    outliers: let things from outside the taxonomy enter.
    camera_height: metres; pitch: degrees, positive looks down.
    field_of_view: horizontal, degrees.
    """

    width: int = 640
    height: int = 360
    seed: int = 0
    frame_rate: float = 10.0
    speed: float = 8.0
    outliers: bool = True
    camera_height: float = 1.45
    pitch: float = 1.5
    field_of_view: float = 62.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("width", 64, 4096),
            ("height", 64, 4096),
            ("seed", 0, 2**63),
            ("frame_rate", 0.1, 1000),
            ("speed", 0.1, 60),
            ("camera_height", 0.5, 4),
            ("pitch", -15, 20),
            ("field_of_view", 20, 120),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise OpenSetError(f"drive: {name} is {value}: choose {low} to {high}")


class Drive:
    """Frames of a drive, in any order: `frame(i)` depends on the settings and `i` alone."""

    def __init__(self, settings: DriveSettings) -> None:
        self.settings = settings
        seed = settings.seed
        self._light = draw_light(np.random.default_rng((seed, 1)))
        self._street = draw_street(np.random.default_rng((seed, 2)))
        self._stock = Stock(seed, float(np.sign(self._light.sun[0])) * self._light.shadow * 1.6)
        self._sky = Sky(np.random.default_rng((seed, 3)), self._light)
        self._ground = Ground(np.random.default_rng((seed, 4)), self._street)
        self._encounters = Encounters(seed, self._street, settings.outliers)
        self._layout = Layout(seed, self._street, self._stock, self._encounters)
        self._traffic = Traffic(seed, self._street, self._stock, settings.speed, self._encounters)
        self._sensor = Sensor(
            np.random.default_rng((seed, 5)), settings.width, settings.height, self._light.noise
        )
        self._grain = fractal_noise(
            np.random.default_rng((seed, 6)), (256, 256), (24, 24), 4, 0.85
        )
        self._shadows = Shadows(self._light)
        self._lamp = Lamp(self._light)
        rng = np.random.default_rng((seed, 7))
        self._bend = Bend(
            tuple(rng.uniform((0, 0), (3.0, 1.2))),
            tuple(rng.uniform((320, 190), (520, 260))),
            tuple(rng.uniform(0, 2 * np.pi, 2)),
        )

    @property
    def camera(self) -> PinholeCamera:
        """Intrinsics of the frames: square pixels, the principal point in the middle."""
        s = self.settings
        focal = s.width / 2 / float(np.tan(np.radians(s.field_of_view) / 2))
        return PinholeCamera(
            s.width, s.height, focal, focal, (s.width - 1) / 2, (s.height - 1) / 2
        )

    def frame(self, index: int) -> Sample:
        """Render frame `index` (0, 1, ...): picture, labels and outlier truth."""
        if index < 0:
            raise OpenSetError(f"drive: frame {index} is before the start: frames count from 0")
        time = index / self.settings.frame_rate
        view = self._view(time)
        items = self._items(time, view)
        shadows = self._shadows.map(view, [i for i in items if i.s < view.s + _SHADOWS])
        canvas = Canvas(self.settings.width, self.settings.height)
        self._sky.paint(canvas, view)
        self._ground.paint(canvas, view, self._light, shadows)
        self._paint(canvas, view, items)
        rgb = self._sensor.expose(
            canvas.rgba, np.random.default_rng((self.settings.seed, 8, index))
        )
        return Sample(f"{index:06d}", rgb, canvas.labels, canvas.outlier, self.camera)

    def _paint(self, canvas: Canvas, view: View, items: list[Item]) -> None:
        flats = [item for item in items if isinstance(item, Flat)]
        solids = [item for item in items if isinstance(item, Solid)]
        low, high = (np.array([item.bounds[end] for item in solids]) for end in (0, 1))
        seen = view.may_see(low, high)
        solids = [item for item, visible in zip(solids, seen, strict=True) if visible]
        surfaces = SurfaceBatch(view, np.stack([item.corners for item in flats]))
        meshes = SolidBatch(view, self._light, [item.mesh for item in solids])
        numbers = {item: number for group in (flats, solids) for number, item in enumerate(group)}
        for item in items:
            number = numbers.get(item)
            if isinstance(item, Flat):
                surfaces.paint(canvas, self._lamp, number, item.texture, item.label, item.normal)
            elif number is not None:
                meshes.paint(canvas, number, item.label, self._grain, item.roughness)

    def _view(self, time: float) -> View:
        """Return where the camera is; springs and steering keep it from gliding on rails."""
        s = self.settings
        way = s.speed * time
        nod = np.radians(s.pitch + 0.12 * np.sin(way / 3.1) + 0.07 * np.sin(way / 1.3))
        sway = 0.12 * np.sin(way / 37) + 0.05 * np.sin(way / 11)
        lift = 0.012 * np.sin(way / 1.7)
        x = self._street.ego_lane + sway
        return View(self.camera, x, s.camera_height + lift, way, float(nod), self._bend)

    def _items(self, time: float, view: View) -> list[Item]:
        """Return all that may be in view, from back to front."""
        first, last = view.s - 12, view.s + _SIGHT
        items: list[Item] = []
        for chunk in range(max(0, int(first // CHUNK)), int(last // CHUNK) + 1):
            items += self._layout.chunk(chunk)
        items += self._traffic.at(time, first, last)
        met = self._encounters.between(first, view.s + VISIBLE)
        items += [self._outlier(e, time) for e in met]
        near = view.s + _STREET_SIGHT
        items = [i for i in items if first < i.s < (near if i.layer >= PAVED else last)]
        return sorted(items, key=lambda item: (item.layer, -item.s))

    def _outlier(self, met: Encounter, time: float) -> Solid:
        to_pass = met.s / self.settings.speed - time
        x = met.place(to_pass)
        stride = np.sign(met.pace) * x / 1.3  # it stands still where it waits
        mesh = self._stock.outlier(met.kind, met.seed, float(stride % 1))
        layer = CARRIAGEWAY if abs(x) < self._street.kerb else PAVED
        roughness = 0.09 if met.pace else 0.05  # fur, and smooth things
        return Solid(placed(mesh, x, met.s, met.yaw), OUTLIER, layer, roughness)
