import sys

from cli.history_chat.app import main

sys.exit(main())
