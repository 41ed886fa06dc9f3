"""Sentences of film reviews and how good people find what they say, as the source archive of vaderSentiment holds them."""

import io
import tarfile
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_doc import Doc

from evotickets.tasks.files import data_folder, verify
from evotickets.tasks.registry import Source, task
from evotickets.tasks.text import Tokenizer, Tokens, pool

ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
CHECKSUM = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
TABLE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
COUNTS = ((4275, 4181), (0, 0), (1051, 1061))
"""Sentences below and above 0 that are there to learn from, of validation, and held out."""
HELD = 5
"""Every fifth sentence is held out."""


@task(kind="pool", classes=2, needs="tokenizers", counts=COUNTS)
def movie_snippets(
    *,
    tokenizer: Tokenizer,
    tokens: Tokens = 64,
    root: Annotated[str, Doc("The archive, in the folder of data or by its whole path.")] = ARCHIVE,
) -> Source:
    """Sentences of film reviews, of class 1 where the mean of twenty ratings is above 0, of class 0 where it is below.

    Those whose mean is 0 are left out. The corpus brings no split: every fifth sentence is held out.

    Source: Pang & Lee (2004), sentences of reviews; Hutto & Gilbert (2014), "VADER", their ratings (MIT licence).

    Raises:
        FileNotFoundError: if the archive or the tokenizer is missing.
        ValueError: if the archive is damaged.
    """
    path = data_folder() / root
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: pip download --no-deps --no-binary :all: --dest {data_folder()} vaderSentiment==3.3.2"
        )
    texts, ratings = _sentences(path)
    held = np.arange(len(texts)) % HELD == 0
    labels = (ratings > 0).astype(np.int64)
    parts = [np.flatnonzero(part & (ratings != 0)) for part in (~held, held)]
    train, test = (pool([texts[index] for index in part], labels[part], tokenizer, tokens) for part in parts)
    return Source(train, test, (), ())


def _sentences(path: Path) -> tuple[list[str], np.ndarray]:
    """Return all sentences and their mean ratings."""
    verify({path: CHECKSUM})
    with tarfile.open(path) as outer:
        member = outer.extractfile(INNER)
        content = member.read() if member else b""
    with tarfile.open(fileobj=io.BytesIO(content)) as inner:
        member = inner.extractfile(TABLE)
        lines = (member.read() if member else b"").decode().splitlines()
    rows = [line.split("\t") for line in lines]
    return [sentence for _, _, sentence in rows], np.array([float(rating) for _, rating, _ in rows])
