"""fits_text(): one image in full, several in summary, and the reasons of fits that failed."""

import re

import pytest

from symmetry_audit.reports import fits_text
from symmetry_audit.results import AffineFit, FailedFit


def fit(image="a.png", regularizer="tv", **changes):
    fields = {
        **{"image": image, "regularizer": regularizer, "sigma": 1.5, "downscale": 1},
        **{"a": 0.1, "b": 0.2, "alpha": 1.0, "alpha_deg": 57.31, "s_x": 1.2, "s_y": 1 / 1.2, "ratio": 1.44},
        **{"proxy_before": 4.71e-3, "proxy_after": 6.2e-5, "epsilon_before": 3.0, "epsilon_after": 0.2},
        **{"relative_epsilon_before": 0.177, "relative_epsilon_after": 0.0174, "iterations": 12},
        **{"converged": True, "at_limit": False, "orientation": 1.0, "coherence": 0.4},
    }
    return AffineFit(**fields | changes)


def failed(image="a.png", regularizer="laplacian", reason="isotropic: no direction", **changes):
    about = {"sigma": 1.5, "downscale": 1, "orientation": 1.0, "coherence": 0.4}
    return FailedFit(image=image, regularizer=regularizer, reason=reason, **about | changes)


def rows_of(text):
    """[header, *rows] of the table, every row as its cells, empty ones left out."""
    return [re.split(r" {2,}", line.strip()) for line in text.split("\n\n")[1].splitlines()]


def test_one_image_has_a_line_per_fit():
    fits = [
        fit(),
        fit(regularizer="sobel", ratio=2.0, at_limit=True, converged=False, iterations=200, alpha_deg=0.0),
        failed(),
        fit(regularizer="joint", proxy_after=0.0, relative_epsilon_before=0.3, relative_epsilon_after=0.005),
    ]
    text = fits_text(fits)
    assert text.startswith("Fits of a.png.\n\n")
    assert text.endswith(".\n")
    assert rows_of(text) == [
        ["Regularizer", "Angle (°)", "Ratio", "Proxy", "Relative ε (%)", "Steps", "Outcome"],
        ["tv", "57.3", "1.440", "4.7e-03 → 6.2e-05", "17.70 → 1.74", "12", "converged"],
        ["sobel", "0.0", "2.000", "4.7e-03 → 6.2e-05", "17.70 → 1.74", "200", "not converged, at limit"],
        ["laplacian", "no fit"],
        ["joint", "57.3", "1.440", "4.7e-03 → 0.0e+00", "30.00 → 0.50", "12", "converged"],
    ]
    assert text.endswith("No fit for laplacian: isotropic: no direction.\n")


def test_several_images_have_a_line_per_regularizer():
    fits = [
        *(fit(f"{n}.png", ratio=1 + 0.1 * n, proxy_before=10.0**-n, at_limit=n == 3) for n in (1, 2, 3)),
        fit("1.png", "sobel", converged=False),
        failed("2.png", "sobel", "flat"),
        failed("3.png", "sobel", "flat"),
        *(failed(f"{n}.png") for n in (1, 2, 3)),
    ]
    text = fits_text(fits)
    assert text.startswith("Fits of 3 images.\n\n")
    header = ["Regularizer", "Images", "Failed", "At limit", "Not converged", "Ratio", "Proxy", "Relative ε (%)"]
    assert rows_of(text) == [
        header,
        ["tv", "3", "0", "1 (33 %)", "0", "1.20", "1.0e-02 → 6.2e-05", "17.7 → 1.7"],
        ["sobel", "3", "2", "0", "1 (100 %)", "1.44", "4.7e-03 → 6.2e-05", "17.7 → 1.7"],
        ["laplacian", "3", "3", "0", "0", "–"],
    ]
    assert "Medians are over the images whose fit succeeded." in text
    assert text.count("No fit for ") == 2
    assert "No fit for sobel: flat.\nNo fit for laplacian: isotropic: no direction.\n" in text


@pytest.mark.parametrize("images", [("a.png",), ("a.png", "b.png")])
def test_scales_are_named_where_there_are_several(images):
    fits = [fit(image, sigma=sigma, downscale=factor) for image in images for sigma in (1.0, 1.5) for factor in (1, 2)]
    header, *rows = rows_of(fits_text(fits))
    assert header[:3] == ["σ (px)", "Downscale", "Regularizer"]
    assert [row[:3] for row in rows] == [*(["1", "1", "tv"], ["1", "2", "tv"], ["1.5", "1", "tv"], ["1.5", "2", "tv"])]


def test_a_kernel_without_width_needs_no_column():
    assert rows_of(fits_text([fit(sigma=None)]))[0][0] == "Regularizer"


def test_nothing_fitted():
    assert fits_text(()) == "No image was fitted.\n"


def test_lines_fit_a_terminal_and_hold_no_control_characters():
    nasty = "a\nb\x1b[31m"
    fits = [fit(nasty, nasty), failed(nasty, nasty, reason=nasty)]
    for text in (fits_text(fits), fits_text([*fits, fit("other", nasty)])):
        assert all(char.isprintable() for char in text.replace("\n", ""))
        assert max(map(len, text.splitlines())) <= 100
