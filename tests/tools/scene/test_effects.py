"""Effects of light and camera: seeded, of the same size, and nothing at strength zero."""

import hashlib

import numpy as np
import pytest

from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene import effects

FACE = render_card(catalogue(3, 8)[1], 200)

EFFECTS = {
    "light": effects.light,
    "glare": effects.glare,
    "foil": effects.foil,
    "shadow": effects.shadow,
    "blur": lambda rng, picture, strength: effects.blur(rng, picture, 2 * strength),
    "sensor": effects.sensor,
    "fingers": lambda rng, picture, strength: effects.fingers(rng, picture, 0.2 * strength),
    "compress": lambda _rng, picture, strength: effects.compress(picture, int(90 - 30 * strength)),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_follows_from_its_seed_and_leaves_its_input_alone(name):
    kept = FACE.copy()
    seen = set()
    for seed in range(8):
        one = EFFECTS[name](np.random.default_rng(seed), FACE, 1.0)
        two = EFFECTS[name](np.random.default_rng(seed), FACE, 1.0)
        assert one.shape == FACE.shape
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, two)
        seen.add(hashlib.sha256(one.tobytes()).hexdigest())
    np.testing.assert_array_equal(FACE, kept)
    assert len(seen) == {"compress": 1, "blur": 5}.get(name, 8)  # focus blur has no dice


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("size", [(1, 1), (8, 60), (61, 9)])
def test_an_effect_takes_pictures_of_any_size(name, size):
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for seed in range(10):
        assert EFFECTS[name](np.random.default_rng(seed), picture, 1.8).shape == (*size, 3)


@pytest.mark.parametrize("name", ["light", "foil", "shadow", "blur", "sensor"])
def test_strength_zero_leaves_the_picture_alone(name):
    for seed in range(5):
        plain = EFFECTS[name](np.random.default_rng(seed), FACE, 0.0)
        assert np.abs(plain.astype(int) - FACE).max() <= 1


@pytest.mark.parametrize("name", ["light", "shadow", "sensor", "blur"])
def test_more_strength_changes_more(name):
    def change(strength: float) -> float:
        return float(
            np.mean(
                [
                    np.abs(
                        EFFECTS[name](np.random.default_rng(seed), FACE, strength).astype(int) - FACE
                    ).mean()
                    for seed in range(12)
                ]
            )
        )

    assert change(0.3) < change(1.0) < change(2.0)


@pytest.mark.parametrize("effect", [effects.glare, effects.foil])
def test_a_mask_keeps_an_effect_on_the_card(effect):
    where = np.zeros(FACE.shape[:2], np.float32)
    where[:, 70:] = 1
    for seed in range(6):
        changed = effect(np.random.default_rng(seed), FACE, 1.5, where)
        assert np.abs(changed[:, :70].astype(int) - FACE[:, :70]).max() <= 1


def test_fingers_stay_on_their_mask_too():
    where = np.zeros(FACE.shape[:2], np.float32)
    covered = effects.fingers(np.random.default_rng(1), FACE, 0.3, where)
    assert np.abs(covered.astype(int) - FACE).max() <= 1


def test_a_shadow_only_darkens_and_glare_only_lightens():
    flat = np.full((60, 40, 3), 120, np.uint8)
    for seed in range(10):
        assert effects.shadow(np.random.default_rng(seed), flat, 1.0).max() <= 120
        assert effects.glare(np.random.default_rng(seed), flat, 1.0).min() >= 119


def test_fingers_cover_something_but_never_the_whole_card():
    shares = []
    for seed in range(40):
        covered = effects.fingers(np.random.default_rng(seed), np.full((336, 240, 3), 255, np.uint8), 0.25)
        shares.append(float((covered != 255).any(axis=2).mean()))
    assert min(shares) > 0.005
    assert max(shares) < 0.6
    assert np.median(shares) < 0.3


def test_blending_follows_the_mask():
    black, white = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 255, np.uint8)
    amount = np.array([[0, 0.5, 1]] * 2, np.float32)
    assert np.abs(effects.blend(white, black, amount)[0, :, 0].astype(int) - [0, 127, 255]).max() <= 1


def test_a_mask_of_bytes_becomes_amounts_of_single_precision():
    amounts = effects.as_mask(np.array([[0, 51, 255]], np.uint8))
    assert amounts.dtype == np.float32
    np.testing.assert_allclose(amounts, [[0, 0.2, 1]], atol=1e-6)


def test_noise_does_not_move_the_mean_and_differs_between_channels():
    flat = np.full((300, 300, 3), 128, np.uint8)
    noisy = effects.sensor(np.random.default_rng(3), flat, 1.0).astype(float)
    assert abs(noisy.mean() - 128) < 1
    assert noisy.std() > 1
    assert abs(np.corrcoef(noisy[..., 0].ravel(), noisy[..., 1].ravel())[0, 1]) < 0.1


def test_a_picture_larger_than_the_noise_bank_gets_noise_all_over():
    flat = np.full((1100, 1000, 3), 128, np.uint8)
    noisy = effects.sensor(np.random.default_rng(4), flat, 1.0)
    assert noisy[-50:].std() > 0.5


def test_compression_keeps_the_colours_in_their_order():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 250
    pixel = effects.compress(red, 90)[16, 16].astype(int)
    assert pixel[0] > 220
    assert pixel[1:].max() < 30
