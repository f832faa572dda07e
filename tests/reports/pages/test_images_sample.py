"""Pages of many images look at a sample of them."""

from __future__ import annotations

from symmetry_audit.reports.audits._checked import checked
from symmetry_audit.reports.pages import _images


def test_a_page_of_many_images_is_about_a_sample_and_the_named_ones(write_run, monkeypatch):
    run = write_run(images=12)
    whole = _images.image_numbers(run.folder, checked(run.report))
    monkeypatch.setattr(_images, "MOST", 4)
    part = _images.image_numbers(run.folder, checked(run.report))
    assert whole is not None and part is not None
    named = {image["image"] for item in run.report.analyses.get("leverage", ()) for image in item["images"]}
    assert set(part.names) == {*whole.names[:4], *named & set(whole.names)}  # without hashes the first count
    for name in part.names:
        assert part.before[part.places[name]] == whole.before[whole.places[name]]
