"""What a study says of parents and of the images they meet, each key with type, bounds, default and one sentence."""

from dataclasses import dataclass
from typing import Annotated, Any

from evotickets.configuration.options import Doc, Ge, Le, Len, OneOf, Pattern
from evotickets.systems.subspace import POOLS
from evotickets.tasks.cifar_variants import CORRUPTIONS

Inside = Pattern(r"^(?!\.{1,2}$)[^/\\]{1,255}$(?!\n)")
Side = Annotated[int, Ge(1), Le(10_000)]
Channels = Annotated[list[Annotated[float, Ge(0), Le(1)]], Len(3, 3)]


def _images() -> list[str]:
    return [name for name, facts in POOLS.items() if len(facts.input_shape) in (0, 3)]


@dataclass(frozen=True)
class FolderEntry:
    """Where images lie, and how they are read; which of these a parent's images take, they say themselves."""

    root: Annotated[
        str | None,
        Len(1, 1000),
        Doc(
            "Folder with a folder of training images and one of held-out images, or a file of arrays; in the folder of data "
            "or by its whole path."
        ),
    ] = None
    train: Annotated[
        str | None,
        Inside,
        Doc("The name of the folder of training images, and no path; of a dataset, the import path."),
    ] = None
    test: Annotated[
        str | None,
        Inside,
        Doc("The name of the folder of held-out images, and no path; of a dataset, the import path."),
    ] = None
    size: Annotated[Side | None, Doc("Side of the central square that is cut.")] = None
    resize: Annotated[Side | None, Doc("Length of the shorter side before the cut.")] = None
    mean: Annotated[Channels | None, Doc("Of red, green and blue, in [0, 1], subtracted; by default ImageNet's.")] = (
        None
    )
    std: Annotated[Channels | None, Doc("Of red, green and blue, divided by; by default ImageNet's.")] = None
    classes: Annotated[
        dict[str, Annotated[int, Ge(0), Le(1_000_000)]] | None,
        Doc("The model's number of every class, by its folder or its name."),
    ] = None
    classes_file: Annotated[
        str | None, Len(1, 1000), Doc("File of the model's classes, the name of a folder a line; relative to root.")
    ] = None
    arguments: Annotated[dict[str, Any] | None, Doc("Keyword arguments of the classes of a dataset.")] = None
    corruption: Annotated[
        str | None,
        OneOf(lambda: CORRUPTIONS),
        Doc("What is done to all images of cifar10_variant; by default nothing."),
    ] = None
    severity: Annotated[int | None, Ge(1), Le(5), Doc("Of the corruption; by default 3.")] = None
    tokenizer: Annotated[
        str | None,
        Len(1, 1000),
        Doc(
            "The tokenizer.json of texts: in the folder of data, by its whole path, or in a package that it begins with."
        ),
    ] = None
    tokens: Annotated[int | None, Ge(1), Le(100_000), Doc("Tokens of a text; what is longer is cut.")] = None
    text: Annotated[str | None, Len(1, 200), Doc("Column of the texts in tables of them; by default text.")] = None
    label: Annotated[str | None, Len(1, 200), Doc("Column of the classes in tables of texts; by default label.")] = None


@dataclass(frozen=True)
class ParentEntry:
    """A pretrained network: one that is known (digits, fashion, mnist, resnet20, resnet32, resnet56), or an import path."""

    parent: Annotated[str | None, Doc("The known parent behind this entry; by default the entry's own name.")] = None
    model: Annotated[
        str | None,
        Len(0, 200),
        Pattern(r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$(?!\n)"),
        Doc(
            "The import path of a class or function that returns an nn.Module, such as torchvision.models.resnet50; "
            "a function says so by its annotation."
        ),
    ] = None
    arguments: Annotated[dict[str, Any] | None, Doc("Keyword arguments of the model, such as {weights: DEFAULT}.")] = (
        None
    )
    checkpoint: Annotated[
        str | None,
        Len(1, 1000),
        Doc(
            "File with the model's state dict (of torch.save, .safetensors, or the .safetensors.index.json of several), in the "
            "folder of data or by its whole path."
        ),
    ] = None
    entry: Annotated[
        str | None,
        Len(1, 200),
        Doc(
            "Entry of the checkpoint that holds the state dict; by default the file itself, or state_dict, model_state_dict, "
            "model, net, ema or model_ema in it."
        ),
    ] = None
    epochs: Annotated[
        int | None,
        Ge(1),
        Le(100_000),
        Doc("Passes over the training images, where the parent is trained here."),
    ] = None
    include: Annotated[
        list[Annotated[str, Len(1, 200)]] | None,
        Doc(
            "Patterns of names of parameters that mutate, such as head.*; by default all that the model has not frozen."
        ),
    ] = None
    exclude: Annotated[
        list[Annotated[str, Len(1, 200)]] | None, Doc("Patterns of names of parameters that do not mutate.")
    ] = None
    images: Annotated[str | None, OneOf(_images), Doc("What the parent was trained on.")] = None
    options: Annotated[FolderEntry | None, Doc("Where images of a folder lie and how they are cut.")] = None
