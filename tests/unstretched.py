"""Passphrases are hashed and not stretched, in processes of tests whose keys nobody guesses at: 0.4 s for each.

`python -m tests.unstretched WORDS` is `hanse WORDS` but for that; `tests/kernel/test_keys_sealing.py` stretches as nodes do.
"""

from hashlib import sha256

from hanse.kernel import keys


def hashed(passphrase: str, salt: bytes) -> bytes:
    """What stands in for the wrapping key, 32 bytes."""
    return sha256(repr((passphrase, salt)).encode()).digest()


def stretch_nothing() -> None:
    """From now on, in this process: keys that it wraps are opened by such processes alone."""
    keys._stretched = hashed


if __name__ == "__main__":
    stretch_nothing()
    from hanse.cli import main

    main(prog_name="hanse")
