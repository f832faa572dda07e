"""Equivariance errors of a restoration network: the left side of Eqs. (18) and (31) of [SA], image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from symmetry_audit.actions import is_exact, move
from symmetry_audit.alignment._domain import (
    DEFAULT_CROP,
    Domain,
    centred_square,
    checked_group,
    checked_square,
    resampled,
    squared,
)
from symmetry_audit.alignment._layers import Layer, find_layers, mean_squares
from symmetry_audit.alignment._observed import Observed
from symmetry_audit.alignment._repeat import Repeats
from symmetry_audit.alignment._restoration import Scores
from symmetry_audit.errors import DataError, SymmetryAuditError
from symmetry_audit.groups import IDENTITY, Affine, Group
from symmetry_audit.results import (
    DATASET_ADAPTIVE,
    DATASET_STRICT,
    Alignment,
    DatasetInfo,
    EvaluatedModel,
    ImageAlignment,
    ScenarioAlignment,
    SkippedImage,
)
from symmetry_audit.tasks import Item, Task

__all__ = ["measure_alignment"]

STRICT, ADAPTIVE = DATASET_STRICT.name, DATASET_ADAPTIVE.name
# a further rotation by one of these does not change the effect of resampling there and back
EXACT = Group(4, mirrored=True).matrices()


def measure_alignment(
    network: nn.Module,
    items: Iterable[Item],
    group: Group | str,
    *,
    fits: Mapping[str, Affine] | None = None,
    layers: Sequence[str] = (),
    crop: int | None = DEFAULT_CROP,
    margin: float | None = None,
    device: str = "cpu",
    model: EvaluatedModel | None = None,
    task: Task | None = None,
    data: DatasetInfo | None = None,
    seed: int = 0,
    skipped: Sequence[SkippedImage] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Alignment:
    """(1/N) sum_n || Phi(pi_A Y_n) - pi_A Phi(Y_n) ||^2 for every element A of ``group`` and degraded image Y_n.

    Y_n is the central square of ``Item.input``, at most ``crop`` px a side, rotated about its centre (:func:`move`).
    Only its inscribed disc stays inside the square when rotated, so Phi sees only the disc, before and after rotation:
    towards the edge the image fades to its mean. Pixels at least ``margin`` px of the degraded image inside the disc
    are compared (16 by default, at most an eighth of the side; the image fades in the outer half of the margin). The
    output's own pixel grid has scale x scale as many pixels. Squares are averaged over the compared pixels and the
    three channels, in grey levels^2. All elements are compared on the same pixels. ``contrast`` is the mean square of
    pi_A Phi(Y) on them, less the mean of each channel.

    With ``fits``, w_n by image, there is a second scenario: every image under its own D_w A D_w^-1, on the ellipse
    that this group maps to itself. Images without a fit are skipped in it.

    The **floor** is the error that the pixel grid alone causes: || Phi(Q Y) - Q Phi(Y) ||^2 over the same pixels. Q
    rotates there and back, pi_A^-1 pi_A, and then shifts right and down by half a pixel of the degraded image, with the
    same splines. Q rotates nothing, so a translation-equivariant network on the continuous plane commutes with it. On
    the pixel grid it does not quite: resampling smooths noise and edges, and non-linearities act on samples. Rotation
    has the same effects. The floor is 0 for quarter turns and mirrors, which only move pixels, and equal for elements
    that differ by one of these. The error of isotropic filters, with and without thresholds, on photographs with and
    without noise, was 0.5 to 1.15 times the floor.

    With a ``task``, the network's errors to the clean image are measured too: their mean square on the same pixels, and
    the PSNR of output and input on the whole squares, also that of the network's average over the elements of ``group``
    that only move pixels (:class:`RestorationScores`).

    ``layers`` name layers that are compared by the same rule (:func:`find_layers`), with features over a group also
    moved along the group axis. Layers that a pattern found and that cannot be compared are left out, for the reasons in
    ``settings["layers_left_out"]``. Images are read one at a time. The network runs as :func:`restore_image` says, in
    eval mode, unclipped. It runs on the first image once more at once and at the end, and must give the same.

    Raises SettingError for unknown layers and wrong settings, DataError if there is no image or if images are too
    small, ModelError for outputs that are not images, and for a network whose output changes from run to run.
    """
    group = checked_group(group, crop, margin)
    runs = [_Scenario.of(STRICT, network, group, layers, device)]
    if fits:
        runs.append(_Scenario.of(ADAPTIVE, network, group, layers, device))
    scores = None if task is None else Scores(network, task, group, device)
    repeats = Repeats(network, device)
    scale, done = 0, 0
    for item in items:
        progress(done)
        square = squared(item, crop)
        image = checked_square(item.key, centred_square(square.input, None), network)
        repeats.add(item.key, image, Domain(image.shape[-1], IDENTITY, margin))
        clean = None
        if scores is not None:
            scores.add(square)
            clean = centred_square(square.clean, None)
        for run in runs:
            w = IDENTITY if fits is None or run.name == STRICT else fits.get(item.key)
            if w is not None:
                scale = run.add(item.key, image, Domain(image.shape[-1], w, margin), clean)
        done += 1
    repeats.end()
    progress(done)
    if not done:
        raise DataError("there is no image to measure; give a folder that contains images")
    elements = group.elements
    return Alignment(
        model=model or EvaluatedModel(name="network", parameters=sum(value.numel() for value in network.parameters())),
        task=None if task is None else task.to_dict(),
        task_text=None if task is None else task.text,
        data=data or DatasetInfo("images", "images", done, ""),
        seed=seed,
        group=str(group),
        elements=tuple(map(str, elements)),
        angles_deg=tuple(element.angle_deg for element in elements),
        mirrored=tuple(element.mirrored for element in elements),
        settings={"crop": crop, "margin": margin, "scale": scale, "device": device, **_left_out(runs)},
        scenarios=tuple(run.result() for run in runs if run.images),
        restoration=None if scores is None else scores.result(),
        skipped=tuple(skipped),
    )


def _left_out(runs: Sequence[_Scenario]) -> dict[str, dict[str, str]]:
    """Why layers that a pattern names were not compared; nothing where all were."""
    reasons = {name: reason for run in runs for name, reason in run.phi.left_out.items()}
    return {"layers_left_out": reasons} if reasons else {}


@dataclass
class _Scenario:
    """The images of one scenario so far."""

    name: str
    phi: Observed
    matrices: np.ndarray
    layers: list[Layer]
    images: list[ImageAlignment]

    @classmethod
    def of(cls, name: str, network: nn.Module, group: Group, patterns: Sequence[str], device: str) -> _Scenario:
        layers = find_layers(network, group, patterns)
        optional = [layer.name for layer in layers if not layer.named]
        phi = Observed(network, {layer.name: layer.module for layer in layers}, device, optional)
        return cls(name, phi, group.matrices(), layers, [])

    def add(self, key: str, image: Tensor, domain: Domain, clean: Tensor | None) -> int:
        """Measure one image; returns the factor by which the network enlarges. Errors name the image."""
        try:
            return self._add(key, image, domain, clean)
        except SymmetryAuditError as error:
            raise type(error)(f"{key}: {error}") from None

    def _add(self, key: str, image: Tensor, domain: Domain, clean: Tensor | None) -> int:
        plain = self.phi(image, domain)
        restored, features = plain
        self.layers = [layer for layer in self.layers if layer.name in features]
        for layer in self.layers:
            layer.begin(features[layer.name])
        matrices = domain.w.conjugate(self.matrices) if self.name == ADAPTIVE else self.matrices
        floors: dict[bytes, tuple[float, ...]] = {}
        rows = []
        for index, matrix in enumerate(matrices):
            found, caught = plain if index == 0 else self.phi(move(image, matrix), domain)
            error, contrast = mean_squares(found, move(restored, matrix), domain)
            floor, *below = self._floors(image, plain, matrix, domain, floors)
            for layer, one in zip(self.layers, below, strict=True):
                layer.add(caught[layer.name], index, matrix, domain, one)
            rows.append((error, floor, contrast))
        error, floor, contrast = zip(*rows, strict=True)
        pixels = int(domain.compared(restored.shape[-1]).sum())
        loss = None if clean is None else mean_squares(restored, clean, domain)[0]
        w = (domain.w.a, domain.w.b) if self.name == ADAPTIVE else None
        side = image.shape[-1]
        squares = {"error": error, "floor": floor, "contrast": contrast, "restoration_error": loss}
        self.images.append(ImageAlignment(image=key, side=side, pixels=pixels, w=w, **squares))
        return restored.shape[-1] // side

    def _floors(
        self,
        image: Tensor,
        plain: tuple[Tensor, dict[str, Tensor]],
        matrix: np.ndarray,
        domain: Domain,
        known: dict[bytes, tuple[float, ...]],
    ) -> tuple[float, ...]:
        """Floors of the output and of every layer. ``plain`` is the output for the image, ``known`` floors so far."""
        if is_exact(matrix):
            return (0.0,) * (1 + len(self.layers))
        alike = min(one.tobytes() for one in np.round(EXACT @ matrix, 9) + 0.0)
        if alike not in known:
            side = image.shape[-1]
            found = self.phi(resampled(image, matrix, side), domain)
            pairs = [(found[0], plain[0]), *((found[1][one.name][0], plain[1][one.name][0]) for one in self.layers)]
            known[alike] = tuple(mean_squares(one, resampled(other, matrix, side), domain)[0] for one, other in pairs)
        return known[alike]

    def result(self) -> ScenarioAlignment:
        images = tuple(
            sorted(self.images, key=lambda item: item.image)
        )  # archives return their images in an order of their own
        return ScenarioAlignment(
            scenario=self.name, images=images, layers=tuple(layer.result() for layer in self.layers)
        )
