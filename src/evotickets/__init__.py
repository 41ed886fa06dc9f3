"""Lottery tickets beyond backpropagation.

A ticket is a pair (initial parameters, mask). The modules make tickets, train them and ask what they are worth;
the workflow chains them; Parquet is the record and MLflow the view.
"""
