"""Which jobs of a chain a cluster takes as one."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from evotickets import study
from evotickets.systems.tickets.files import Files
from tests import studies


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("study") / "study.yaml"
    criteria = "criteria: [magnitude, random, mask_permuted]"
    text = studies.TINY.read_text().replace("criteria: [magnitude, snr]", criteria).replace("[1, 0.3]", "[1, 0.3, 0.1]")
    place.write_text(
        text.replace("trainers: [snes]", "trainers: [snes, adam]").replace(
            "  chains:", "    adam: {steps: 4, evaluations: 2, batch: 32}\n  chains:"
        )
    )
    loaded = study.load(Path(place))
    return Files(loaded.tickets, "results", loaded.seeds)


@pytest.mark.parametrize(
    ("criterion", "level", "expected"),
    [
        ("magnitude", "01", "digits_{}_magnitude"),
        ("magnitude", "02", "digits_{}_magnitude"),
        ("dense", "00", None),
        # These start from no level before, or from one of another chain, and may run at the same time.
        ("random", "02", None),
        ("mask_permuted", "02", None),
    ],
)
@pytest.mark.parametrize("trainer", ["snes", "adam"])
def test_levels_that_start_from_one_another_are_one_submission(files, trainer, criterion, level, expected):
    place = SimpleNamespace(task="digits", trainer=trainer, criterion=criterion, level=level)
    assert files.submission(place) == (expected and expected.format(trainer))


def test_a_chain_is_collected_with_its_levels_unless_a_figure_is_drawn_beside_them(files):
    """A figure of the first levels would run at the same time as the third, and the submission ask for two cores."""
    gradient = SimpleNamespace(task="digits", trainer="adam", criterion="magnitude")
    assert files.first_cut(gradient) == []
    assert files.submission(gradient) == "digits_adam_magnitude"
    evolved = SimpleNamespace(task="digits", trainer="snes", criterion="magnitude")
    assert files.first_cut(evolved)
    assert files.submission(evolved) is None
