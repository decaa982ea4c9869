import hashlib

import pytest

from emocast import cache


def test_a_files_digest_is_sha256_of_its_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"sound" * 1_000_000)
    assert cache.file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_code_digest_tells_modules_apart_and_refuses_what_is_not_there():
    assert (
        cache.code_digest("audio.py") == cache.code_digest("audio.py") != cache.code_digest("audio.py", "forecasting")
    )
    with pytest.raises(FileNotFoundError):
        cache.code_digest("no_such_module.py")
