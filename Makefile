# Aliases; the work is in dev.py. Arguments: make test ARGS="tests/wire -k name"
COMMANDS := serve test check format bench bench-check lock

.DEFAULT_GOAL := help
.PHONY: help $(COMMANDS)

help:
	@python3 dev.py help

$(COMMANDS):
	@python3 dev.py $@ $(ARGS)
