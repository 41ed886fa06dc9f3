"""What the parts of the file beside this one need."""


def distance(mean, initial):
    """Return |mean − initial|."""
    return abs(mean - initial)
