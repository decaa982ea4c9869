"""The trained forecaster: networks for every shift, calibrated, that know when they do not know, saved and read back.

`training` fits the networks of `forecasting.fcdnn` under a protocol, one a fold and shift, with all that is fitted beside them
on dialogues set aside inside the training part; `abstention` says when a network does not know; `model` is what comes out and
forecasts; `scores` is what the held-out parts say of it, `held_out` to what those were new, `facts` what else is told of the
data; `saved` writes and reads it (safetensors and JSON, no pickle); `card` is its model card.
"""

from .model import Forecaster, Member
from .saved import ForecasterError, folder, identity, load, save
from .training import ready, train

__all__ = ["Forecaster", "ForecasterError", "Member", "folder", "identity", "load", "ready", "save", "train"]
