#!/bin/sh
# The tests of several replicas need Debian's PostgreSQL and Redis; without them they are skipped.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && command -v redis-server >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    # Only the programs: the tests start servers of their own.
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    [ -e /usr/sbin/policy-rc.d ] && trap - EXIT || printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql redis-server >/dev/null
    exit $?
fi
echo "PostgreSQL or Redis is absent: tests of replicas will be skipped (apt-get install postgresql redis-server)"
