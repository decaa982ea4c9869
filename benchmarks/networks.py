"""(g): the forecasting networks of a whole sweep, through `forecasting.crossval` against the loop as people write it."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from emocast.forecasting import crossval
from emocast.forecasting.fcdnn import FCDNNClassifier

from .extraction import CORES
from .measure import Result, rounds, spread

EVENTS, WIDTH, SHIFTS, FOLDS, EPOCHS, BATCH = 2_931, 768, 11, 5, 40, 16
CLASSES = ["excitement", "neutral", "sadness"]
NETWORKS, PART_EPOCHS, ROUNDS = 2, 8, 5  # of the part that is measured in turn


def against_loop(*, whole: bool = False) -> Result:
    """(g) Seconds of both ways on a part of the job, and the minutes that the whole job takes.

    Args:
        whole: run the whole job once, too, our way; without it, its minutes are reckoned from the part.
    """
    windows, embeddings = material()
    ours, plain = (partial(way, windows, embeddings) for way in (through_runs, plainly))
    size = {"networks": NETWORKS, "epochs": PART_EPOCHS}
    ways = {"plain loop": partial(plain, **size), f"crossval, {CORES} processes": partial(ours, **size)}
    seconds = rounds(ways, number=ROUNDS)
    share = SHIFTS * FOLDS * EPOCHS / (NETWORKS * PART_EPOCHS)
    steps = NETWORKS * PART_EPOCHS * -(-len(_training_rows(0)) // BATCH)
    table = pd.DataFrame(
        {
            "way": way,
            "ms a step": spread(1000 * seconds[way] / steps),
            "times the plain loop": spread(seconds["plain loop"] / seconds[way]),
            "minutes of the whole job, reckoned": spread(seconds[way] * share / 60, 1),
        }
        for way in ways
    )
    said = (
        f"A sweep of {SHIFTS} shifts and {FOLDS} folds: {SHIFTS * FOLDS} networks of the published size on {EVENTS:,} events x "
        f"{WIDTH}, {EPOCHS} epochs, batches of {BATCH}. Measured in turn, {ROUNDS} rounds: {NETWORKS} networks, {PART_EPOCHS} "
        f"epochs each; median (range). Plain: TensorDataset, DataLoader, Adam with its defaults, one network after the other, "
        f"{torch.get_num_threads()} threads. Ours: processes of one thread, on {CORES} cores; starting them is in the warm-up."
    )
    return Result("(g) The networks of a sweep against the plain loop", table, [said, *(_whole(ours) if whole else [])])


def material() -> tuple[pd.DataFrame, np.ndarray]:
    """Events and embeddings of the real size, drawn from a seed: arithmetic takes as long on these as on others."""
    generator = np.random.default_rng(0)
    emotion = np.resize(CLASSES, EVENTS)
    names = [f"u{place}" for place in range(EVENTS)]
    windows = pd.DataFrame({"utterance": names, "dialogue": "d", "emotion": emotion})
    return windows, generator.normal(size=(EVENTS, WIDTH)).astype(np.float32)


def through_runs(windows: pd.DataFrame, embeddings: np.ndarray, *, networks: int, epochs: int) -> pd.DataFrame:
    """Our way: the whole job is a list of fits."""
    rows = np.arange(EVENTS)
    fits = [
        crossval.Fit(_training_rows(number), np.setdiff1d(rows, _training_rows(number)), number, {"fold": number})
        for number in range(networks)
    ]
    computing = crossval.Computing(CORES, progress=False)
    network = FCDNNClassifier(epochs=epochs)
    return crossval.predictions(fits, network, windows, embeddings, classes=CLASSES, computing=computing)


def plainly(windows: pd.DataFrame, embeddings: np.ndarray, *, networks: int, epochs: int) -> list[nn.Module]:
    """The plain way: one network after the other, batches from a DataLoader, torch's default Adam and threads."""
    codes = torch.from_numpy(np.searchsorted(CLASSES, windows["emotion"].to_numpy(dtype=str)))
    return [_plain_network(embeddings, codes, _training_rows(number), epochs=epochs) for number in range(networks)]


def _plain_network(embeddings: np.ndarray, codes: torch.Tensor, rows: np.ndarray, *, epochs: int) -> nn.Module:
    model = plain_network(FCDNNClassifier(), WIDTH, len(CLASSES))
    optimiser, criterion = torch.optim.Adam(model.parameters(), lr=1e-5), nn.CrossEntropyLoss()
    dataset = TensorDataset(torch.from_numpy(embeddings[rows]), codes[rows])
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    model.train()
    for _ in range(epochs):
        for batch, labels in loader:
            optimiser.zero_grad()
            loss = criterion(model(batch), labels)
            loss.backward()
            optimiser.step()
    return model.eval()


def plain_network(like: FCDNNClassifier, width: int, classes: int) -> nn.Sequential:
    """The published network out of torch's modules."""
    layers: list[nn.Module] = []
    for _ in range(like.hidden_layers):
        layers += [nn.Linear(width, like.hidden_units), nn.BatchNorm1d(like.hidden_units), nn.ReLU()]
        layers += [nn.Dropout(like.dropout)]
        width = like.hidden_units
    return nn.Sequential(*layers, nn.Linear(width, classes))


def _training_rows(number: int) -> np.ndarray:
    """Four of five parts of the events."""
    rows = np.arange(EVENTS)
    return rows[rows % FOLDS != number % FOLDS]


def _whole(ours) -> list[str]:
    started = time.perf_counter()
    ours(networks=SHIFTS * FOLDS, epochs=EPOCHS)
    minutes = (time.perf_counter() - started) / 60
    return [f"The whole job was run as well, through `forecasting.crossval`: {minutes:.1f} minutes."]
