#!/bin/sh
# Two people, two daemons, a conversation in both directions: sh tests/e2e/demo.sh BUILD
# Ends with 0 only if each has seen what the other said; leaves no process and no file behind.
set -eu
build=$(cd "${1:-build}" && pwd)
if [ -z "${GOSSIP_DEMO:-}" ]; then  # everything has to be over in a minute
  GOSSIP_DEMO=1 exec timeout --foreground --kill-after=5 "${GOSSIP_DEMO_LIMIT:-58}" sh "$0" "$build"
fi
home=$(mktemp -d "${TMPDIR:-/tmp}/gossip-demo-XXXXXX")
daemons=

clean_up() {
  trap - EXIT INT TERM
  for pid in $daemons; do kill "$pid" 2>/dev/null || true; done
  for pid in $daemons; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$home"
}
trap clean_up EXIT
trap 'echo "demo: cut off before it was over" >&2; clean_up; exit 1' INT TERM

# --- each person: a folder, a database, a daemon on any free port, gossipc
become() {  # NAME
  HOME="$home/$1" GOSSIPD_DB_PATH="$home/$1/gossipd.db" GOSSIPD_USERNAME="$1" GOSSIPD_LISTEN_PORT=0
  export HOME GOSSIPD_DB_PATH GOSSIPD_USERNAME GOSSIPD_LISTEN_PORT
}
as() (  # NAME PROGRAM ARGUMENTS
  become "$1"
  shift
  exec "$@"
)
start() {  # NAME: sets port_NAME from the daemon's first line
  mkdir -m 700 "$home/$1"
  mkfifo "$home/$1/log"
  (become "$1" && exec "$build/gossipd") >"$home/$1/log" 2>&1 &
  daemons="$daemons $!"
  exec 3<"$home/$1/log"
  while :; do
    read -r line <&3 || { echo "demo: the daemon of $1 did not start" >&2; exit 1; }
    echo "  $1: $line"
    case $line in *"listening on "*" port "*) break ;; esac
  done
  line=${line#*listening on * port }
  eval "port_$1=${line%%[!0-9]*}"
  cat <&3 >"$home/$1/log.rest" &
  exec 3<&-
}
say() {  # NAME TEXT
  echo
  echo "\$ gossipc send -m \"$2\"          # $1"
  as "$1" "$build/gossipc" send -m "$2" | sed 's/^/  /'
}
hears() {  # NAME TEXT: waits until it is there
  echo "\$ gossipc view                  # $1"
  as "$1" "$build/gossipc" view --follow | grep -m 1 -F "|$2" | sed 's/^/  /'
}

echo "Two people, each with a daemon:"
start ann
start bob

echo
echo "They make a key for each other and swap the two (the private halves stay where they are):"
as ann "$build/gossipc" add-peer bob --host 127.0.0.1 --port "$port_bob" >"$home/for-bob"
as bob "$build/gossipc" add-peer ann --host 127.0.0.1 --port "$port_ann" --quiet >"$home/for-ann"
head -n 3 "$home/for-bob" | sed 's/^/  /'
echo "  ..."
as ann "$build/gossipc" set-peer-key bob --pubkey-file "$home/for-ann"
as bob "$build/gossipc" set-peer-key ann --pubkey-file "$home/for-bob"

say ann "hello bob, can you hear me?"
hears bob "hello bob, can you hear me?"
say bob "loud and clear, ann. And nobody else can."
hears ann "loud and clear, ann. And nobody else can."
say ann "then let us gossip"
hears bob "then let us gossip"

echo
for name in ann bob; do
  echo "All that $name has heard:"
  as "$name" "$build/gossipc" view | sed 's/^/  /'
done
for name in ann bob; do
  [ "$(as "$name" "$build/gossipc" view | wc -l)" -eq 3 ] || { echo "demo: $name has not heard everything" >&2; exit 1; }
done
as ann "$build/gossipc" view | grep -q -F "|delivered_by:bob|sender:bob|loud and clear" &&
  as bob "$build/gossipc" view | grep -q -F "|delivered_by:ann|sender:ann|hello bob" || exit 1
echo
echo "A conversation in both directions. Done."
