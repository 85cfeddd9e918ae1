#!/usr/bin/env bash
# 200 sessions log in by one command, come back after a restart of their target and log out, and the daemon then has
# the descriptors and the memory that it had: the short form of tests/bench/sessions/run. What depends on time is not
# looked at here.
READS=500 SLOPE=1000 IDLE=1000 bash "$(dirname "$0")/../bench/sessions/run" "$BUILD" 10 200
