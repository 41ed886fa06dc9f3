"""What the tests are strict about: promotion inside JAX, and warnings of our own modules."""

import importlib
import warnings

import jax.numpy as jnp
import pytest


@pytest.mark.parametrize(
    "promoting",
    [lambda: jnp.ones((2, 3)) + jnp.ones(3), lambda: jnp.ones(3) + jnp.arange(3), lambda: jnp.arange(3) + 0.5],
    ids=["ranks", "types", "integers and a Python float"],
)
def test_what_jax_would_promote_is_an_error(promoting):
    with pytest.raises(Exception, match="promotion"):
        promoting()


def warn_in(name):
    """Warn as a line of a module would."""
    place = dict(vars(importlib.import_module(name)))
    exec("import warnings; warnings.warn('old', DeprecationWarning)", place)


@pytest.mark.parametrize(
    "name",
    ["evotickets", "evotickets.trainers.rollouts", "snakemake_logger_plugin_mlflow", "tests.studies", __name__],
)
def test_a_warning_in_a_module_of_ours_is_an_error(name):
    with pytest.raises(DeprecationWarning):
        warn_in(name)


@pytest.mark.parametrize("name", ["optax", "evosax.algorithms"])
def test_a_warning_in_a_library_is_none(name):
    with warnings.catch_warnings(record=True) as seen:
        warn_in(name)
    assert [warning.category for warning in seen] == [DeprecationWarning]
