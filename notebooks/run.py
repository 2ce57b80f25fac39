"""Execute every notebook of this folder, from the top of the repository, and leave them as they are: without outputs."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent

for path in sorted(HERE.glob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    if any(cell.get("outputs") for cell in notebook.cells):
        sys.exit(f"{path.name} holds outputs; notebooks are kept without them")
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(HERE.parent)}}).execute()
    print(f"{path.name}: {len(notebook.cells)} cells run")
