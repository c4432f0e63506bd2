#!/bin/sh
# The tests of the page need Debian's chromium; without it they are skipped, saying so.
command -v chromium >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    exit $?
fi
echo "chromium is absent: the tests of the page will be skipped (apt-get install chromium)"
