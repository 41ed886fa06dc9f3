"""Notebooks of the documentation, run as a reader runs them."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs/notebooks"


def run(name, folder):
    """Run a notebook in a folder; return it with what its cells put out."""
    # Files with other tests import this one, and must not fail with it.
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(FOLDER / name, as_version=4)
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return book


def said(book):
    """Return all text that the cells put out."""
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def pictures(book):
    """Count the pictures that the cells put out."""
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    return sum(bool({"image/png", "image/svg+xml"} & set(output.get("data", {}))) for output in outputs)
