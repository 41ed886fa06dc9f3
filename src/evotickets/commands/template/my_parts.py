"""Parts of your own: a decorated function each, known in the configuration by its name.

To use this one, take the # before `parts:` in config/config.yaml away and add `shrunk` to the criteria of the chain of snes.
"""

import numpy as np

from evotickets.pruning import criterion


@criterion
def shrunk(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return |mean| − std [S, K]: the larger, the sooner a weight is kept.

    A criterion takes the trained `mean` [S, K] and, if it asks for it, the `std` of the search distribution [S, K]: a row a
    seed, a column a weight.
    """
    return np.abs(mean) - std
