#!/bin/sh
# deploy-or-wait.sh VERSION: asks up to five times while nobody can tell, gives up at once where the gate is closed.
set -u
tries=0
while :; do
  ultra-checklist gate "$1" --gate deploy
  code=$?
  case $code in
    0) break ;;
    3) tries=$((tries + 1)); [ "$tries" -lt 5 ] || exit "$code"; sleep "${GATE_PAUSE:-60}" ;;
    *) exit "$code" ;;
  esac
done
exec scripts/deploy_production_backend.sh
