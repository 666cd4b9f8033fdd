#!/bin/sh
# Runs `python -m "$@"` in a container. Docker restarts what fails, at once and whatever the status; so
# it waits here after a failure, and 78, which waits for a person, ends as if nothing had failed.

trap 'told=yes; kill -TERM "$child"' TERM INT

python -m "$@" &
child=$!
[ -z "$told" ] || kill -TERM "$child"  # told before the child was known
wait "$child"
status=$?
if [ -n "$told" ]; then  # the signal has cut the wait short
    wait "$child"
    status=$?
fi

case $status in
    0) exit 0 ;;
    78) echo "Mend this, then start the container again." >&2; exit 0 ;;
esac
if [ -z "$told" ]; then
    sleep "${RESTART_SECONDS:-90}" &
    child=$!
    wait "$child"
fi
exit "$status"
