"""Images of known symmetry: random fields with a chosen group G_w (SPEC 5). No torch."""

from symmetry_audit.synth._covariance import gaussian_covariance
from symmetry_audit.synth._dataset import SYNTH_SCHEMA, make_image, synth_document, write_dataset
from symmetry_audit.synth._degrade import degrade
from symmetry_audit.synth._gaussian import BAND_LIMIT, gaussian_field, power_law
from symmetry_audit.synth._leaves import dead_leaves
from symmetry_audit.synth._settings import KINDS, SynthSettings

__all__ = [
    "BAND_LIMIT",
    "KINDS",
    "SYNTH_SCHEMA",
    "SynthSettings",
    "dead_leaves",
    "degrade",
    "gaussian_covariance",
    "gaussian_field",
    "make_image",
    "power_law",
    "synth_document",
    "write_dataset",
]
