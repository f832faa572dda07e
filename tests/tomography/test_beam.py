"""Attenuation, spectrum, photons and the water correction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.tomography import ENERGIES, Beam, attenuation, tube_spectrum
from tests.oracles import attenuation as made
from tests.oracles import fan_beam as oracle

MATERIALS = ("water", "bone", "titanium", "aluminium")


def test_the_table_is_what_xraydb_gives():
    pytest.importorskip("xraydb")
    for name, values in made.tabulated().items():
        np.testing.assert_allclose(attenuation(name), values, rtol=1e-5)


@pytest.mark.parametrize(("name", "value"), [("water", 0.1929), ("bone", 0.2570), ("titanium", 0.5361)])
def test_published_attenuation_at_70_kev(name, value):
    assert attenuation(name)[ENERGIES == 70] == pytest.approx(value, abs=5.5e-5)


def test_the_table_cannot_be_changed():
    attenuation("water")[:] = 0
    assert attenuation("water").min() > 0.15


def test_spectrum():
    spectrum = tube_spectrum()
    assert spectrum.shape == ENERGIES.shape
    assert spectrum.sum() == pytest.approx(1)
    assert (spectrum > 0).all()
    assert spectrum @ ENERGIES == pytest.approx(55.1, abs=0.3)  # of the GE tube that SynDeepLesion has
    assert ENERGIES[spectrum.argmax()] == 60


def test_polychromatic_rays(rng):
    table = {name: attenuation(name).tolist() for name in MATERIALS}
    rays = {"water": rng.uniform(0, 4, 40), "bone": rng.uniform(0, 1, 40), "titanium": rng.uniform(0, 7, 40)}
    found = Beam().polychromatic({name: values.reshape(8, 5) for name, values in rays.items()})
    for ray in range(40):
        integrals = {name: float(values[ray]) for name, values in rays.items()}
        expected = oracle.polychromatic(table, tube_spectrum().tolist(), integrals)
        assert found[ray // 5, ray % 5] == pytest.approx(expected, abs=1e-12)


def test_more_rays_than_a_block(rng):
    water = rng.uniform(0, 4, 10_000)
    found = Beam().polychromatic({"water": water})
    np.testing.assert_array_equal(found[-3:], Beam().polychromatic({"water": water[-3:]}))


def test_one_energy_is_monochromatic():
    """Of a spectrum that is 70 keV alone, line integrals at 70 keV come back, and need no correction."""
    beam = Beam(spectrum=7.0 * (ENERGIES == 70))
    integrals = {"water": np.array([0.0, 1.5]), "titanium": np.array([0.25, 2.0])}
    np.testing.assert_allclose(beam.polychromatic(integrals), [0.25, 3.5], atol=1e-14)
    np.testing.assert_allclose(beam.correction, [1, 0, 0], atol=1e-9)


def test_correction_by_normal_equations():
    """Over 0, 0.05 .. 50 cm of water; fitted again by Gram's matrix, in units in which it is well conditioned."""
    beam = Beam()
    table = {"water": attenuation("water").tolist()}
    depths = [0.05 * step * table["water"][50] for step in range(1001)]
    p = [oracle.polychromatic(table, beam.spectrum.tolist(), {"water": depth}) for depth in depths]
    powers = [[(value / 10) ** k for value in p] for k in (1, 2, 3)]
    gram = [[math.fsum(a * b for a, b in zip(one, other, strict=True)) for other in powers] for one in powers]
    right = [math.fsum(a * depth for a, depth in zip(one, depths, strict=True)) for one in powers]
    expected = np.linalg.solve(gram, right) / [10, 100, 1000]
    np.testing.assert_allclose(beam.correction, expected, rtol=1e-8)


def test_correction_is_that_of_the_published_tables():
    """ADN's tables of the tube and of attenuation give 0.80370341, 0.02301414, -0.0008444."""
    np.testing.assert_allclose(Beam().correction, [0.80370341, 0.02301414, -0.0008444], rtol=2e-3)


def test_water_is_straight_after_the_correction():
    beam = Beam()
    straight = np.linspace(0, 5, 51)
    bent = beam.polychromatic({"water": straight})
    assert abs(bent - straight).max() > 0.3
    np.testing.assert_allclose(beam.corrected(bent), straight, atol=0.02)


def test_photon_noise(rng):
    """Counts have the variance of their mean: relative, 1/sqrt(count). 100 000 draws fix it to 0.2 %."""
    beam = Beam(photons=1e4, scatter=100.0)
    found = 1e4 * np.exp(-beam.counted(np.full(100_000, 1.0), rng))
    expected = round(1e4 * math.exp(-1)) + 100
    assert found.mean() == pytest.approx(expected, rel=5 / math.sqrt(1e5 * expected))
    assert found.var() == pytest.approx(expected, rel=0.02)


def test_no_photon_counts_as_one(rng):
    np.testing.assert_array_equal(Beam(photons=50.0, scatter=0.0).counted(np.full(9, 9.0), rng), math.log(50))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spectrum": np.ones(100)}, r"a spectrum is 101 numbers of photons at 20, ... 120 keV.*got shape \(100,\)"),
        ({"spectrum": -np.ones(101)}, "none negative"),
        ({"spectrum": np.zeros(101)}, "not all zero"),
        ({"photons": 0.0}, "photons >= 1 and scatter >= 0, got 0"),
        ({"scatter": math.inf}, "got 20000000.0 and inf"),
    ],
)
def test_beams_that_cannot_be(options, message):
    with pytest.raises(SettingError, match=message):
        Beam(**options)
