@echo off
rem Starts kiosk.ps1, which lies beside it: put a shortcut to this file into shell:startup. An ADDRESS stands in quotes.
powershell.exe -NoProfile -ExecutionPolicy Bypass -WindowStyle Hidden -File "%~dp0kiosk.ps1" %*
