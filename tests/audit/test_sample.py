"""Audits of a random sample of the images: measured, continued, verified and compared."""

from __future__ import annotations

import json

import pytest

from symmetry_audit import compare_datasets, fit_affine, measure, verify
from symmetry_audit.audit import AuditSettings, make_settings
from symmetry_audit.data import open_source, sampled
from symmetry_audit.errors import ReportError, SettingError
from tests.conftest import save_photos

ASKED = {"reg": "tv", "group": "p4", "scenario": "sample_strict,dataset_strict"}
NAMES = [f"photo_{number}.png" for number in range(8)]

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    import numpy as np

    return save_photos(tmp_path_factory.mktemp("sample") / "photos", np.random.default_rng(4), count=8)


def measured_images(folder) -> set[str]:
    _, *lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["image"] for line in lines}


def test_a_sample_is_the_audit_of_its_images(photos, tmp_path):
    drawn = sorted(sampled(NAMES, 3, 2))
    assert drawn != NAMES[:3]
    report = measure(photos, **ASKED, sample=3, seed=2, out=tmp_path / "run")
    alone = measure([photos / name for name in drawn], **ASKED, seed=2)
    assert measured_images(tmp_path / "run") == set(drawn)
    assert (report.dataset.images, report.dataset.fingerprint) == (
        3,
        measure(photos, **ASKED, sample=3, seed=2).dataset.fingerprint,
    )
    for row, other in zip(report.results, alone.results, strict=True):
        assert (row.epsilon, row.mean_response) == (other.epsilon, other.mean_response)
    assert report.settings["sample"] == 3
    assert "the images are a random sample, 3 of 8, drawn by their names with seed 2" in report.warnings
    assert not any("random sample" in text for text in measure(photos, **ASKED, sample=9).warnings)


def test_the_seed_draws_other_images(photos):
    assert measure(photos, **ASKED, sample=3, seed=2).dataset.fingerprint != (
        measure(photos, **ASKED, sample=3, seed=3).dataset.fingerprint
    )


def test_a_larger_sample_goes_on_and_a_smaller_one_is_refused(photos, tmp_path):
    seen: list[int] = []

    def run(**asked):
        seen.clear()
        return measure(photos, **ASKED, **asked, out=tmp_path / "run", progress=lambda done, _: seen.append(done))

    run(sample=2)
    assert run(sample=4).to_json() == measure(photos, **ASKED, sample=4).to_json()
    assert seen[0] == 2
    with pytest.raises(ReportError, match=r"other settings \(sample: 4, now 3\)"):
        run(sample=3)
    with pytest.raises(ReportError, match=r"other settings \(sample: 4, now 4\)|other settings \(seed: 0, now 1\)"):
        run(sample=4, seed=1)
    with pytest.raises(ReportError, match=r"other settings \(limit: null, now 5\)"):
        run(limit=5)
    assert run().to_json() == measure(photos, **ASKED).to_json()
    assert seen[0] == 4
    with pytest.raises(ReportError, match=r"other settings \(sample: null, now 7\)"):
        run(sample=7)


def test_first_images_and_a_sample_are_not_asked_for_together():
    told = "^--limit takes the first images and --sample a random sample of all; give one of them$"
    with pytest.raises(SettingError, match=told):
        make_settings(limit=5, sample=3)
    with pytest.raises(SettingError, match=r"^--sample must be at least 1, got 0$"):
        make_settings(sample=0)


def test_settings_of_an_older_report_have_no_sample():
    document = make_settings(sample=5).to_dict()
    assert AuditSettings.from_dict(document).sample == 5
    del document["sample"]
    assert AuditSettings.from_dict(document).sample is None


def test_a_report_of_a_sample_is_verified_and_compared(photos, tmp_path):
    for name, seed in (("a", 2), ("b", 3)):
        measure(photos, **ASKED, sample=3, seed=seed, out=tmp_path / name)
    assert verify(tmp_path / "a") == ()
    document = json.loads((tmp_path / "a/report.json").read_text(encoding="utf-8"))
    document["settings"]["seed"] = 3  # another sample
    document.pop("sha256", None)
    (tmp_path / "a/report.json").write_text(json.dumps(document), encoding="utf-8")
    assert "the image files are not the report's: the fingerprint differs" in verify(tmp_path / "a")
    measure(photos, **ASKED, out=tmp_path / "all")
    found = compare_datasets([tmp_path / "all", tmp_path / "b"])
    assert [(one.images, one.shared) for one in found.datasets] == [(8, 8), (3, 3)]


def test_fits_of_a_sample(photos):
    said: list[str] = []
    fits = fit_affine(photos, reg="tv", group="p4", sample=2, seed=2, say=said.append)
    assert "the images are a random sample, 2 of 8, drawn by their names with seed 2" in said
    assert {fit.image for fit in fits} == sampled(NAMES, 2, 2)


def test_the_plan_tells_the_sample(photos):
    from symmetry_audit.verbs import MeasureRequest, plan_measure

    plan = plan_measure(MeasureRequest(photos, **ASKED, sample=3, seed=2))
    assert plan.text.startswith("a random sample of 3 of 8 images (seed 2) of photos: tv under p4")
    assert (plan.to_dict()["images"], plan.to_dict()["settings"]["sample"]) == (3, 3)
    assert len(open_source(str(photos)).refs) == 8
