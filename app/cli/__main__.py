"""`python -m app.cli`: the command line from a checkout that is not installed."""

import sys

from app.cli import main

sys.exit(main())
