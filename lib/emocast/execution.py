"""Execute one notebook in a process of its own: papermill, with an error of the notebook left to the notebook.

`runner` starts this and reads from the executed copy what went wrong. Papermill's own command would print its forty frames
for every error of a cell, and again for an interrupt.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FAILED, INTERRUPTED = 1, 130
#: What the kernel's machinery logs of its connections, and of the stop in its middle, is no news for a reader.
_QUIET = ["--log-level=CRITICAL"]


def execute(notebook: Path, target: Path, parameters: dict[str, str]) -> int:
    """Run a notebook with the kernel of this environment; a bar shows its cells.

    Args:
        notebook: the source.
        target: where the executed copy goes, written after each cell.
        parameters: what the parameters cell's names are to be, all texts.

    Returns:
        The exit status: 0, or `FAILED`, or `INTERRUPTED`. The error of a cell stands in the copy; any other is printed here.
    """
    sys.modules.setdefault(
        "rfc3987_syntax", None
    )  # jsonschema would have it build a grammar of web addresses, for seconds
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            notebook, target, parameters, kernel_name="python3", cwd=notebook.parent, extra_arguments=_QUIET,
            progress_bar={"desc": notebook.stem},  # two notebooks may run at a time
        )  # fmt: skip
    except PapermillExecutionError:
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except DeadKernelError:
        print("the notebook's kernel ended: it was stopped, or the machine had too little memory", file=sys.stderr)
        return FAILED
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emocast.execution", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    options = parser.parse_args(arguments)
    return execute(options.notebook, options.target, dict(options.parameter))


if __name__ == "__main__":
    sys.exit(main())
