# Two commands do everything: `make demo` shows the daemon at work, `make test` proves it.
# Both set up what they need: apt packages where that is allowed (else they print the line to type), a venv, pip.
.DELETE_ON_ERROR:
.PHONY: help demo test check rigs bench generate clean

help:
	@echo "make demo      run the whole machine on a test scene: no camera, no TPU, no broker needed"
	@echo "make test      lint, types, layers and the test suite, on Python 3.11 and 3.13 where installed"
	@echo "make rigs      the slow tests: whole daemons, killed, starved and cut off"
	@echo "make generate  rewrite the files that are made from the configuration's schema"
	@echo "make clean     remove the environments"

demo:
	@tools/setup demo
	@.venv-demo/bin/edged demo $(if $(SECONDS_TO_RUN),--seconds $(SECONDS_TO_RUN))

test:
	@tools/setup test
	@tools/check
	@tools/suite "not rig"

check:
	@tools/setup test
	@tools/check

rigs:
	@tools/setup test
	@tools/suite rig

bench:
	@tools/setup test
	@benchmarks/setup
	@.venv-bench/bin/python -m benchmarks $(if $(ROUNDS),--rounds $(ROUNDS) --page build/benchmarks.md --results build/quick)

generate:
	@tools/setup test
	@.venv/bin/python tools/generate.py

clean:
	rm -rf .venv .venv-*
