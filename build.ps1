# Aliases for PowerShell; the work is in dev.py. For example: .\build.ps1 test tests/wire
$Commands = @(
    "help",
    "install", "serve", "test", "check", "format", "lock", "dev", "lint", "smoke", "fuzz", "bench",
    "bench-check", "bench-local", "simulate", "load", "profile", "clean", "docker-build", "docker-run", "docker-dev", "docker-cache", "docker-proxy",
    "docker-stop",
    "run", "server", "dev-api", "dev-services", "compose-up", "compose-down", "loadtest-start",
    "loadtest-quick", "loadtest-heavy", "loadtest-stress", "profile-benchmark", "profile-memory", "profile-cpu",
    "profile-full"
)

$Name = if ($args.Count) { $args[0] } else { "help" }
if ($Commands -notcontains $Name) {
    Write-Error "There is no command '$Name'. These are: $($Commands -join ', ')"
    exit 2
}
$Rest = @($args | Select-Object -Skip 1)
# The launcher of the Python installer where there is one, else whatever Python is in the PATH.
if (Get-Command py -ErrorAction SilentlyContinue) {
    & py -3 "$PSScriptRoot/dev.py" $Name @Rest
}
else {
    & python "$PSScriptRoot/dev.py" $Name @Rest
}
exit $LASTEXITCODE
