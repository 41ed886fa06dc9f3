"""Files that are written whole or not at all, and refused once they hold anything else."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from evotickets import sealed

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([True, False]), "empty": np.zeros((0, 4))}


@pytest.fixture(scope="module")
def tensors(tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "x.safetensors"
    sealed.write_tensors(path, save(ARRAYS))
    return path, path.read_bytes()


def same(content):
    found = load(content)
    return found.keys() == ARRAYS.keys() and all(
        np.array_equal(found[name], array) and found[name].dtype == array.dtype for name, array in ARRAYS.items()
    )


def test_tensors_come_back(tensors):
    path, content = tensors
    assert sealed.read_tensors(path) == content
    assert same(content)


def test_every_flipped_bit_of_tensors_is_refused_or_changes_nothing(tensors, tmp_path):
    _, content = tensors
    path, sentences = tmp_path / "x.safetensors", []
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            found = sealed.read_tensors(path)
        except sealed.ResultError as error:
            sentences.append(str(error))
        else:
            assert same(found)
    # What is left are spaces that fill the header.
    assert len(sentences) > 8 * len(content) * 0.98
    assert set(sentences) == {
        f"{path} is damaged, cut short or not what was written: delete it and run the workflow again"
    }


@given(st.data())
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_cut_or_never_was_tensors_is_refused(tensors, tmp_path, data):
    _, content = tensors
    cut = data.draw(st.one_of(st.integers(0, len(content) - 1).map(lambda end: content[:end]), st.binary(max_size=99)))
    (tmp_path / "x").write_bytes(cut)
    with pytest.raises(sealed.ResultError, match="is damaged, cut short or not what was written: delete it"):
        sealed.read_tensors(tmp_path / "x")


def test_tensors_of_others_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(save(ARRAYS))
    with pytest.raises(sealed.ResultError, match="damaged"):
        sealed.read_tensors(tmp_path / "x")


@pytest.mark.parametrize("page", [b"<svg></svg>", b"<svg></svg>\n\n", "<p>⅓</p>".encode()])
def test_a_page_comes_back_and_any_other_is_refused(tmp_path, page):
    path = tmp_path / "x.svg"
    sealed.write_page(path, page)
    content = path.read_bytes()
    assert sealed.read_page(path) == content
    assert content.startswith(page.rstrip(b"\n"))
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(sealed.ResultError, match="damaged"):
            sealed.read_page(path)
    for wrong in (b"", page, content[:-1], content + b"<script>alert()</script>", b"<script>alert()</script>"):
        path.write_bytes(wrong)
        with pytest.raises(sealed.ResultError, match="damaged"):
            sealed.read_page(path)


def test_a_missing_file_is_named(tmp_path):
    for read in (sealed.read_page, sealed.read_tensors):
        with pytest.raises(sealed.ResultError, match=f"{tmp_path}/none is missing: run the workflow again"):
            read(tmp_path / "none")


@pytest.mark.parametrize(("holder", "step"), [(Path, "open"), (os, "fsync"), (Path, "replace")])
def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch, holder, step):
    path = tmp_path / "deep/x"
    sealed.write(path, b"before")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    refused = pytest.raises(sealed.ResultError, match=f"{path} cannot be written .No space left on device.: make room")
    with monkeypatch.context() as patched, refused:
        patched.setattr(holder, step, full)
        sealed.write(path, b"after")
    assert path.read_bytes() == b"before"
    assert [each.name for each in path.parent.iterdir()] == ["x"]


def test_the_first_of_two_writers_is_right(tmp_path):
    sealed.write_first(tmp_path / "x", b"one")
    sealed.write_first(tmp_path / "x", b"two")
    assert (tmp_path / "x").read_bytes() == b"one"
    assert len(list(tmp_path.iterdir())) == 1
