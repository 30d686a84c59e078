"""``python -m ultra_checklist``."""

from ultra_checklist.cli.main import main

main()
