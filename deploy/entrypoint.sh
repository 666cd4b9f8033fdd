#!/bin/sh
# Runs `python -m "$@"` in a container. After a failure, Docker restarts a container at once, whatever
# its exit status. So this script waits first, and turns 78, which needs a person, into success.

trap 'stopped=yes; kill -TERM "$child"' TERM INT

python -m "$@" &
child=$!
[ -z "$stopped" ] || kill -TERM "$child"  # stopped before the child was known
wait "$child"
status=$?
if [ -n "$stopped" ]; then  # the signal interrupted the wait
    wait "$child"
    status=$?
fi

case $status in
    0) exit 0 ;;
    78) echo "Fix this, then start the container again." >&2; exit 0 ;;
esac
if [ -z "$stopped" ]; then
    sleep "${RESTART_SECONDS:-90}" &
    child=$!
    wait "$child"
fi
exit "$status"
