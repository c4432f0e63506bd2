"""Choose a bot and run it: `python main.py --bot grisha`; `--list` shows them all."""

import sys

from bots.launch import main

if __name__ == "__main__":
    sys.exit(main())
