"""The three scenarios of Table 1 of [SA], as values."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.errors import SettingError, suggest

__all__ = ["DATASET_ADAPTIVE", "DATASET_STRICT", "SAMPLE_STRICT", "SCENARIOS", "Scenario"]


@dataclass(frozen=True)
class Scenario:
    """A way to measure epsilon; ``name`` is what options, settings and result rows call it.

    ``transformations`` says in words which transformations the images are compared under. ``profile`` names the
    responses it uses: "strict", under the same group for all images, or "adaptive", under the image's own G_w.
    ``single``: its rows are means of the single images' epsilons, not the epsilon of the mean profile.

    >>> Scenario.named("dataset_adaptive").title
    'Dataset, adaptive transformations'
    """

    name: str
    transformations: str
    profile: str
    single: bool = False

    @property
    def title(self) -> str:
        """Its row of Table 1."""
        return f"{'Single sample' if self.single else 'Dataset'}, {self.transformations}"

    @property
    def adaptive(self) -> bool:
        """Whether every image has its own deformed copy of the group."""
        return self.profile == "adaptive"

    @staticmethod
    def named(name: str) -> Scenario:
        """The scenario called ``name``. Raises SettingError where there is none."""
        for scenario in ALL:
            if scenario.name == name:
                return scenario
        raise SettingError(f'unknown scenario "{name}".{suggest(name, SCENARIOS)}')


SAMPLE_STRICT = Scenario("sample_strict", "strict rotations", "strict", single=True)
DATASET_STRICT = Scenario("dataset_strict", "strict rotations", "strict")
DATASET_ADAPTIVE = Scenario("dataset_adaptive", "adaptive transformations", "adaptive")
ALL = (SAMPLE_STRICT, DATASET_STRICT, DATASET_ADAPTIVE)
SCENARIOS = tuple(scenario.name for scenario in ALL)
