# Shows the kiosk page on the whole screen, in a browser that remembers nothing: kiosk.ps1 [ADDRESS]
#
# ADDRESS, or ENDCAP_KIOSK_URL, is http://127.0.0.1:8080/ unless told otherwise, with the shop's settings behind it:
# http://127.0.0.1:8080/?shop=Corner%20Store&currency=GBP#token=... (docs\kiosk.md). ENDCAP_BROWSER names a
# browser made of Chromium; Chrome and Edge are found. When the browser ends it is started again.

param(
    [string]$Address = $env:ENDCAP_KIOSK_URL
)

$ErrorActionPreference = 'Stop'
if (-not $Address) {
    $Address = 'http://127.0.0.1:8080/'
}

$browser = $env:ENDCAP_BROWSER
if (-not $browser) {
    $browser = @(
        "$env:ProgramFiles\Google\Chrome\Application\chrome.exe"
        "${env:ProgramFiles(x86)}\Google\Chrome\Application\chrome.exe"
        "$env:LOCALAPPDATA\Google\Chrome\Application\chrome.exe"
        "$env:ProgramFiles\Chromium\Application\chrome.exe"
        "$env:ProgramFiles\Microsoft\Edge\Application\msedge.exe"
        "${env:ProgramFiles(x86)}\Microsoft\Edge\Application\msedge.exe"
    ) | Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1
}
if (-not $browser) {
    [Console]::Error.WriteLine('kiosk.ps1: no browser is here; winget install Google.Chrome')
    exit 3
}

# A browser that finds nobody shows an error of its own and stays there. Once the page is loaded it looks after itself.
$live = ([Uri]$Address).GetLeftPart([UriPartial]::Authority) + '/v2/health/live'
function Wait-Server {
    while ($true) {
        try {
            Invoke-WebRequest -UseBasicParsing -TimeoutSec 2 -Uri $live | Out-Null
            return
        } catch {
            Start-Sleep -Seconds 1
        }
    }
}

while ($true) {
    Wait-Server
    # The profile lasts as long as the browser. Nothing is fetched but the page, nothing is offered beside it.
    $folder = Join-Path ([IO.Path]::GetTempPath()) "endcap-kiosk-$([Guid]::NewGuid())"
    $arguments = @(
        '--kiosk'
        '--edge-kiosk-type=fullscreen'
        "--user-data-dir=`"$folder`""
        '--no-first-run'
        '--no-default-browser-check'
        '--noerrdialogs'
        '--hide-crash-restore-bubble'
        '--disable-background-networking'
        '--disable-breakpad'
        '--disable-component-update'
        '--disable-domain-reliability'
        '--disable-extensions'
        '--disable-sync'
        '--disable-features=MediaRouter,OptimizationHints,Translate'
        '--disable-pinch'
        '--overscroll-history-navigation=0'
        "`"$Address`""
    )
    try {
        Start-Process -FilePath $browser -ArgumentList $arguments -Wait
    } finally {
        Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    }
    Start-Sleep -Seconds 2
}
