#!/usr/bin/env bash
# A unit that hangs, and one that reads 128 MiB at a time, cost their neighbour little: the short form of
# tests/bench/units/run, with bounds that only a gross violation reaches.
exec bash "$(dirname "$0")/../bench/units/run" "$BUILD" 200 10 0.5
