"""Run the command line with ``python -m capmodel``."""

from capmodel.cli import main

if __name__ == "__main__":
    main()
