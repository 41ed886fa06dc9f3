"""Lottery tickets beyond backpropagation.

A ticket is a pair (initial parameters, mask). The modules make tickets, train them and ask what they are worth;
the workflow chains them; Parquet is the record and MLflow the view.
"""

from importlib.metadata import version

__version__ = version(__name__)
