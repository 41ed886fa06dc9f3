"""Lottery tickets beyond backpropagation.

A ticket is a pair (initial parameters, mask). The modules make tickets, train them and ask what they are worth;
the workflow chains them; Parquet is the record and MLflow the view.

Axis letters, which have one meaning in the whole package; axes without a letter are written as words, such as `[cells, S]`:

* `A` units of a layer that reach an output
* `B` samples of a batch
* `C` channels
* `D` survivors: the coordinates that a trainer may move
* `E` episodes, or the environments that play them
* `F` fan-in of a group of units
* `G` groups, of units or of members
* `H` height
* `I` inputs, of a network or a layer
* `J` batches of a step
* `K` prunable entries
* `L` layers
* `M` offsets from a mean, one a member or one a pair
* `N` all parameters
* `O` outputs, of a network or a layer
* `P` members of a population: genomes too
* `Q` pairs: of mirrored members, or of networks at the ends of a line
* `R` inputs that a layer reads
* `S` seeds
* `T` steps, of training, a rollout, a sequence or a line
* `W` width
* `n` samples of a data set
"""

from importlib.metadata import version

__version__ = version(__name__)
