"""One row of a report: epsilon_G of one regularizer in one scenario, with its statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from symmetry_audit.results._relative import CONTROL_FIELDS, PIXEL_FIELDS
from symmetry_audit.results._scenario import DATASET_ADAPTIVE, SAMPLE_STRICT

__all__ = ["ResultRow"]

SAMPLE_FIELDS = ("selected_image", "epsilon_selected", "median", "q25", "q75")
ADAPTIVE_FIELDS = (
    "fit",
    "gain",
    "gain_low",
    "gain_high",
    "control_images",
    "null_epsilon_se",
    "random_epsilon",
    "random_epsilon_se",
    "held_out_epsilon",
    "held_out_epsilon_se",
    "held_out_strict_epsilon",
    "held_out_gain",
    "held_out_gain_low",
    "held_out_gain_high",
    "held_out_p_value",
    *CONTROL_FIELDS,
)


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """epsilon_G of Eq. (8) of [SA] for one regularizer and scenario, in the unit of ``AuditReport.unit``.

    ``regularizer``, ``scenario``, ``group``, ``sigma`` and ``downscale`` say what the row is of, ``images`` how many
    images. ``epsilon`` is the largest change of the mean response under the group, at ``worst_element``, a turn by
    ``worst_angle_deg``. In ``sample_strict`` rows ``epsilon`` and ``normalized_epsilon`` are means over the single
    images' values, with ``median``, ``q25`` and ``q75`` beside them, and the worst element is that of
    ``selected_image``, the seeded random choice of [SA], whose own value is ``epsilon_selected``.
    ``mean_response`` is the mean of f_t over the group and the images, ``identity_response`` that of f_0 over the
    images. ``normalized_epsilon`` is Eq. (8) on profiles divided by their own mean over the group. ``tested`` is false
    where no regularizer of the run can see any element but the identity; ``visible_elements`` counts the elements,
    without the identity, that this row's regularizer can see.

    In the unit of epsilon: ``ci_low`` and ``ci_high``, the 95 % percentile interval of a bootstrap over images;
    ``null_epsilon``, the epsilon expected from the same number of images if their distribution were invariant
    (adaptive rows: from isotropic noise with the same spectra, fitted in the same way); ``excess`` = epsilon -
    null_epsilon; ``floor``, the epsilon that sampling on the pixel grid alone produces, of an ideal field with the same
    ``identity_response``. ``p_value`` is that of the invariance test of Eq. (8). ``images_at_limit`` counts the images
    whose deformation has the largest ratio admitted; without these images epsilon is ``epsilon_within_limit``.

    Only adaptive rows have the other fields. ``fit`` names the fit source of w. ``gain`` is the strict epsilon minus
    this one, with its paired bootstrap interval ``gain_low`` to ``gain_high``. ``random_epsilon`` is measured under the
    same ratios at random angles, ``held_out_epsilon`` on one half of every image under the w of the other half,
    ``held_out_strict_epsilon`` on that same half under strict rotations; ``held_out_gain`` is their difference,
    ``held_out_gain_low`` to ``held_out_gain_high`` its interval.

    Controls are measured on ``control_images`` of the images, on a sample of their pixels, and describe all of them:
    ``random_epsilon`` and ``held_out_epsilon`` are those of the mean strict profile of all images plus the mean
    difference on these, ``null_epsilon`` is the expected epsilon of as many fields as there are images.
    ``null_epsilon_se``, ``random_epsilon_se`` and ``held_out_epsilon_se`` are standard errors: what another draw of as
    many images, and of the random numbers of each, would change. The interval of ``held_out_gain`` resamples the images
    with controls and the others, each among themselves. ``held_out_p_value`` is of the images with controls alone, and
    approximate.

    Relative numbers are fractions of ``mean_response``, and no other definition is mixed in (SPEC 8):
    ``relative_epsilon`` = (max over t - min over t of the mean response) / its mean over t, at most the order of the
    group, the same whichever way the images lie; in ``sample_strict`` rows the mean over the images of each image's
    max - min, divided by ``mean_response``. ``relative_ci_low`` to ``relative_ci_high`` is its own bootstrap interval,
    ``relative_null`` its mean over the random shifts, ``relative_floor`` that of the ideal isotropic field. Named as
    the absolute ones are ``relative_null_se``, ``relative_random``, ``relative_random_se``, ``relative_held_out``,
    ``relative_held_out_se``, ``relative_held_out_strict``, ``relative_held_out_gain``, ``relative_held_out_gain_low``
    and ``relative_held_out_gain_high``.

    Only rows of a quick look (``--pixels``) have ``mean_response_pixel_se``, ``epsilon_pixel_se`` and
    ``relative_epsilon_pixel_se``: the standard errors of these three as estimates of what all pixels of the same images
    would give, 0 where all were measured. The elements that decide epsilon, and w, are taken as known.

    A null value is explained in ``reasons``, by field.
    """

    regularizer: str
    scenario: str
    group: str
    sigma: float | None
    downscale: int
    epsilon: float
    relative_epsilon: float | None
    normalized_epsilon: float | None
    mean_response: float | None
    identity_response: float
    worst_element: int
    worst_angle_deg: float
    tested: bool
    visible_elements: int
    images: int
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    null_epsilon: float | None = None
    excess: float | None = None
    floor: float | None = None
    relative_ci_low: float | None = None
    relative_ci_high: float | None = None
    relative_null: float | None = None
    relative_floor: float | None = None
    images_at_limit: int | None = None
    epsilon_within_limit: float | None = None
    selected_image: str | None = None
    epsilon_selected: float | None = None
    median: float | None = None
    q25: float | None = None
    q75: float | None = None
    fit: str | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    control_images: int | None = None
    null_epsilon_se: float | None = None
    random_epsilon: float | None = None
    random_epsilon_se: float | None = None
    held_out_epsilon: float | None = None
    held_out_epsilon_se: float | None = None
    held_out_strict_epsilon: float | None = None
    held_out_gain: float | None = None
    held_out_gain_low: float | None = None
    held_out_gain_high: float | None = None
    held_out_p_value: float | None = None
    relative_null_se: float | None = None
    relative_random: float | None = None
    relative_random_se: float | None = None
    relative_held_out: float | None = None
    relative_held_out_se: float | None = None
    relative_held_out_strict: float | None = None
    relative_held_out_gain: float | None = None
    relative_held_out_gain_low: float | None = None
    relative_held_out_gain_high: float | None = None
    mean_response_pixel_se: float | None = None
    epsilon_pixel_se: float | None = None
    relative_epsilon_pixel_se: float | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def distinguishable(self) -> bool | None:
        """Whether epsilon is at least twice the null level; None where there is no null level."""
        return None if self.null_epsilon is None else self.epsilon >= 2 * self.null_epsilon

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; fields of single scenarios appear in their rows alone."""
        hidden: set[str] = set()
        if self.scenario != SAMPLE_STRICT.name:
            hidden.update(SAMPLE_FIELDS)
        if self.scenario != DATASET_ADAPTIVE.name:
            hidden.update(ADAPTIVE_FIELDS)
        if self.mean_response_pixel_se is None:
            hidden.update(PIXEL_FIELDS)
        return {key: value for key, value in asdict(self).items() if key not in hidden}
