"""A run's settings: read from `profiles/*.yaml`, checked whole before anything runs.

`paper` holds the published settings; `demo` and `smoke` say only where they differ (`extends`). Notebooks take the name of
a profile as their one parameter that matters, so that no setting stands in two places.
"""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from . import corpora, paths, profile_rules
from .profile_settings import (
    Contrast,
    ContrastTraining,
    ForecasterSettings,
    Loader,
    Profile,
    Recogniser,
    Split,
    Start,
    TwinSize,
)

__all__ = [
    "Contrast",
    "ContrastTraining",
    "ForecasterSettings",
    "Loader",
    "Profile",
    "ProfileError",
    "Recogniser",
    "Split",
    "Start",
    "TwinSize",
    "available",
    "load",
]


class ProfileError(ValueError):
    """A profile is missing or says something that cannot be."""


def available() -> list[str]:
    """The names of the profiles that come with the project."""
    return sorted(path.stem for path in paths.PROFILES.glob("*.yaml"))


def load(name: str, *, corpus: str | None = None) -> Profile:
    """Read a profile and check it. The corpora of one's own that it names are registered (`corpora.register`).

    Args:
        name: one of `available()`, or the path of a YAML file of one's own (it may extend any of those).
        corpus: the main corpus, where it is not to be the profile's own: what `for_corpus` says of it replaces the
            profile's settings.

    Returns:
        The checked settings.

    Raises:
        ProfileError: no such profile, an unknown or missing setting, a value of the wrong kind, a corpus without
            settings. The message names the file, the setting and what to write.
    """
    where = _file(name)
    settings = _named(_read(name, seen=()), where.stem)
    profile = _checked({"name": where.stem, **settings}, where)
    others = {
        other: _checked({"name": where.stem, **settings, **changes, "corpus": other}, where)
        for other, changes in profile.for_corpus.items()
    }
    _register(profile, where)
    if corpus in (None, profile.corpus):
        return profile
    if corpus not in others:
        known = ", ".join([profile.corpus, *others])
        raise ProfileError(
            f"{paths.relative(where)}: no settings for the corpus {corpus!r}; there are some for {known}"
        )
    return others[corpus]


def _checked(settings: dict[str, Any], where: Path) -> Profile:
    """Settings with their types, held against the rules."""
    profile = _build(Profile, settings, where, "")
    broken = profile_rules.first_broken(profile)
    if broken:
        raise ProfileError(f"{paths.relative(where)}: {broken}")
    return profile


def _register(profile: Profile, where: Path) -> None:
    for name, file in profile.loaders.items():
        if not file.is_file():
            raise ProfileError(
                f"{paths.relative(where)}: corpora.{name}.module: there is no file {paths.relative(file)}"
            )
        corpora.register(name, file)


def _file(name: str) -> Path:
    own = Path(name)
    path = own if own.suffix in {".yaml", ".yml"} else paths.PROFILES / f"{name}.yaml"
    if not path.is_file():
        raise ProfileError(
            f"no profile {name!r}: choose one of {', '.join(available())}, or give the path of a .yaml file"
        )
    return path


def _read(name: str, *, seen: tuple[str, ...]) -> dict[str, Any]:
    if name in seen:
        raise ProfileError(f"profiles extend each other in a circle: {' -> '.join((*seen, name))}")
    path = _file(name)
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ProfileError(f"{paths.relative(path)} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise ProfileError(f"{paths.relative(path)}: expected settings as `key: value` lines")
    _find_loaders(settings, path)
    base = settings.pop("extends", None)
    return _merge(_read(base, seen=(*seen, name)), settings) if base else settings


def _find_loaders(settings: dict[str, Any], path: Path) -> None:
    """Give the files that read corpora their whole paths: a profile that extends this one may lie in another folder."""
    named = settings.get("corpora")
    for place in named.values() if isinstance(named, dict) else ():
        if isinstance(place, dict) and isinstance(place.get("module"), str):
            place["module"] = str((path.resolve().parent / place["module"]).resolve())


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over a base. Only mappings are merged; all else is replaced, and `tasks` too: of other classes."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "tasks"
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _named(settings: Any, name: str) -> Any:
    """Put the profile's name in the place of `{profile}`, so that a profile of one's own has its models in its own folder."""
    if isinstance(settings, dict):
        return {key: _named(value, name) for key, value in settings.items()}
    if isinstance(settings, list):
        return [_named(value, name) for value in settings]
    return settings.replace("{profile}", name) if isinstance(settings, str) else settings


def _build(kind: type, settings: Any, path: Path, prefix: str) -> Any:
    """Make a dataclass of settings, with one clear error for what is unknown, missing or of the wrong kind."""
    if not isinstance(settings, dict):
        raise ProfileError(f"{paths.relative(path)}: {prefix.rstrip('.')} must be a mapping, found {settings!r}")
    hints = get_type_hints(kind)
    for key in settings:
        if key not in hints:
            close = difflib.get_close_matches(str(key), hints, n=1)
            hint = f"; did you mean {prefix}{close[0]}?" if close else f"; known are {', '.join(hints)}"
            raise ProfileError(f"{paths.relative(path)}: unknown setting {prefix}{key}{hint}")
    missing = [key for key in hints if key not in settings]
    if missing:
        raise ProfileError(f"{paths.relative(path)}: setting {prefix}{missing[0]} is missing")
    return kind(**{key: _value(hints[key], settings[key], path, prefix + key) for key in hints})


def _value(hint: Any, value: Any, path: Path, name: str) -> Any:
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, path, f"{name}.")
    if get_origin(hint) in (UnionType, Union):
        return _one_of(get_args(hint), value, path, name)
    kind = get_origin(hint) or hint
    if kind is list and isinstance(value, list):
        return [_value(get_args(hint)[0], item, path, name) for item in value]
    if kind is dict and isinstance(value, dict):
        return {key: _value(get_args(hint)[1], item, path, f"{name}.{key}") for key, item in value.items()}
    if kind is float:
        value = _number(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ProfileError(f"{paths.relative(path)}: {name} must be of type {kind.__name__}, found {value!r}")
    return value


def _one_of(kinds: tuple[Any, ...], value: Any, path: Path, name: str) -> Any:
    """A value that may be of several kinds: null, a mapping for settings of its own, else what the first kind is."""
    if value is None and NoneType in kinds:
        return None
    nested = [kind for kind in kinds if dataclasses.is_dataclass(kind) and isinstance(value, dict)]
    return _value((*nested, kinds[0])[0], value, path, name)


def _number(value: Any) -> Any:
    """Whole numbers as float, and `1e-3`, which YAML 1.1 takes for a word; all else as it is."""
    if isinstance(value, bool):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
