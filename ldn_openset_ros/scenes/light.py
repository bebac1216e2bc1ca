"""Weather and light of a drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Light:
    """Where light comes from, how much of it, and what air and sensor do to it.

    sun: unit vector towards the sun in street coordinates.
    sun_colour, sky_colour: float (3,) radiance factors of direct and of diffuse light.
    zenith, horizon: float (3,) RGB of the sky, 0..255.
    cloud: cloud cover, 0..1.
    haze: float (3,) RGB of the air, 0..255; visibility: metres in which 63 % of a thing is haze.
    exposure: factor on all radiance; noise: sensor noise in grey levels at mid-grey.
    """

    sun: np.ndarray
    sun_colour: np.ndarray
    sky_colour: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    cloud: float
    haze: np.ndarray
    visibility: float
    exposure: float
    noise: float

    @property
    def shadow(self) -> float:
        """Share of the light on the ground that a shadow takes away, 0..1."""
        direct = float(np.mean(self.sun_colour)) * max(float(self.sun[1]), 0.0)
        return direct / (direct + float(np.mean(self.sky_colour)))

    def illuminate(self, normals: np.ndarray) -> np.ndarray:
        """Return the light (N, 3) on surfaces with unit normals (N, 3)."""
        direct = np.clip(normals @ self.sun, 0, None)[:, None] * self.sun_colour
        diffuse = (0.82 + 0.18 * normals[:, 1])[:, None] * self.sky_colour
        return (direct + diffuse).astype(np.float32)

    def transmission(self, depth: float | np.ndarray) -> float | np.ndarray:
        """Return the share of a thing's own light that reaches the camera from `depth` metres."""
        return np.exp(-np.maximum(depth, 0) / self.visibility)


# Each: ranges of sun strength, sky light, cloud cover, visibility (m), brightness of sunlit
# ground, noise.
_WEATHERS = {
    "clear": ((0.7, 0.95), (0.5, 0.66), (0.1, 0.45), (500, 1200), (1.1, 1.35), (1.5, 3.0)),
    "bright": ((0.3, 0.6), (0.62, 0.8), (0.5, 0.8), (250, 600), (1.15, 1.4), (1.5, 3.0)),
    "overcast": ((0.02, 0.12), (0.85, 1.05), (0.85, 1.0), (200, 500), (0.95, 1.2), (2.0, 4.0)),
    "dusk": ((0.05, 0.3), (0.55, 0.7), (0.4, 0.9), (250, 600), (0.7, 0.95), (2.5, 4.5)),
}

_SKIES = {
    "clear": ((84, 134, 200), (196, 216, 232)),
    "bright": ((206, 220, 236), (244, 246, 248)),
    "overcast": ((178, 186, 196), (214, 218, 222)),
    "dusk": ((112, 136, 166), (204, 200, 190)),
}


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a weather: clear, bright and hazy, overcast, or dusk."""
    kind = str(rng.choice(list(_WEATHERS), p=(0.4, 0.3, 0.18, 0.12)))
    sun_strength, sky_strength, cloud, visibility, exposure, noise = (
        float(rng.uniform(*bounds)) for bounds in _WEATHERS[kind]
    )
    azimuth = rng.uniform(-np.pi, np.pi)
    elevation = np.radians(rng.uniform(22, 50) if kind != "dusk" else rng.uniform(12, 25))
    sun = np.array(
        (
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
            np.cos(elevation) * np.cos(azimuth),
        )
    )
    warmth = rng.uniform(0.9, 1.0) if kind != "dusk" else rng.uniform(0.75, 0.88)
    ground = sun_strength * float(sun[1]) + sky_strength
    zenith, horizon = (np.array(colour, float) for colour in _SKIES[kind])
    tint = rng.uniform(0.95, 1.05, 3)
    horizon = np.clip(horizon * tint, 0, 252)
    return Light(
        sun=sun,
        sun_colour=sun_strength * np.array((1.06, 0.5 + 0.5 * warmth, 0.98 * warmth)),
        sky_colour=sky_strength * np.array((0.95, 0.99, 1.06)),
        zenith=np.clip(zenith * tint, 0, 252),
        horizon=horizon,
        cloud=cloud,
        haze=horizon * 0.92 * ground / exposure,
        visibility=visibility,
        exposure=exposure / ground,
        noise=noise,
    )
