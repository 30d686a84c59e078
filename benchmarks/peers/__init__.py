"""What we are compared with: each file is a program of its own, run by the peers' Python."""
