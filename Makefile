# gossipd. GNU make. `make help` lists the targets; `make CXXFLAGS=-O3` keeps the flags we need.
CXX      ?= g++
CXXFLAGS ?= -O2 -g
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
MANDIR   ?= $(PREFIX)/share/man
UNITDIR  ?= $(PREFIX)/lib/systemd/system
USERUNITDIR ?= $(PREFIX)/lib/systemd/user
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
SECONDS  ?= 30
SAMPLES   ?= 100000
RATE      ?= 10000
EXECUTIONS ?= 100000000
MESSAGES  ?= 1000000
FUZZCXX  ?= clang++

need      := -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -fPIE -fstack-protector-strong -fno-strict-aliasing -MMD -MP -Iinclude -Isrc
need      += $(shell pkg-config --cflags libcrypto sqlite3) -pthread
libs      := $(shell pkg-config --libs libcrypto sqlite3) -pthread
harden    := -pie -Wl,-z,relro,-z,now
san       := -fno-sanitize-recover=undefined -fno-omit-frame-pointer -fsanitize=address,undefined

# A floor is a folder of src; its objects are everything in it.
objects    = $(patsubst %.cc,$(BUILD)/%.o,$(wildcard $(1)/*.cc))
floors    := core sys crypto db config
$(foreach f,$(floors) gossipd gossipc,$(eval o_$(f) := $(call objects,src/$(f))))
product   := $(foreach f,$(floors),$(o_$(f)))
support   := $(filter-out $(BUILD)/tests/support/%_main.o,$(call objects,tests/support))
inner     := $(filter-out %/main.o,$(o_gossipd) $(o_gossipc))
programs  := $(BUILD)/gossipd $(BUILD)/gossipc

# Unit tests link only the floors they name.
with_core    := core
with_sys     := sys
with_crypto  := core crypto
with_db      := core crypto db
with_config  := core sys config
with_handshake := core crypto
with_gossipd := $(floors)
with_gossipc := $(floors)
with_faults  := $(floors)
units     := $(foreach u,core sys crypto db config handshake gossipd gossipc faults,$(if $(wildcard tests/unit/$(u)/*.cc),$(BUILD)/unit-$(u)))
fuzzers   := $(patsubst tests/fuzz/%.cc,%,$(wildcard tests/fuzz/*.cc))
targets   := $(or $(T),$(fuzzers))
replays   := $(fuzzers:%=$(BUILD)/replay-%)
attackers := $(BUILD)/abuse-strangers $(BUILD)/abuse-friend
SEEDS     ?= 1
SEED      ?= 1
SCENARIO  ?=
COUNT     ?= 300
NODES     ?= 50

.PHONY: all check check-deniability asan lint demo pq-matrix sim simtwins bench reading timing abuse kill hooks newcomer soak walrace campaign ladder restores fuzz fuzz-campaign fuzzers-built install uninstall deb clean help
.SECONDARY:

all: $(programs) ## build gossipd and gossipc

$(BUILD)/gossipd: $(product) $(o_gossipd)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) $(harden) -o $@ $^ $(libs)
$(BUILD)/gossipc: $(product) $(o_gossipc)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) $(harden) -o $@ $^ $(libs)

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(need) $(if $(filter tests/%,$<),-Itests) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<

define unit_rule
$(BUILD)/unit-$(1): $(call objects,tests/unit/$(1)) $(foreach f,$(with_$(1)),$(o_$(f))) $(if $(filter-out sys config,$(1)),$(support)) $(if $(filter gossipd gossipc,$(1)),$(filter-out %/main.o,$(o_$(1)))) $(if $(filter faults,$(1)),$(inner))
	$$(CXX) $$(CXXFLAGS) $$(LDFLAGS) -pie -o $$@ $$^ -lgtest -lgtest_main $$(libs)
endef
$(foreach u,core sys crypto db config handshake gossipd gossipc faults,$(eval $(call unit_rule,$(u))))

# gossipc whose memory runs out when it is told to.
$(BUILD)/starved-gossipc: $(BUILD)/tests/unit/faults/starve.o $(product) $(o_gossipc)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ $(libs)

$(BUILD)/replay-%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/support/replay_main.o $(product) $(support) $(inner)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ $(libs)

$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(product) $(support) $(inner)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -fsanitize=fuzzer -o $@ $^ $(libs)

check: all $(units) $(replays) $(BUILD)/sim $(BUILD)/deniability $(BUILD)/attack $(BUILD)/gossipd-poison $(BUILD)/starved-gossipc $(attackers) ## run every test; the last line is "N passed, N failed"
	@python3 tests/run.py --build $(BUILD)

check-deniability: all $(BUILD)/deniability ## COUNT=300: real transcripts among as many forged ones, before a judge with all the hearer's keys
	@GOSSIP_BUILD=$(BUILD) python3 tests/deniability/check.py $(COUNT)

$(BUILD)/deniability: $(call objects,tests/deniability) $(product) $(filter-out %/main.o,$(o_gossipc))
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ $(libs)

# gossipd with a bug of its own: two functions, as the linker knows them
poisoned := _ZN6gossip14decode_messageESt4spanIKhLm18446744073709551615EERNS_7MessageE \
            _ZN6gossip11decode_seqsESt4spanIKhLm18446744073709551615EE
$(BUILD)/gossipd-poison: $(product) $(o_gossipd) $(BUILD)/tests/crash/poison.o
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie $(poisoned:%=-Wl,--wrap=%) -o $@ $^ $(libs)

asan: ## the same under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan CXXFLAGS="-O1 -g $(san)" check

lint: $(o_core) ## floors, purity of the core, sizes, man pages
	@python3 tests/lint/lint.py --build $(BUILD)

demo: all ## two daemons, two people, a conversation
	@sh tests/e2e/demo.sh $(BUILD)

pq-matrix: all ## PEER=folder with the gossipd and gossipc of a tree with another OpenSSL: who shakes hands with whom, and how
	@GOSSIP_PEER=$(abspath $(PEER)) python3 tests/run.py --build $(BUILD) --only test_matrix

$(BUILD)/sim: $(call objects,tests/sim) $(o_core)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ -pthread

sim: $(BUILD)/sim ## SEEDS="1 2" SCENARIO="S1 S3": networks of 10,000 nodes in virtual time
	@for seed in $(SEEDS); do $(BUILD)/sim -s $$seed $(SCENARIO) || exit 1; done

simtwins: $(BUILD)/sim ## the same seed gives the same trace by g++ and by clang++
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/twin CXX=$(FUZZCXX) $(BUILD)/twin/sim
	@for b in $(BUILD) $(BUILD)/twin; do $$b/sim -n 300 $(SCENARIO) | sed -n 's/.*\(seed [0-9]* *trace [0-9a-f]*\).*/\1/p' > $$b/traces || exit 1; done
	@cmp $(BUILD)/traces $(BUILD)/twin/traces && echo "the same $$(wc -l < $(BUILD)/traces) traces"

$(BUILD)/bench-handshakes: $(o_core) $(o_crypto)
$(BUILD)/bench-fill: $(o_core) $(o_crypto) $(o_db) $(o_sys)
$(BUILD)/bench-%: $(BUILD)/tests/bench/%.o
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ $(libs)

$(BUILD)/attack: $(call objects,tests/attack) $(o_core) $(o_sys) $(o_crypto)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ $(libs)

timing: all $(BUILD)/attack ## SAMPLES=100000: what strangers could learn from the time things take, measured; RATE=10000 forged M1 a second
	@python3 tests/attack/timing.py --build $(BUILD) --samples $(SAMPLES) --rate $(RATE)

$(BUILD)/abuse-%: $(BUILD)/tests/abuse/%.o $(product) $(inner)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -pie -o $@ $^ $(libs)

abuse: all $(attackers) ## a live daemon under everything that strangers and false friends can do, for minutes; prints the counts
	@GOSSIP_LONG=1 GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_abuse.py

kill: all ## COUNT=300: so many kill -9 of listeners, workers and sends in a busy exchange
	@GOSSIP_TEST_COUNT=$(COUNT) GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_kill.py

hooks: COUNT = 10000
hooks: all ## COUNT=10000: so many messages handed to a hook, with hook and worker killed at random
	@GOSSIP_TEST_COUNT=$(COUNT) GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_hooks.py Killed

newcomer: all ## as root: the steps of README.md, as printed, in two fresh accounts of this machine, which are taken away again
	@GOSSIP_ACCOUNTS=1 GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_newcomer.py Newcomers

soak: all ## NODES=50 SECONDS=30: so many daemons in a random graph with traffic for so long; memory and descriptors stay flat
	@GOSSIP_SOAK="$(NODES) $(SECONDS)" GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_soak.py

benches   := $(patsubst tests/bench/%.cc,$(BUILD)/bench-%,$(wildcard tests/bench/*.cc))
bench: all $(benches) $(BUILD)/sim ## JOBS="hop bulk" BENCH="--runs 5 --messages 1000000": one table of how fast it is, beside the machine's own floor
	@python3 -B tests/bench/bench.py --build $(BUILD) $(BENCH) $(JOBS)

reading: all ## MESSAGES=1000000: so many in one store, and how long view --last, view --search and the rest take
	@GOSSIP_LONG=1 GOSSIP_MESSAGES=$(MESSAGES) GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_reading_size.py

walrace: $(BUILD)/unit-db ## SECONDS=30: three writers and a checkpointer on one database, with the fence and without
	@GOSSIP_RACE_SECONDS=$(SECONDS) $< --gtest_also_run_disabled_tests --gtest_filter='TA27.*' --gtest_brief=1

# By NAME; the short forms are among the tests.
campaign_power  = GOSSIP_CUTS=$(COUNT) $(BUILD)/unit-faults --gtest_brief=1 --gtest_filter='Power.*'
campaign_errors = GOSSIP_CALLS=$(COUNT) $(BUILD)/unit-faults --gtest_brief=1 --gtest_filter='Errors.*'
campaign_memory = GOSSIP_CALLS=$(COUNT) $(BUILD)/unit-faults --gtest_brief=1 --gtest_filter='Starved*' && \
  GOSSIP_CALLS=$(COUNT) GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_starved.py
campaign_damage = GOSSIP_DAMAGE=$(COUNT) $(BUILD)/unit-db --gtest_brief=1 --gtest_filter='Damage.*'
campaign: COUNT = 20000
campaign: $(BUILD)/unit-faults $(BUILD)/unit-db $(BUILD)/starved-gossipc ## NAME=power COUNT=20000 SEED=1: so many cuts of the power; NAME=errors: the disk fails at every call; NAME=memory: malloc does; NAME=damage: files with flipped bytes, and cut off
	@GOSSIP_SEED=$(SEED) $(if $(campaign_$(NAME)),$(campaign_$(NAME)),false)

ladder: $(BUILD)/unit-core ## COUNT=1000000: the log of a friend, so long, is set back by one row in a hundred: bytes of its replay
	@GOSSIP_ROWS=$(COUNT) $< --gtest_filter='Ladder.Replay*' --gtest_brief=1

restores: all ## COUNT=200: databases of live daemons are put back to earlier copies, at any moment of a busy exchange
	@GOSSIP_RESTORES=$(COUNT) GOSSIP_BUILD=$(BUILD) python3 -B tests/e2e/test_restores.py Campaign

# Two builds: a quick one for most of the executions, and one with sanitizers.
fuzzers-built:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/quick CXX=$(FUZZCXX) CXXFLAGS="-O2 -g -fsanitize=fuzzer-no-link" \
	  $(targets:%=$(BUILD)/quick/fuzz-%)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/san CXX=$(FUZZCXX) CXXFLAGS="-O1 -g $(san),fuzzer-no-link" \
	  $(targets:%=$(BUILD)/san/fuzz-%)

fuzz: fuzzers-built ## T=target SECONDS=30: so long on each fuzz target, or on one; prints executions
	@python3 tests/fuzz/campaign.py --build $(BUILD) --seconds $(SECONDS) $(targets)

fuzz-campaign: fuzzers-built ## EXECUTIONS=100000000: as many executions in all, in turns of SECONDS on each target
	@python3 tests/fuzz/campaign.py --build $(BUILD) --seconds $(SECONDS) --count $(EXECUTIONS) $(targets)

# What install puts there, each in one of these folders, and uninstall takes away.
pages     := gossipc.1 gossipdrc.5 gossip.7 gossipd.8
installed  = $(PREFIX)/bin/gossipd $(PREFIX)/bin/gossipc $(foreach p,$(pages),$(MANDIR)/man$(subst .,,$(suffix $(p)))/$(p)) \
  $(UNITDIR)/gossipd@.service $(USERUNITDIR)/gossipd.service $(BASHCOMPDIR)/gossipc $(ZSHCOMPDIR)/_gossipc $(FISHCOMPDIR)/gossipc.fish

install: all ## programs, man pages, systemd units and completions below $(DESTDIR)$(PREFIX)
	install -d $(addprefix $(DESTDIR),$(sort $(dir $(installed))))
	install -m 755 $(programs) $(DESTDIR)$(PREFIX)/bin
	for p in $(pages); do install -m 644 man/$$p $(DESTDIR)$(MANDIR)/man$${p##*.}/ || exit 1; done
	sed 's|@BINDIR@|$(PREFIX)/bin|' src/gossipd/gossipd.service.in > $(DESTDIR)$(UNITDIR)/gossipd@.service
	sed 's|@BINDIR@|$(PREFIX)/bin|' src/gossipd/gossipd-user.service.in > $(DESTDIR)$(USERUNITDIR)/gossipd.service
	$(BUILD)/gossipc completion bash > $(DESTDIR)$(BASHCOMPDIR)/gossipc
	$(BUILD)/gossipc completion zsh > $(DESTDIR)$(ZSHCOMPDIR)/_gossipc
	$(BUILD)/gossipc completion fish > $(DESTDIR)$(FISHCOMPDIR)/gossipc.fish
	cd $(DESTDIR)/ && chmod 644 $(patsubst /%,%,$(filter-out $(PREFIX)/bin/% $(MANDIR)/%,$(installed)))

uninstall: ## removes what install put there, and no folder
	rm -f $(addprefix $(DESTDIR),$(installed))

# One version for all: src/config/version.h. The same tree and SOURCE_DATE_EPOCH give the same bytes.
version    = $(shell sed -n 's/.*kProgramVersion = "\(.*\)".*/\1/p' src/config/version.h)
deb_arch   = $(shell dpkg --print-architecture)
deb        = $(BUILD)/gossipd_$(version)_$(deb_arch).deb
deb_epoch  = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || date +%s))
define deb_control
Package: gossipd
Version: $(version)
Architecture: $(deb_arch)
Maintainer: $(DEBMAINTAINER)
Section: net
Priority: optional
Depends: @DEPENDS@
Installed-Size: @SIZE@
Description: friend-to-friend messenger daemon
 gossipd keeps the messages of one user, fetches from the daemons of friends what
 is new, and serves its own log to them. There is no server, no account and no
 global name. gossipc is the command with which one talks to it.
endef
export deb_control
DEBMAINTAINER ?= gossipd <root@localhost>

deb: all ## a Debian package in $(BUILD), made by dpkg-deb
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	@$(MAKE) --no-print-directory -s install -o all DESTDIR=$(abspath $(BUILD))/deb PREFIX=/usr MANDIR=/usr/share/man UNITDIR=/usr/lib/systemd/system \
	  USERUNITDIR=/usr/lib/systemd/user BASHCOMPDIR=/usr/share/bash-completion/completions ZSHCOMPDIR=/usr/share/zsh/vendor-completions \
	  FISHCOMPDIR=/usr/share/fish/vendor_completions.d
	@printf '%s\n' "$$deb_control" > $(BUILD)/deb.control
	@SOURCE_DATE_EPOCH=$(deb_epoch) sh src/gossipd/package.sh $(BUILD)/deb $(BUILD)/deb.control $(deb)
	@echo $(deb)

clean: ## removes the build folder
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1	\2/p' Makefile

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
