"""A notebook opened by hand: what `make` would have seen to before it ran, is seen to at its start.

In JupyterLab nobody made the synthetic corpora first, and a mistake is met in a cell and not on a command line.
"""

from __future__ import annotations

from IPython import get_ipython

from . import errors
from .corpora.synthetic import orders
from .profile import Profile


def plain_errors() -> None:
    """Have the kernel that runs this, where one does, tell the library's errors in one line."""
    shell = get_ipython()
    if shell is not None:
        errors.plainly(shell)


def make_corpora(profile: Profile) -> None:
    """Make the synthetic corpora of a profile that are not there, with bars; outside of a notebook nothing is made.

    Args:
        profile: the run's settings.

    Raises:
        profile.ProfileError: one of another size is there.
        corpora.synthetic.engine.EngineError: the voices do not speak.
    """
    if get_ipython() is None:
        return
    for order in [order for order in orders.of(profile) if not orders.is_there(order)]:
        print(f"{profile.name}: the synthetic {order.folder.name} is not there yet and is made, once")
        orders.fulfil(order, seed=profile.seed, processes=profile.jobs)
