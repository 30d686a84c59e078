"""How fast it is, against peers and floors that are measured in the same run; see ``scripts/bench``."""
