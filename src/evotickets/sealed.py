"""Files that are written whole or not at all, and that say when they are read whether they still hold what was written.

Parquet and its checksums have a reader of their own, in `results`; this is for the rest: weights, and what is looked at.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_SEAL = re.compile(rb"<!-- sha256 ([0-9a-f]{64}) -->\n\Z")
_LENGTH = 8
"""Bytes of a safetensors file that say how long its header is; and of the header of a chunk of sound."""
_CHUNK, _DIGEST = b"seal", 64
"""The name of the chunk that seals a sound, and the bytes of its digest."""


class ResultError(ValueError):
    """A result file that cannot be trusted or written; the message names it and the remedy."""


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[Path]:
    """Write content beside a path, safe on the disk, for it to be moved there; nothing is left of it after that."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    except OSError as error:
        raise ResultError(f"{path} cannot be written ({error.strerror}): make room for it and run again") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        ResultError: if the disk refuses.
    """
    with _written(Path(path), content) as temporary:
        temporary.replace(path)


def write_first(path: str | Path, content: bytes) -> None:
    """Write a file whole, unless there is one by now, which stays; raises as `write`."""
    with _written(Path(path), content) as temporary, suppress(FileExistsError):
        os.link(temporary, path)


def write_page(path: str | Path, page: bytes) -> None:
    """Write SVG or HTML with a digest in a comment at its end; raises as `write`."""
    page = page.rstrip(b"\n") + b"\n"
    write(path, page + b"<!-- sha256 " + hashlib.sha256(page).hexdigest().encode() + b" -->\n")


def read_page(path: str | Path) -> bytes:
    """Read what `write_page` wrote.

    Raises:
        ResultError: if the file is missing or is not as it was written.
    """
    content = _read(Path(path))
    seal = _SEAL.search(content)
    if seal is None or hashlib.sha256(content[: seal.start()]).hexdigest().encode() != seal[1]:
        raise _damaged(path)
    return content


def write_tensors(
    path: str | Path, content: bytes, *, first: bool = False, about: Mapping[str, str] | None = None
) -> None:
    """Write the bytes of a safetensors file with a digest of its tensors in it; raises as `write`.

    Where `first`, a file that is there by now stays. Words `about` the tensors are kept, and covered by the digest.
    """
    tensors, buffer = _parsed(content)
    said = dict(about or {})
    header = json.dumps(
        {"__metadata__": {**said, "sha256": _digest(tensors, buffer, said)}} | tensors, separators=(",", ":")
    ).encode()
    header += b" " * (-len(header) % _LENGTH)
    (write_first if first else write)(path, len(header).to_bytes(_LENGTH, "little") + header + buffer)


def read_tensors(path: str | Path) -> bytes:
    """Read the bytes of a safetensors file that `write_tensors` wrote.

    Raises:
        ResultError: if the file is missing or holds other tensors than were written.
    """
    content = _read(Path(path))
    try:
        tensors, buffer = _parsed(content)
        said = about(content)
        sealed = said.pop("sha256")
    # Damage makes of a header whatever there is.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    if sealed != _digest(tensors, buffer, said):
        raise _damaged(path)
    return content


def write_arrays(
    path: str | Path, arrays: Mapping[str, Any], *, first: bool = False, about: Mapping[str, str] | None = None
) -> None:
    """Write arrays of NumPy by name as a safetensors file; arguments and errors are those of `write_tensors`."""
    from safetensors.numpy import save

    write_tensors(path, save(dict(arrays)), first=first, about=about)


def read_arrays(path: str | Path) -> dict[str, Any]:
    """Read what `write_arrays` wrote; raises as `read_tensors`."""
    from safetensors.numpy import load

    return load(read_tensors(path))


def write_sound(path: str | Path, content: bytes) -> None:
    """Write the bytes of a WAV file with a digest in a chunk at its end, which players leave out; raises as `write`."""
    size = int.from_bytes(content[4:_LENGTH], "little") + _LENGTH + _DIGEST
    sound = content[:4] + size.to_bytes(4, "little") + content[_LENGTH:]
    write(path, sound + _CHUNK + _DIGEST.to_bytes(4, "little") + hashlib.sha256(sound).hexdigest().encode())


def read_sound(path: str | Path) -> bytes:
    """Read what `write_sound` wrote.

    Raises:
        ResultError: if the file is missing or is not as it was written.
    """
    content = _read(Path(path))
    sound, chunk = content[: -_DIGEST - _LENGTH], content[-_DIGEST - _LENGTH :]
    if chunk != _CHUNK + _DIGEST.to_bytes(4, "little") + hashlib.sha256(sound).hexdigest().encode():
        raise _damaged(path)
    return content


def about(content: bytes) -> dict[str, str]:
    """Return the words about the tensors of a safetensors file, its digest among them."""
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    return dict(json.loads(content[_LENGTH:end])["__metadata__"])


def _parsed(content: bytes) -> tuple[dict, bytes]:
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    tensors = json.loads(content[_LENGTH:start])
    tensors.pop("__metadata__", None)
    return tensors, content[start:]


def _digest(tensors: dict, buffer: bytes, about: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(tensors, sort_keys=True).encode())
    digest.update(buffer)
    if about:
        digest.update(json.dumps(about, sort_keys=True).encode())
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ResultError(f"{path} is missing: run the workflow again to make it") from None
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from error


def _damaged(path: str | Path) -> ResultError:
    return ResultError(f"{path} is damaged, cut short or not what was written: delete it and run the workflow again")
