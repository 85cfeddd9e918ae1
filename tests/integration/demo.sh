#!/usr/bin/env bash
# The demo holds.
exec "$(dirname "$0")/../demo"
