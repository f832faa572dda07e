"""What a user may ask for, and what is said where it is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.errors import SettingError
from symmetry_audit.synth import KINDS, SynthSettings


def test_defaults():
    settings = SynthSettings()
    assert (settings.n, settings.size, settings.kind, settings.seed) == (20, 384, "gaussian", 0)
    assert (settings.ratio, settings.angle, settings.slope) == ((1.4, 1.4), (0, 180), 1)
    assert (settings.flip_bias, settings.clip, settings.noise) == (0, 0, 0)
    assert SynthSettings(kind="dead-leaves").slope is None


def test_a_number_is_a_range_of_one():
    assert SynthSettings(ratio=1, angle=30) == SynthSettings(ratio=(1.0, 1.0), angle=[30, 30])
    assert SynthSettings(ratio=(1.1, 1.8), angle=(-10, 10)).angle == (-10, 10)
    assert hash(SynthSettings(ratio=1)) == hash(SynthSettings(ratio=(1, 1)))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "dead-leafs"}, r'^unknown kind "dead-leafs"\. Did you mean "dead-leaves"\?$'),
        ({"n": 0}, r"^--n must be between 1 and 100000, got 0$"),
        ({"n": 2.5}, r"^--n takes a whole number, got 2\.5$"),
        ({"size": 8}, r"^--size must be between 16 and 2048, got 8$"),
        ({"size": "big"}, r"^--size takes a number, got 'big'$"),
        ({"seed": -1}, r"^--seed must be between 0 and "),
        ({"ratio": 0.9}, r"^--ratio must be between 1\.0 and 2\.5, got 0\.9$"),
        ({"ratio": (1.2, 3)}, r"^--ratio must be between 1\.0 and 2\.5, got 3$"),
        ({"ratio": (1.8, 1.1)}, r"^--ratio runs from the lower number to the higher; write 1\.1:1\.8$"),
        ({"ratio": (1, 2, 2)}, r"^--ratio takes one number, or the lowest and the highest, got \(1, 2, 2\)$"),
        ({"ratio": "1"}, r"^--ratio takes one number, or .* got '1'$"),
        ({"angle": None}, r"^--angle takes one number, or .* got None$"),
        ({"angle": float("nan")}, r"^--angle takes a number, got nan$"),
        ({"angle": 1000}, r"^--angle must be between -360\.0 and 360\.0, got 1000$"),
        ({"clip": 95}, r"^--clip must be between 0\.0 and 90\.0, got 95$"),
        ({"noise": -1}, r"^--noise must be between 0\.0 and 100\.0, got -1$"),
        ({"noise": True}, r"^--noise takes a number, got True$"),
        ({"slope": 4}, r"^--slope must be between 0\.0 and 3\.0, got 4$"),
        ({"kind": "dead-leaves", "slope": 1}, '^--slope belongs to the kind gaussian; leave it out for "dead-leaves"$'),
        ({"kind": "dead-leaves", "flip_bias": 2}, r"^--flip-bias must be between 0\.0 and 1\.0, got 2$"),
        ({"flip_bias": 0.5}, r"^a gaussian field has the same distribution after a half turn; --flip-bias needs d"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(asked, message):
    with pytest.raises(SettingError, match=message) as caught:
        SynthSettings(**asked)
    assert "\n" not in str(caught.value)


@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 10**5),
    ratio=st.lists(st.floats(1, 2.5), min_size=2, max_size=2).map(sorted),
    angle=st.just("random") | st.floats(-360, 360),
    clip=st.floats(0, 90),
    seed=st.integers(0, 2**63 - 1),
)
def test_settings_survive_json(kind, n, ratio, angle, clip, seed):
    settings = SynthSettings(kind=kind, n=n, ratio=ratio, angle=angle, clip=clip, seed=seed)
    document = json.loads(json.dumps(settings.to_dict(), allow_nan=False))
    assert SynthSettings(**document) == settings
