"""Checkpoints as others leave them: where the weights stand in a file, what stands before their names, and what is refused."""

import json

import pytest
import safetensors.torch
import torch
from torch import nn

from evotickets import study
from evotickets.systems.subspace import checkpoints, files, parents, problems, shards


class Tied(nn.Module):
    """An embedding whose weights read out, too, and a causal mask."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.norm = nn.LayerNorm(3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def drawn():
    model = small()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    return model


def prefixed(prefix, state):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


STATE = drawn().state_dict()
OTHER = {name: tensor + 1 for name, tensor in STATE.items()}


def same(model, state=STATE):
    return all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("held", "entry"),
    [
        ({"model_state_dict": STATE, "optimizer_state_dict": {"state": {}, "lr": 0.1}, "epoch": 3}, None),
        ({"net": STATE, "acc": 93.0}, None),
        ({"model": STATE, "ema": OTHER, "args": {"lr": 0.1}}, None),
        ({"model": OTHER, "ema": STATE}, "ema"),
        ({"teacher": STATE, "student": OTHER}, "teacher"),
        ({"model_ema": prefixed("module.", STATE) | {"n_averaged": torch.tensor(7)}}, None),
        (prefixed("_orig_mod.", STATE), None),
        (prefixed("module._orig_mod.", STATE), None),
        ({"state_dict": prefixed("model.", STATE), "pytorch-lightning_version": "2.5", "hyper_parameters": {}}, None),
        ({"state_dict": prefixed("net._orig_mod.", STATE)}, None),
    ],
    ids=[
        "pytorch",
        "net",
        "model before ema",
        "ema",
        "own entry",
        "average",
        "compiled",
        "both",
        "lightning",
        "wrapped",
    ],
)
def test_weights_are_found_where_training_scripts_leave_them(tmp_path, held, entry):
    torch.save(held, tmp_path / "c.pt")
    model = small()
    checkpoints.load(model, tmp_path / "c.pt", entry)
    assert same(model)


def sharded(folder, state=STATE):
    names = [*state]
    parts = {"model-00001-of-00002.safetensors": names[:3], "model-00002-of-00002.safetensors": names[3:]}
    for file, own in parts.items():
        safetensors.torch.save_file({name: state[name] for name in own}, folder / file)
    index = folder / f"model{shards.INDEX}"
    index.write_text(json.dumps({"weight_map": {name: file for file, own in parts.items() for name in own}}))
    return index


def test_safetensors_load_from_one_file_or_from_several_with_an_index(tmp_path):
    safetensors.torch.save_file(STATE, tmp_path / "c.safetensors")
    index = sharded(tmp_path)
    for file in (tmp_path / "c.safetensors", index):
        model = small()
        checkpoints.load(model, file)
        assert same(model)
    assert [file.name for file in shards.files(index)] == [
        index.name, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    ]  # fmt: skip


def test_safetensors_that_are_wrong_are_refused_with_a_sentence(tmp_path):
    index = sharded(tmp_path)
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "model-00001-of-00002.safetensors").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"cut.safetensors is damaged or no safetensors file: fetch it anew"):
        checkpoints.load(small(), tmp_path / "cut.safetensors")
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-00002-of-00002.safetensors is missing"):
        checkpoints.load(small(), index)
    index.write_text(json.dumps({"weight_map": {"0.weight": "../c.safetensors"}}))
    with pytest.raises(ValueError, match=r"names ../c.safetensors, which is no safetensors file beside it"):
        checkpoints.load(small(), index)
    index.write_text("[]")
    with pytest.raises(ValueError, match="is damaged or no index of safetensors files"):
        checkpoints.load(small(), index)
    assert shards.files(index) == [index]


def test_names_of_tied_weights_that_a_file_leaves_out_are_those_of_the_others(tmp_path):
    source = Tied()
    state = {name: tensor for name, tensor in source.state_dict().items() if name != "head.weight"}
    torch.save(state, tmp_path / "c.pt")
    model = Tied()
    checkpoints.load(model, tmp_path / "c.pt")
    assert torch.equal(model.head.weight, source.embed.weight)
    assert model.head.weight is model.embed.weight
    assert torch.isinf(model.mask).any(), "a causal mask is infinite, and no weight"


class Whole:
    """What torch.save(model) would pickle."""


def test_a_file_that_needs_pickle_is_refused_with_the_reason_and_the_remedy(tmp_path):
    torch.save({"model": Whole(), "state_dict": STATE}, tmp_path / "c.pt")
    with pytest.raises(
        ValueError, match=r"holds tests.*Whole beside weights, which only pickle reads.*where you trust it"
    ):
        checkpoints.load(small(), tmp_path / "c.pt")


@pytest.mark.parametrize(
    ("held", "entry", "sentence"),
    [
        ({"model": STATE}, "ema", "has no entry ema; it has model: name one of them"),
        ({"weights": STATE}, None, "holds no state dict of tensors, by itself or as state_dict, model_state_dict"),
        (
            STATE | {"0.weight": torch.zeros(4, 3, dtype=torch.int8)},
            None,
            "0.weight holds int8, the model's is float32",
        ),
        (STATE | {"0.bias": torch.full((4,), float("inf"))}, None, "0.bias holds NaN or infinite weights"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(tmp_path, held, entry, sentence):
    torch.save(held, tmp_path / "c.pt")
    with pytest.raises(ValueError, match=sentence):
        checkpoints.load(small(), tmp_path / "c.pt", entry)


class Reads(nn.Module):
    """A module that reads a pickle by the arguments that a study gives it."""

    def __init__(self, file, trusting):
        super().__init__()
        torch.load(file, weights_only=not trusting)


class Payload:
    ran = False

    def __reduce__(self):
        return (setattr, (Payload, "ran", True))


def test_no_argument_of_a_model_makes_torch_read_a_pickle(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save(Payload(), tmp_path / "c.pt")
    name = "tests.systems.subspace.test_checkpoints.Reads"
    with pytest.raises(ValueError, match=r"cannot be built with file, trusting \(Weights only load failed"):
        parents.build(name, {"file": str(tmp_path / "c.pt"), "trusting": True})
    assert not Payload.ran


def test_the_files_of_a_checkpoint_are_inputs_as_soon_as_they_are_there(tmp_path, monkeypatch):
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    mutations = [{"parents": ["mine", "digits"], "sigmas": [0.1]}]
    mine = {"model": "a.Net", "checkpoint": f"model{shards.INDEX}", "images": "digits"}
    subspace = study.resolve({"subspace": {"parents": {"mine": mine, "digits": {}}, "mutations": mutations}}).subspace
    own = files.Files(subspace, str(tmp_path / "results"), 2)

    def inputs(parent):
        return own.checkpoint(type("Place", (), {"parent": parent}))

    assert inputs("mine") == inputs("digits") == []
    index = sharded(tmp_path / "data")
    assert inputs("mine") == [str(file) for file in shards.files(index)]
    index.unlink()
    made = tmp_path / "results/subspace/mine/weights.safetensors"
    made.parent.mkdir(parents=True)
    made.touch()
    assert inputs("mine") == [str(index)], "a study that was copied away from its data is finished all the same"


def test_a_checkpoint_is_looked_for_in_the_folder_of_data_or_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    monkeypatch.setattr(problems, "check", lambda *_: None)
    torch.save({"net": STATE}, tmp_path / "c.pt")
    spec = {
        "model": "tests.systems.subspace.test_checkpoints.Small",
        "arguments": {},
        "images": "digits",
        "options": {},
    }
    for name in ("c.pt", str(tmp_path / "c.pt")):
        (state,) = problems.make(spec | {"checkpoint": name, "entry": "net"}, 0, 1)
        assert torch.equal(state["0.weight"], STATE["0.weight"])


class Small(nn.Sequential):
    def __init__(self):
        super().__init__(*small())
