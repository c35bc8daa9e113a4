"""Gates: what passes, what does not, and what the message says."""

from __future__ import annotations

import numpy as np
import pytest

from cardscanner.errors import ArtifactError
from cardscanner_tools.hef.gates import GATES, Reference


@pytest.fixture
def reference() -> Reference:
    gallery = np.random.default_rng(0).normal(size=(400, 64)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    return Reference(gallery, gallery[:200])


def test_the_same_answers_at_another_length_pass_every_gate(reference):
    for stage in GATES:
        figures = reference.judge(stage, reference.queries * 17)
        assert (figures.stage, figures.cosine_mean, figures.top1) == (stage, pytest.approx(1), 1)


def test_a_little_noise_passes_in_8_bits_only(reference):
    noisy = reference.queries + np.random.default_rng(1).normal(0, 0.01, (200, 64)).astype(np.float32)
    assert reference.judge("SDK_QUANTIZED", noisy).cosine_p1 < 1
    with pytest.raises(ArtifactError, match=r"gate after SDK_NATIVE failed: .*start and end nodes"):
        reference.judge("SDK_NATIVE", noisy)


@pytest.mark.parametrize("stage", GATES)
def test_other_answers_fail_with_the_figures_and_advice(reference, stage):
    with pytest.raises(ArtifactError) as failed:
        reference.judge(stage, -reference.queries)
    assert "cosine to float ONNX: mean -1.0" in str(failed.value)
    assert GATES[stage].advice in str(failed.value)


def test_one_capture_in_fifty_gone_wrong_fails_although_the_mean_is_fine(reference):
    features = reference.queries.copy()
    features[::50] = reference.gallery[300:304]
    with pytest.raises(ArtifactError, match="8 bits cost too much"):
        reference.judge("SDK_QUANTIZED", features)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_answers_without_a_direction_fail(reference, value):
    features = reference.queries.copy()
    features[3] = value
    with pytest.raises(ArtifactError, match="mean nan"):
        reference.judge("SDK_QUANTIZED", features)


def test_another_number_of_values_says_that_the_end_node_is_wrong(reference):
    with pytest.raises(ArtifactError, match="gives 32 values for a capture, the model 64: the end node"):
        reference.judge("SDK_NATIVE", reference.queries[:, :32])
