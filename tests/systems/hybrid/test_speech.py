"""Hybrid training on sequences: bits, choices, what a study may ask for, networks that speak. Nothing needs espeak-ng."""

import math
from base64 import b64decode
from copy import deepcopy
from re import findall

import jax
import numpy as np
import pandas as pd
import pytest

from evotickets import sealed, study, tasks, verification
from evotickets.claims import registry
from evotickets.commands import running
from evotickets.networks import feedforward
from evotickets.systems import hybrid
from evotickets.systems import registry as systems
from evotickets.systems.hybrid import cells, choice, selection, speaking, speech_claims, speech_figures, training
from evotickets.systems.hybrid.claims import Evidence
from evotickets.systems.hybrid.files import Files
from evotickets.tasks import Data, Split, mu_law, replicated
from evotickets.tasks.utterances import Utterance

LABELS, CODES = 8, 13
TRAINING = {"steps": 20, "batches": 2, "batch": 8, "learning_rate": 0.3, "momentum": 0.9, "evaluations": 2}
TASK = {"task": "speech", "recurrent": 8, "sequence": {"labels": LABELS, "codes": CODES}, "training": TRAINING}


def split(count, seed):
    """Sequences whose next code follows from what is read: the level of the one before, here its sign."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 12, 4)).astype(np.float32)
    x[..., 3] = rng.integers(CODES, size=(count, 12))
    return Split(x, np.where(x[:, -LABELS:, 0] > 0, 200, 50).astype(np.int32))


@pytest.fixture(scope="module")
def data():
    return Data("speech", 256, split(100, 0), split(70, 1), split(65, 2), "none")


def test_a_network_that_knows_nothing_needs_eight_bits(data):
    network = cells.architecture_of(data, TASK)
    params = jax.tree.map(np.zeros_like, feedforward.initialise(network, np.random.default_rng(0)))
    both = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), params)
    seen = replicated(data)
    # Bias for the code 200 makes it twice as likely as any other: half of the labels are that.
    both["dense1/bias"][1, 200] = math.log(2)
    scores = training._scorer(network)(both, np.zeros(2, np.int32), seen.train.x, {"test": seen.test})
    share = np.mean(data.test.y == 200)
    np.testing.assert_allclose(scores["test/bits"], [8, math.log2(257) - share], rtol=1e-5)
    np.testing.assert_allclose(scores["test/loss"], np.array(scores["test/bits"]) * math.log(2), rtol=1e-5)
    assert set(scores) == {"test/bits", "test/loss"}


@pytest.mark.parametrize("name", sorted(hybrid.method))
def test_every_method_learns_sequences(data, name):
    options = {key: {"every": 5} for key in ("set", "rigl", "gmp")} | {"evolution": {"population": 4}}
    share_out = "whole" if name in ("dense", "evolution", "small_dense") else "uniform"
    method = {"method": name} | options.get(name, {})
    found = cells.run(data, TASK, method, 0.5, layer_densities=share_out, seed=0, count=1)
    rows = {(row["split"], row["metric"], row["step"]): row["value"] for row in found.trajectory.rows([0])}
    assert rows["test", "bits", 20] < 8
    assert ("test", "accuracy", 20) not in rows


def test_blocks_of_sequences_are_kept_or_pruned_whole(data):
    found = cells.run(data, TASK, {"method": "hybrid", "block": (16, 1)}, 0.25, seed=0, count=1)
    # The first kernel reads 3 numbers and 13 codes: 16 rows, one block a column.
    first = found.masks[0, : 16 * 24].reshape(16, 24)
    assert (first == first[0]).all()
    assert first[0].sum() == 6


def test_settings_of_sequences_are_chosen_by_the_loss(data):
    assert choice.best(np.full((3, 2), np.nan), np.array([[3.0, 3.0], [1.0, 2.0], [np.nan, 0.0]])) == 1
    candidates = [{"learning_rate": 1e-6}, {"learning_rate": 0.3}]
    found = selection.run(data, TASK, {"method": "dense"}, 1.0, candidates, layer_densities="whole", seed=0, count=2)
    assert [row["chosen"] for row in found.choices] == [False, True]
    assert all(math.isnan(row["accuracy"]) for row in found.choices)
    assert {name: leaf.shape for name, leaf in found.network.items()}["recurrent/kernel"] == (8, 24)


STUDY = {
    "hybrid": {
        "training": {"steps": 20, "evaluations": 2},
        "tasks": {"digits": {"hidden": [8]}, "voice": {"task": "speech", "recurrent": 16, "optional": True}},
        "methods": {"hybrid": {}, "static": {}},
        "cells": [
            {"tasks": ["digits", "voice"], "methods": ["hybrid"], "densities": [0.5]},
            {"tasks": ["voice"], "methods": ["static"], "densities": [0.5]},
        ],
        "overhead": [{"task": "voice", "method": "hybrid", "density": 0.5}],
    }
}


@pytest.fixture
def installed(monkeypatch):
    """Say whether espeak-ng is there, whatever this machine has."""
    sentences = {"speech": ""}
    monkeypatch.setattr(tasks, "missing", lambda name: sentences.get(name, ""))
    return sentences


def test_a_sequence_is_resolved_with_what_its_network_must_know(installed):
    section = study.resolve(STUDY).hybrid
    assert section.tasks["voice"]["sequence"] == {"labels": 256, "codes": 61}
    assert "optional" not in section.tasks["voice"]
    assert section.left_out == ()
    files = Files(section, "results", 2)
    assert files.sequences == files.speaking == ["voice"]
    cell = "results/hybrid/voice/static/0.5/erk"
    assert {f"{cell}/network.safetensors", f"{cell}/sentence3.wav"} <= set(files.made)
    assert not [path for path in files.made if "digits" in path and not path.endswith(".parquet")]
    drawn = {name: files.drawn(figure) for name, figure in systems.figures("hybrid").items()}
    assert drawn["bits"] == ["results/figures/hybrid/voice_bits.svg"]
    assert drawn["speech"] == ["results/figures/hybrid/voice_speech.html"]
    assert drawn["performance"] == ["results/figures/hybrid/digits_performance.svg"]


def test_optional_tasks_are_left_out_with_a_sentence(installed):
    installed["speech"] = "the task speech needs espeak-ng, which is not installed"
    section = study.resolve(STUDY).hybrid
    assert section.left_out == (
        "hybrid.tasks.voice is left out: the task speech needs espeak-ng, which is not installed",
    )
    assert {cell.task for cell in section.cells} == set(section.tasks) == {"digits"}
    assert section.overhead == ()
    assert running._left_out(study.resolve(STUDY)) == list(section.left_out)
    assert section.data == {"hybrid.tasks.digits": "digits"}


def test_what_is_not_optional_stays_and_a_study_of_nothing_is_refused(installed):
    installed["speech"] = "nothing speaks"
    asked = deepcopy(STUDY)
    del asked["hybrid"]["tasks"]["voice"]["optional"]
    assert "voice" in study.resolve(asked).hybrid.tasks
    alone = deepcopy(STUDY)
    alone["hybrid"]["cells"] = alone["hybrid"]["cells"][1:]
    with pytest.raises(study.StudyError, match="voice is left out: nothing speaks; no cell of the study is left"):
        study.resolve(alone)


def test_sequences_take_recurrent_networks_alone(installed):
    asked = deepcopy(STUDY)
    asked["hybrid"]["tasks"]["voice"] = {"task": "speech", "hidden": [8]}
    with pytest.raises(
        study.StudyError, match=r"hybrid\.tasks\.voice reads a sequence; use 'recurrent' in place of 'hidden'"
    ):
        study.resolve(asked)


def test_no_other_system_takes_sequences():
    assert "speech" not in tasks.SUPERVISED
    cells = [{"tasks": ["speech"], "seekers": ["random_search"]}]
    asked = {"strong": {"tasks": {"speech": {"hidden": [4]}}, "seekers": {"random_search": {}}, "cells": cells}}
    with pytest.raises(study.StudyError, match="speech"):
        study.resolve(asked)


@pytest.fixture(scope="module")
def sentences():
    rng = np.random.default_rng(0)
    return [
        Utterance(*(rng.integers(high, size=n).astype(np.uint8) for high in (256, CODES)), rng.random(n), rng.random(n))
        for n in (300, 200)
    ]


def test_the_same_seed_says_the_same_and_reads_nothing_of_what_was_spoken(data, sentences):
    params = feedforward.initialise(cells.architecture_of(data, TASK), np.random.default_rng(0))
    first, again, other = (speaking.say(params, sentences, jax.random.key(key)) for key in (0, 0, 1))
    assert [len(codes) for codes in first] == [300, 200]
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
    muted = [own._replace(codes=np.full_like(own.codes, 7)) for own in sentences]
    assert all((a == b).all() for a, b in zip(first, speaking.say(params, muted, jax.random.key(0)), strict=True))


def test_sounds_come_back_and_damage_is_refused(tmp_path):
    codes = np.arange(256, dtype=np.uint8)
    content = speaking.sound(codes)
    np.testing.assert_allclose(speaking.heard(content), mu_law.decode(codes), atol=2e-5)
    path = tmp_path / "a.wav"
    sealed.write_sound(path, content)
    whole = sealed.read_sound(path)
    np.testing.assert_array_equal(speaking.heard(whole), speaking.heard(content))
    assert int.from_bytes(whole[4:8], "little") == len(whole) - 8
    verification.check(path)
    for bit in range(0, 8 * len(whole), 7):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(sealed.ResultError, match="is damaged"):
            verification.check(path)
    for end in (0, 10, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(sealed.ResultError, match="is damaged"):
            sealed.read_sound(path)


HYBRID = {"method": "hybrid", "mask_rate": 1.0, "shuffled": False}
METHODS = {
    "hybrid": HYBRID | {"block": [1, 1]},
    "tall": HYBRID | {"block": [16, 1]},
    "tall_shuffled": HYBRID | {"block": [16, 1], "shuffled": True},
    "static": {"method": "static", "batches": 0, "block": [1, 1]},
    "static_tall": {"method": "static", "batches": 0, "block": [16, 1]},
    "gmp_tall": {"method": "gmp", "batches": 0, "block": [16, 1]},
    "dense": {"method": "dense", "batches": 0},
    "small_dense": {"method": "small_dense", "batches": 0},
}


def table(bits, metric="bits"):
    """Rows of every method at two densities and two steps, of which the last counts; seeds differ alike in all methods."""
    whole = {"dense": (1.0,)}
    return pd.DataFrame(
        [
            {"system": "hybrid", "task": "voice", "layer_densities": "whole" if "dense" in name else "uniform"}
            | {"method": name, "density": density, "step": step, "seed": seed, "split": "test", "metric": metric}
            | {"value": bits[name] + 0.1 * seed + (step == 10) + 1e-3 * (-1) ** seed * len(name)}
            for name in METHODS
            for density in whole.get(name, (0.25, 0.1))
            for step in (10, 20)
            for seed in range(4)
        ]
    )


BITS = dict(zip(METHODS, (5.0, 5.2, 5.3, 5.5, 5.4, 5.18, 4.0, 5.6), strict=True))


def decided(rows, methods=METHODS):
    return speech_claims.h9(Evidence(rows, pd.DataFrame(), pd.DataFrame(), methods))


def test_fewer_bits_than_static_masks_of_the_same_blocks():
    found = decided(table(BITS))
    words = " with uniform densities"
    effects = {name.removesuffix(words): round(effect.effect, 2) for name, effect in found.items() if effect.n}
    assert effects == {"H9": 0.2, "H9 1x1": 0.5, "H9 16x1": 0.2, "H9 16x1 shuffled": 0.1, "H9 16x1 GMP": 0.03}
    assert found["H9"].low > 0
    assert decided(table(BITS | {"static_tall": 5.1}))["H9"].high < 0


def test_shapes_that_static_masks_lack_leave_it_open():
    rows = table(BITS)
    assert decided(rows[rows["method"] != "static_tall"])["H9"].n == 0
    assert decided(table(BITS, metric="accuracy"))["H9"].n == 0


def test_every_part_says_what_it_states():
    systems.claims("hybrid")
    for part in decided(table(BITS)):
        assert registry.CLAIMS["H9"].states(part)


def test_bits_have_a_panel_a_shape_of_blocks(tmp_path):
    panels = speech_figures.bits(table(BITS), tmp_path / "a.svg", methods=METHODS).axes
    assert [panel.get_title() for panel in panels] == ["single weights", "blocks of 16×1"]
    drawn = [{line.get_label(): np.round(line.get_ydata()[-1], 2) for line in panel.get_lines()} for panel in panels]
    assert drawn[0] == {"hybrid": 5.15, "small dense": 5.75, "static random mask": 5.65, "dense": 4.15}
    assert drawn[1]["hybrid, shuffled fitness"] == 5.45
    assert drawn[1]["gradual magnitude pruning"] == 5.33


CELLS = [{"method": "hybrid", "density": density, "layer_densities": "uniform"} for density in ("0.25", "0.1")]


def test_the_page_plays_what_was_said(tmp_path):
    sounds = [speaking.sound(np.full(3, code, np.uint8)) for code in (1, 2, 3)]
    page = tmp_path / "a.html"
    speech_figures.speech(table(BITS), ["Is <this> it?"], sounds[:1], CELLS, [sounds[1:2], sounds[2:]], "1.5", page)
    html = sealed.read_page(page).decode()
    assert [b64decode(own) for own in findall(r'<audio [^>]*src="data:audio/wav;base64,([^"]+)"', html)] == sounds
    assert "Is &lt;this&gt; it?" in html
    assert "espeak-ng 1.5" in html
    assert "<td>5.01</td>" in html
    verification.check(page)


def test_spectrograms_show_the_sparsest_of_every_method(tmp_path):
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    figure = speech_figures.spectrograms([tone] * 3, [None, *CELLS], "A tone.", tmp_path / "a.svg")
    assert [panel.get_title() for panel in figure.axes] == ["espeak-ng", "hybrid, density 0.1"]
    found = speech_figures.decibels(tone)
    # 256 samples a column at 8 kHz: 31.25 Hz a row.
    assert (found.argmax(0) == 32).all()
