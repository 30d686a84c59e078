#!/bin/sh
# deploy.sh VERSION: deploys only through an open gate; leaves with the gate's exit code where it is not open.
set -u
ultra-checklist gate "$1" --gate deploy || exit "$?"
exec scripts/deploy_production_backend.sh
