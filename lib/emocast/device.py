"""Where networks compute, and in which number format: one answer for encoders and trainings."""

from __future__ import annotations

import torch

#: Number formats that a profile or a caller may ask for; "auto" is answered by `precision`.
PRECISIONS = ("auto", "fp32", "bf16")


def best() -> str:
    """The device to compute on, in PyTorch's names: "cuda" where there is one, otherwise "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(wanted: str = "auto") -> str:
    """Answer "auto" for this machine.

    Args:
        wanted: one of `PRECISIONS`.

    Returns:
        "fp32" or "bf16" as wanted; for "auto" bf16 where the processor or GPU computes in it, otherwise fp32.

    Raises:
        ValueError: another format is wanted.
    """
    if wanted not in PRECISIONS:
        raise ValueError(f"no precision {wanted!r}; there is {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # torch has no public question for this; elsewhere than on x86 it is not asked, for oneDNN would emulate
    computes = torch.backends.mkldnn.is_available() and torch.cpu._is_avx512_bf16_supported()
    return "bf16" if computes else "fp32"
