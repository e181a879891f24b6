# endcap serve as a task that Windows starts with the machine: for where WinSW may not be installed.
#
#   .\endcap-task.ps1 -Folder C:\endcap      registers it (as administrator), or replaces what was registered
#   .\endcap-task.ps1 -Remove                takes it away
#
# In the folder lie venv, bundle and state (deploy\README.md). It runs as LOCAL SERVICE, with no password and
# no window, and is started again within a minute when it fails.

param(
    [string]$Folder = 'C:\endcap',
    [switch]$Remove
)

$ErrorActionPreference = 'Stop'
$name = 'endcap'

if (Get-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue) {
    Stop-ScheduledTask -TaskName $name
    Unregister-ScheduledTask -TaskName $name -Confirm:$false
}
if ($Remove) {
    return
}

$program = Join-Path $Folder 'venv\Scripts\endcap.exe'
if (-not (Test-Path -LiteralPath $program)) {
    throw "there is no $program; make it with: py -m venv $Folder\venv, then $Folder\venv\Scripts\pip install endcap[cpu,serve]"
}
$arguments = "serve `"$Folder\bundle`" --host 127.0.0.1 --port 8080 --events `"$Folder\state\events.sqlite`""
$action = New-ScheduledTaskAction -Execute $program -Argument $arguments -WorkingDirectory $Folder
$trigger = New-ScheduledTaskTrigger -AtStartup
$principal = New-ScheduledTaskPrincipal -UserId 'NT AUTHORITY\LOCAL SERVICE' -LogonType ServiceAccount -RunLevel Limited
$settings = New-ScheduledTaskSettingsSet `
    -AllowStartIfOnBatteries `
    -DontStopIfGoingOnBatteries `
    -ExecutionTimeLimit ([TimeSpan]::Zero) `
    -MultipleInstances IgnoreNew `
    -RestartCount 999 `
    -RestartInterval ([TimeSpan]::FromMinutes(1)) `
    -StartWhenAvailable

Register-ScheduledTask -TaskName $name -Action $action -Trigger $trigger -Principal $principal -Settings $settings `
    -Description 'Recommendations and pictures for kiosks and tills, to this machine alone.' | Out-Null
Start-ScheduledTask -TaskName $name
