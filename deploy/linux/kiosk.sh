#!/bin/sh
# Shows the kiosk page on the whole screen, in a browser that remembers nothing: kiosk.sh [ADDRESS]
#
# ADDRESS, or ENDCAP_KIOSK_URL, is http://127.0.0.1:8080/ unless told otherwise, with the shop's settings
# behind it: http://127.0.0.1:8080/?shop=Corner%20Store&currency=GBP#token=... (docs/kiosk.md).
# ENDCAP_BROWSER names a browser made of Chromium. It ends when the browser ends; what started it
# (endcap-kiosk.service) starts it again.
set -eu

address=${1:-${ENDCAP_KIOSK_URL:-http://127.0.0.1:8080/}}
browser=${ENDCAP_BROWSER:-}
for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do
    [ -n "$browser" ] || browser=$(command -v "$name" || true)
done
if [ -z "$browser" ]; then
    echo "kiosk.sh: no browser is here; apt-get install -y --no-install-recommends chromium" >&2
    exit 3
fi

if ! command -v curl >/dev/null 2>&1 && ! command -v wget >/dev/null 2>&1; then
    echo "kiosk.sh: neither curl nor wget is here; apt-get install -y --no-install-recommends curl" >&2
    exit 3
fi

profile=$(mktemp -d "${XDG_RUNTIME_DIR:-/tmp}/endcap-kiosk.XXXXXX")
pid=
leave() {
    trap - EXIT TERM INT HUP
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$profile"
    exit "$1"
}
trap 'leave $?' EXIT
trap 'leave 143' TERM INT HUP

# A browser that finds nobody shows an error of its own and stays there. Once the page is loaded it
# looks after itself.
page=${address%%[?#]*}
live=${page%/}/v2/health/live
answers() {
    if command -v curl >/dev/null 2>&1; then
        curl --silent --fail --max-time 2 --output /dev/null "$live"
    else
        wget --quiet --tries=1 --timeout=2 --output-document=/dev/null "$live"
    fi
}
until answers; do
    sleep 1
done

# The profile lasts as long as the browser. Nothing is fetched but the page, nothing is offered beside it.
"$browser" \
    --kiosk \
    --user-data-dir="$profile" \
    --no-first-run \
    --no-default-browser-check \
    --noerrdialogs \
    --hide-crash-restore-bubble \
    --password-store=basic \
    --disable-background-networking \
    --disable-breakpad \
    --disable-component-update \
    --disable-domain-reliability \
    --disable-extensions \
    --disable-sync \
    --disable-features=MediaRouter,OptimizationHints,Translate \
    --disable-pinch \
    --overscroll-history-navigation=0 \
    --ozone-platform-hint=auto \
    "$address" &
pid=$!
status=0
wait "$pid" || status=$?
pid=
leave "$status"
