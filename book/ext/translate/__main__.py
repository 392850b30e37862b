"""Write the script of the site into the folder that the command line names."""

import sys
from pathlib import Path

# The folder that holds this package and the list of controls.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import translate

translate.write(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
