import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

mpl.use("Agg")


@pytest.fixture
def ax():
    with mpl.rc_context():
        mpl.rcdefaults()  # the project's style, if another test has set it, puts titles at the left
        figure, ax = plt.subplots()
        yield ax
        plt.close(figure)
