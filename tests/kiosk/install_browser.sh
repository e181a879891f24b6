#!/bin/sh
# The kiosk's tests need a browser made of Chromium. Where there is none, this installs Debian's if it
# may; otherwise it says what to do, and those tests are skipped with the same words.
for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
install="apt-get install -y --no-install-recommends chromium"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "no Chromium here: the kiosk's tests are skipped; on Debian as root: $install" >&2
    exit 0
fi
echo "installing Chromium for the kiosk's tests" >&2
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install >/dev/null; }; then
    echo "Chromium could not be installed: the kiosk's tests are skipped" >&2
fi
