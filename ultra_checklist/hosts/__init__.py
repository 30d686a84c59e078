"""Probes on other machines: tasks go out, answers come back; one file a carrier."""
