"""How good fits and statistics are: known answers, real photographs, calibration, and time beside plain optimisation.

python benchmarks/claims.py --only truth harder_kinds real_adaptive calibration coverage fit_speed
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from scipy.stats import kstest

from symmetry_audit import audit, data, engine, fit_affine, measure, synth
from symmetry_audit.audit._adaptive import ScaledImage, measure_adaptive
from symmetry_audit.audit._adaptive_image import WHOLE
from symmetry_audit.audit._pool import single_threaded
from symmetry_audit.audit._row_sample import row_sample
from symmetry_audit.audit._run import image_plans
from symmetry_audit.findings import isotropic_profile
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, GaussianKernel, sampled_kernels, window_radius
from symmetry_audit.results import RELATIVE_FIELDS
from symmetry_audit.statistics import BootstrapMeans, InvarianceDraws, p_value, percentile_interval, subgroup_error
from tests.oracles import affine as oracle

SIZE, FIELDS, FEWER = 384, 100, 50
CORES = 2
MARGIN = 15  # px
STRICT = "sample_strict,dataset_strict"
FITTED = ("tv", "tv2", "sobel", "prewitt")


def _fields(kind: str, count: int, slope: float = 1.0) -> Iterator[tuple[np.ndarray, Affine]]:
    """Images of ratio 1.1 to 1.8 at any angle, with their w."""
    for index in range(count):
        rng = np.random.default_rng([384, index])
        affine = Affine.from_axes(rng.uniform(0, np.pi), rng.uniform(1.1, 1.8))
        if kind == "dead leaves":
            yield 127.5 + 40 * synth.dead_leaves((SIZE, SIZE), affine, rng=rng), affine
            continue
        field = synth.gaussian_field((SIZE, SIZE), affine, rng=rng, power=lambda k: synth.power_law(k, slope))
        clip, noise = {"clipped": (5.0, 0.0), "noisy": (0.0, 5.0)}.get(kind, (0.0, 0.0))
        plain = kind == "gaussian"
        yield (
            127.5 + 40 * field if plain else synth.degrade(field, clip=clip, noise=noise, rng=rng).astype(float),
            affine,
        )


def _recovery(kind: str, count: int, ratio: float, angle: float, slope: float = 1.0) -> dict:
    """Shares of joint fits within ``ratio`` relative and ``angle`` rad, and how far epsilon falls."""
    errors, falls = [], []
    for image, truth in _fields(kind, count, slope):
        fits = {fit.regularizer: fit for fit in fit_affine(image)}
        joint = fits["joint"]
        turn = (joint.alpha - truth.alpha + np.pi / 2) % np.pi - np.pi / 2
        errors.append((joint.ratio / truth.ratio - 1, turn, joint.a - truth.a, joint.b - truth.b))
        if truth.ratio >= 1.4:
            falls.append([fits[n].relative_epsilon_before / fits[n].relative_epsilon_after for n in (*FITTED, "joint")])
    error = np.abs(errors)
    inside = error[:, 0] <= ratio, error[:, 1] <= angle
    return {
        "fields": count,
        "share_ratio": float(inside[0].mean()),
        "share_angle": float(inside[1].mean()),
        "share_both": float((inside[0] & inside[1]).mean()),
        "rms_error_a_b": np.sqrt(np.square(np.array(errors)[:, 2:]).mean(0)).round(4).tolist(),
        "fall_of_epsilon_ratio_1.4_up": {
            name: {"median": float(np.median(column)), "share_15_fold": float((column >= 15).mean())}
            for name, column in zip((*FITTED, "joint"), np.array(falls).T, strict=True)
        },
    }


def truth(rounds: int) -> dict:
    """Gaussian fields by spectral slope, an oracle's exact minimiser on the first 30, isotropic fields, turning."""
    found = {f"slope {s}": _recovery("gaussian", count, 0.03, 0.04, s) for s, count in ((1.0, FIELDS), (0.5, FEWER))}
    exact = []
    for image, known in list(_fields("gaussian", 30)):
        objective = oracle.objective(image, "joint")
        fit = oracle.polish(objective, (known.a, known.b))
        distance = oracle.at_distance(*oracle.from_ab(fit.a, fit.b), known.alpha, known.ratio)
        exact.append((distance[1] <= 0.03, distance[0] <= 0.04))
    exact = np.array(exact)
    ratios, turns = [], []
    for index in range(20):
        rng = np.random.default_rng([385, index])
        ratios.append(_joint(127.5 + 40 * synth.gaussian_field((SIZE, SIZE), rng=rng)).ratio)
        image = 127.5 + 40 * synth.gaussian_field((SIZE, SIZE), Affine.from_axes(0.7, 1.5), rng=rng)
        upright, turned = _joint(image), _joint(np.rot90(image))
        turns.append(((turned.alpha - upright.alpha) % np.pi - np.pi / 2, turned.ratio / upright.ratio - 1))
    return found | {
        "exact_minimiser_slope_1_of_30": {
            "share_ratio": float(exact[:, 0].mean()),
            "share_angle": float(exact[:, 1].mean()),
            "share_both": float(exact.all(1).mean()),
        },
        "isotropic_ratio": {"median": float(np.median(ratios)), "largest": max(ratios)},
        "turned_by_90_deg": {
            name: {"median": float(np.median(column)), "largest": float(column.max())}
            for name, column in zip(("angle_off_rad", "ratio_off"), np.abs(turns).T, strict=True)
        },
    }


