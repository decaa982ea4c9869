import pytest

from emocast import device


def test_auto_precision_is_one_that_this_machine_computes_in():
    assert device.precision("fp32") == "fp32" and device.precision("bf16") == "bf16"
    assert device.precision("auto") in {"fp32", "bf16"}


def test_an_unknown_precision_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no precision 'half'; there is auto, fp32, bf16"):
        device.precision("half")
