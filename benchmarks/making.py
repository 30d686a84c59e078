"""``python -m benchmarks.making TEMPLATE COUNT``: make so many releases of a checklist, one an environment."""

import sys
from pathlib import Path

from ultra_checklist import UltraChecklist

releases = UltraChecklist()
for number in range(int(sys.argv[2])):
    releases.new("v1", template=Path(sys.argv[1]), environment=f"place-{number}")