def harder_kinds(rounds: int) -> dict:
    """Dead leaves, and Gaussian fields rounded to 8 bit, clipped, noisy."""
    return {kind: _recovery(kind, FEWER, 0.06, 0.08) for kind in ("dead leaves", "8 bit", "clipped", "noisy")}


def _joint(image: np.ndarray):
    return next(fit for fit in fit_affine(image) if fit.regularizer == "joint")


def real_adaptive(root: Path) -> dict:
    """Adaptive against strict, with paired intervals and held-out halves, on photographs."""
    found = {}
    for name, folder in (("BSD100", "BSD100/HR"), ("Urban20", "Urban20/HR"), ("RSSCN7", "RSSCN7")):
        started = time.perf_counter()
        report = measure(root / folder)
        found[name] = {"seconds": time.perf_counter() - started, "images": report.dataset.images}
        fields = ("epsilon", *RELATIVE_FIELDS, "ci_low", "ci_high", "null_epsilon", "floor", "p_value")
        more = ("gain", "gain_low", "gain_high", "held_out_epsilon", "held_out_strict_epsilon", "held_out_gain_low")
        for row in report.results:
            values = {field: getattr(row, field) for field in (*fields, *more) if getattr(row, field) is not None}
            found[name][f"{row.scenario}, {row.regularizer}"] = values
        found[name]["at_limit"] = {item["regularizer"]: item["share_at_limit"] for item in report.analyses["fits"]}
        found[name]["recommendation"] = report.recommendation.sentence
    return found


def _profiles(names: tuple[str, ...], group: Group) -> tuple[engine.StrictEngine, np.ndarray]:
    settings = audit.make_settings(reg=names, group=str(group), scenario="dataset_strict")
    bank = audit.strict_bank(settings, settings.models[0])
    return engine.strict_engine(bank.kernels, settings.models[0], MARGIN), bank.index


def _table(images: Iterator[np.ndarray], strict: engine.StrictEngine, index: np.ndarray) -> np.ndarray:
    return np.stack([strict.row_means(image, MARGIN).mean(0)[index] for image in images])


def _p_value(table: np.ndarray, group: Group, seed: int) -> tuple[float, float]:
    """p of the first regularizer, and the null level."""
    draws = InvarianceDraws(group, len(table), seed=seed)
    for profiles in table:
        draws.add(profiles)
    shifted = subgroup_error(draws.means())
    return float(p_value(subgroup_error(table.mean(0)), shifted)[0]), float(shifted[:, 0].mean())


