# Aliases; the work is in dev.py. Arguments: make test ARGS="tests/wire -k name"
COMMANDS := install serve test check format lock dev lint smoke fuzz bench bench-check bench-local simulate load profile clean docker-build docker-run docker-dev docker-cache docker-proxy docker-stop
# What people know by other names.
ALIASES := run server dev-api dev-services compose-up compose-down loadtest-start loadtest-quick loadtest-heavy loadtest-stress profile-benchmark profile-memory profile-cpu profile-full

.DEFAULT_GOAL := help
.PHONY: help $(COMMANDS) $(ALIASES)

help:
	@python3 dev.py help

$(COMMANDS) $(ALIASES):
	@python3 dev.py $@ $(ARGS)
