import numpy as np
import pytest

from evotickets.pruning import scores

MEAN = np.array([[1.0, -2.0, 0.5]])
STD = np.array([[0.5, 2.0, 0.1]])


def test_known_scores():
    np.testing.assert_allclose(scores.score("magnitude", MEAN, STD), [[1, 2, 0.5]])
    np.testing.assert_allclose(scores.score("snr", MEAN, STD), [[2, 1, 5]])
    np.testing.assert_allclose(scores.score("snr_variance", MEAN, STD), [[4, 0.5, 50]])


def test_pruned_weights_with_no_mean_and_no_std_score_least():
    values = scores.score("snr", np.array([[0.0, 1e-9]]), np.array([[0.0, 1.0]]))
    assert values[0, 0] == -np.inf < values[0, 1]


def test_a_gradient_trainer_has_no_signal_to_noise_ratio():
    np.testing.assert_allclose(scores.score("magnitude", MEAN, None), [[1, 2, 0.5]])
    with pytest.raises(ValueError, match="'snr' needs a search distribution"):
        scores.score("snr", MEAN, None)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match="unknown score 'magnitud'; known are magnitude, snr, snr_variance"):
        scores.score("magnitud", MEAN, STD)
