"""How a notebook tells an error that is the reader's to mend: in one line, as the command line does.

A notebook would print each frame from the cell down to the place in the library, forty lines for a mistyped name. What the
library itself refuses is written for the reader and says what to do; all else is a fault of the code, and every frame counts.
"""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_PACKAGE = Path(__file__).resolve().parent
_REFUSED = (ValueError, OSError, RuntimeError)
#: What the file system says of a folder that cannot be written to.
_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR, errno.EDQUOT}


def is_told(error: BaseException) -> bool:
    """Whether an error's message is written for the reader of a notebook, so that it needs no traceback.

    Args:
        error: as it was caught.

    Returns:
        True for a kind of error that the library defines, for a ValueError, OSError or RuntimeError that the library's own
        code raised, and for a folder that cannot be written to; False for what other packages or a cell itself raised.
    """
    if type(error).__module__.startswith(f"{__package__}."):
        return True
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return True
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, _REFUSED) and bool(frames) and _PACKAGE in Path(frames[-1].filename).parents


def plainly(shell: InteractiveShell) -> None:
    """Have a notebook's kernel print such errors in one line; `%tb` still shows every frame.

    Args:
        shell: the kernel's, from `IPython.get_ipython`.
    """
    shell.set_custom_exc((Exception,), _show)


def _show(
    shell: InteractiveShell,
    kind: type[Exception],
    error: Exception,
    frames: TracebackType,
    tb_offset: int | None = None,
) -> None:
    """What IPython calls for an error in a cell."""
    if is_told(error):
        line = f"{kind.__name__}: {error}"
        error._render_traceback_ = lambda: [line]  # IPython's way for an error to say how it is shown
    shell.showtraceback((kind, error, frames), tb_offset=tb_offset)
    if is_told(error):
        del error._render_traceback_  # for %tb
