"""Writes the migrations that the models ask for: `make migrations`."""

import sys
import tempfile
from pathlib import Path

from django.core.management import call_command

from hanse.bootstrap import configure
from hanse.kernel.keys import Keyring
from hanse.settings import Node

with tempfile.TemporaryDirectory() as folder:
    configure(Node(Path(folder), "ee-cert", "CERT Estonia", "EE"), Keyring.new())
    call_command("makemigrations", *sys.argv[1:])