def calibration(rounds: int, datasets: int = 1000, images: int = 25, size: int = 72) -> dict:
    """p-values over simulated datasets of images: symmetric ones, and those with one common axis."""
    found = {}
    for text, names, mirrored in (("p8", ("tv",), False), ("p4m", ("chiral",), True)):
        group, (bank, index) = Group.parse(text), _profiles(names, Group.parse(text))
        values = []
        for dataset in range(datasets):
            rng = np.random.default_rng([77, dataset, mirrored])
            table = _table(_scene(rng, size, images, None), bank, index)
            values.append(_p_value(table, group, dataset)[0])
        found[f"symmetric, {text}"] = {
            "datasets": datasets,
            "images": images,
            "kolmogorov_smirnov_p": float(kstest(values, "uniform").pvalue),
            "rejected_at_5_percent": float(np.mean(np.array(values) <= 0.05)),
        }
    group, (bank, index) = Group(8), _profiles(("tv",), Group(8))
    for label, angle in (("ratio 1.3, one angle", 0.4), ("ratio 1.3, random angles", None)):
        values = [
            _p_value(_table(_scene(np.random.default_rng([78, d]), size, 100, angle), bank, index), group, d)[0]
            for d in range(datasets // 5)
        ]
        found[label] = {
            "datasets": len(values),
            "images": 100,
            "rejected_at_5_percent": float(np.mean(np.array(values) <= 0.05)),
        }
    return found


def _scene(rng: np.random.Generator, size: int, count: int, angle: float | None) -> Iterator[np.ndarray]:
    """Fields of ratio 1.3 at one angle, or each at its own."""
    for _ in range(count):
        affine = Affine.from_axes(rng.uniform(0, np.pi) if angle is None else angle, 1.3)
        yield 127.5 + 40 * synth.gaussian_field((size, size), affine, rng=rng)


def coverage(rounds: int, datasets: int = 400, images: int = 100, size: int = 72) -> dict:
    """How often the 95 % interval holds the epsilon of the law, known in closed form, for fields of one angle."""
    group, (bank, index) = Group(8), _profiles(("tv", "tv2"), Group(8))
    affine = Affine.from_axes(0.4, 1.3)
    sample = np.mean(_table(_scene(np.random.default_rng(1), size, 400, 0.4), bank, index), axis=0)
    truth = []
    for r, name in enumerate(("tv", "tv2")):
        stencil, model = STENCILS[name], GaussianKernel()
        kernels = sampled_kernels(stencil, group.matrices(), model, window_radius(stencil, model))
        profile = isotropic_profile(kernels, _limited_power, affine)
        truth.append(subgroup_error(profile * sample[r].mean() / profile.mean()))
    inside, clear = [], []
    for dataset in range(datasets):
        table = _table(_scene(np.random.default_rng([79, dataset]), size, images, 0.4), bank, index)
        bootstrap = BootstrapMeans(images, seed=dataset)
        for profiles in table:
            bootstrap.add(profiles)
        low, high = percentile_interval(subgroup_error(bootstrap.means()))
        inside.append((low <= truth) & (truth <= high))
        clear.append(subgroup_error(table.mean(0))[0] > 2 * _p_value(table, group, dataset)[1])
    return {
        "datasets": datasets,
        "images": images,
        "share_above_twice_the_null": float(np.mean(clear)),
        "coverage": dict(zip(("tv", "tv2"), np.mean(inside, 0).tolist(), strict=True)),
    }


def _limited_power(frequency: np.ndarray) -> np.ndarray:
    return np.where(frequency < synth.BAND_LIMIT, synth.power_law(frequency), 0.0)


def _decode(paths: list[Path], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda path: np.asarray(Image.open(path)), paths))


