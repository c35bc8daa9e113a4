# One line a check on standard output, and the count at the end.
passed=0 failed=0

say() { echo "    $*"; }

# check WORDS COMMAND...: ok when the command succeeds.
check() {
    local words=$1
    shift
    if "$@" >/dev/null 2>/tmp/why; then
        passed=$((passed + 1))
        echo "ok   $words"
    else
        failed=$((failed + 1))
        echo "FAIL $words: $(tail -1 /tmp/why)"
        { systemctl status cardscanner --no-pager -n 20; } 2>&1 | sed 's/^/       | /'
    fi
}

# within SECONDS COMMAND...: try every second until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -ge $end ] && return 1
        sleep 1
    done
}

verdict() { echo "verdict: $passed ok, $failed failed"; }
