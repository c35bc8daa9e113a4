"""Fresh views: the outlines move with the picture."""

import cv2
import numpy as np
import pytest

from cardscanner_tools.corners.pool import Example
from cardscanner_tools.corners.views import view

OUTLINE = np.array([[220, 100], [346, 100], [346, 276], [220, 276]], np.float32)


@pytest.fixture
def example(tmp_path) -> Example:
    """A red card on green: whatever happens to the light, its inside differs from its outside."""
    picture = np.zeros((400, 560, 3), np.uint8)
    picture[:] = (20, 150, 20)
    cv2.fillConvexPoly(picture, OUTLINE.astype(np.int32), (220, 30, 30))
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), picture[:, :, ::-1])
    return Example(path, OUTLINE[None], np.array([False]), "scene")


def test_the_outline_lies_where_the_card_went(example):
    agreed = []
    for seed in range(40):
        seen, outlines, boxes = view(np.random.default_rng(seed), example, 256)
        assert seen.shape == (256, 256, 3)
        assert seen.dtype == np.uint8
        assert len(outlines) == len(boxes) <= 1
        colours = np.ptp(seen.astype(int), axis=2).mean()
        if len(outlines) == 0 or colours < 20:
            continue
        inside = np.zeros((256, 256), np.uint8)
        cv2.fillConvexPoly(inside, np.round(outlines[0]).astype(np.int32), 1)
        redder = seen[..., 0].astype(int) > seen[..., 1]
        agreed.append((redder == (inside == 1)).mean())
    assert len(agreed) > 15
    assert np.median(agreed) > 0.97


def test_the_same_seed_gives_the_same_view(example):
    one, two = (view(np.random.default_rng(5), example, 128) for _ in range(2))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_upright_boxes_stay_upright(example):
    boxed = Example(example.path, example.outlines, np.array([True]), "photo")
    for seed in range(10):
        _, outlines, _ = view(np.random.default_rng(seed), boxed, 256)
        for outline in outlines:
            assert np.ptp(np.sort(outline[:, 0])[:2]) < 1e-2
            assert np.ptp(np.sort(outline[:, 1])[:2]) < 1e-2