def fit_speed(rounds: int) -> dict:
    """Joint fit plus adaptive measurement of 2040 x 1356 on 2 cores, beside decoding and 100 Adam steps of conv2d."""
    from mosaics import make_mosaics

    settings = audit.make_settings(fit="joint", controls=False)
    seconds: dict[str, list[float]] = {}
    with TemporaryDirectory() as place:
        paths = make_mosaics(Path(place), 4)
        source = data.open_source(place)
        images = [data.decode(path.read_bytes(), 10**9).luminance for path in paths]
        plan = image_plans(settings, "cpu")[1][0]
        known = [plan.strict.row_means(image, settings.margin).mean(0)[plan.index] for image in images]

        def both() -> None:
            with single_threaded(), ThreadPoolExecutor(CORES, "fit", torch.set_num_threads, (1,)) as pool:
                list(pool.map(adapt, images, known))

        def adapt(image: np.ndarray, strict: np.ndarray) -> None:
            every_row = row_sample(image.shape, settings, "")
            measure_adaptive([ScaledImage(image, every_row, plan.adaptive, None, {WHOLE: strict}, None)], (0,))

        works = {
            "pillow_decoding_1_thread": lambda: _decode(paths, 1),
            "pillow_decoding_2_threads": lambda: _decode(paths, CORES),
            "joint_fit_and_adaptive_measurement": both,
            "files_to_report_three_scenarios_joint_fit_no_controls": lambda: measure(
                source, fit="joint", controls=False, workers=CORES
            ),
            "files_to_report_two_strict_scenarios": lambda: measure(source, scenario=STRICT, workers=CORES),
        }
        for _ in range(rounds):
            for name, work in works.items():
                started = time.perf_counter()
                work()
                seconds.setdefault(name, []).append((time.perf_counter() - started) / len(paths))
        step = _adam_step(images[0])
    ours = seconds["joint_fit_and_adaptive_measurement"]
    return {
        "seconds_per_image": {name: round(median(values), 4) for name, values in seconds.items()},
        "fit_and_measurement_over_decoding_1_thread": median(
            a / b for a, b in zip(ours, seconds["pillow_decoding_1_thread"], strict=True)
        ),
        "one_adam_step_of_full_image_conv2d_seconds": round(step, 2),
        "hundred_adam_steps_over_ours": 100 * step / median(ours),
    }


def _adam_step(image: np.ndarray) -> float:
    """Seconds of one Adam step on (a, b): 64 full-image convolutions with their gradients, as a reference."""
    pixels = torch.from_numpy(image - image.mean()).float()[None, None]
    u = torch.arange(-15.0, 16.0)
    grid = torch.stack(torch.meshgrid(u, u, indexing="xy"), -1)
    turns = torch.from_numpy(Group(32).matrices()[:16]).float()
    point = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([point], lr=0.05)

    def step() -> None:
        optimizer.zero_grad()
        half = torch.stack([point[0], -point[1], -point[1], -point[0]]).reshape(2, 2) / 2
        deformation = torch.linalg.matrix_exp(half)
        inverse = torch.linalg.inv(deformation @ turns @ torch.linalg.inv(deformation))
        loss = 0.0
        for name in FITTED:
            places = torch.tensor([p[:2] for p in STENCILS[name].points])
            weights = torch.tensor([p[2] for p in STENCILS[name].points])
            at = torch.einsum("tij,yxj->tyxi", inverse, grid)[..., None, :] - places
            kernels = (torch.exp(-at.square().sum(-1) / 4.5) * weights).sum(-1)
            # one kernel a call: all at once would need several times the memory
            responses = [torch.nn.functional.conv2d(pixels, kernel[None, None]).abs().mean() for kernel in kernels]
            profile = torch.stack(responses)
            loss = loss + profile.var(unbiased=False) / profile.mean().square()
        loss.backward()
        optimizer.step()

    started = time.perf_counter()
    step()
    return time.perf_counter() - started
