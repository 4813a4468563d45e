"""`python -m hanse` is `hanse`."""

from hanse.cli import main

main(prog_name="hanse")
