#!/bin/bash
# Runs inside the container that scripts/test-systemd boots, as a service after remapd. Each line of
# /result is "ok NAME" or "FAILED NAME"; the journal follows, and the container powers off.
exec >/result 2>&1

check() { # NAME COMMAND...: succeeds within 60 s
  local name=$1 end=$((SECONDS + 60)); shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > end)); then echo "FAILED $name"; return; fi
    sleep 0.3
  done
  echo "ok $name"
}

report() { # NAME COMMAND...: succeeds at once
  local name=$1; shift
  if "$@" >/dev/null 2>&1; then echo "ok $name"; else echo "FAILED $name"; fi
}
logs() { journalctl -u remapd -o cat | grep -q -- "$1"; }
property() { systemctl show -p "$1" --value remapd; }
newest_checkpoint() { ls /var/lib/private/remapd/checkpoints | tail -1; }

check "starts and is ready" systemctl is-active --quiet remapd
check "reads to the end" logs "has been read to its end"
check "tells its status" bash -c "systemctl show -p StatusText --value remapd | grep -q 'item v'"
check "publishes into its state directory" test -e /var/lib/private/remapd/mappings/item/epoch.json
main=$(property MainPID)
check "is a dynamic user" bash -c "[ \$(stat -c %u /proc/$main) -ge 61184 ]"
check "builds on processor time that is left over" \
  awk '$41 == 5 {found = 1} END {exit !found}' /proc/"$main"/task/*/stat  # SCHED_IDLE
check "writes checkpoints" bash -c "ls /var/lib/private/remapd/checkpoints/checkpoint-*"

printf '[log]\nlevel = "debug"\n' >>/etc/remapd/remapd.toml
report "reloads" systemctl reload remapd
check "applies what can be applied" logs "applied key=log.level"
check "stays the same process" [ "$(property MainPID)" = "$main" ]

kill -STOP "$main"
check "is started again by the watchdog when it hangs" bash -c "[ \$(systemctl show -p NRestarts --value remapd) -ge 1 ]"
check "is active again" systemctl is-active --quiet remapd
check "goes on from a checkpoint" logs "goes on from a checkpoint"

sleep 3
before=$(newest_checkpoint)
start=$SECONDS
systemctl stop remapd
report "stops in time" [ $((SECONDS - start)) -lt 60 ]
report "stops cleanly" [ "$(property Result)" = success ]
report "says so" logs "stopped samples="
report "with a last checkpoint" [ "$(newest_checkpoint)" != "$before" ]

printf 'no_such = 1\n' >>/etc/remapd/remapd.toml
report "a wrong configuration does not start" bash -c "! systemctl start remapd"
report "and the journal says why" logs "log.no_such: unknown key"

echo "--- journal"
journalctl -u remapd -o short-monotonic --no-hostname | tail -60
sync
systemctl poweroff
