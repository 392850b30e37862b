"""Run the command line with ``python -m capmodel``."""

from capmodel.cli import main

main()
