# ab: small Unix executables that give agents, CI jobs and cron lines a place to run code and keep state.
# GNU make; no configure, no recursion into folders. `make help` lists the targets.
# CFLAGS, CPPFLAGS, LDFLAGS, CC, AR, DESTDIR and PREFIX belong to the packager; ours are kept apart in AB_*.

VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local
BUILD ?= build
CFLAGS ?= -O2 -g

# Our headers are found by their quotes alone: <sys/mount.h> is the system's, "sys/mount.h" ours.
# Fortified functions hide from the sanitizers what they check.
AB_CPPFLAGS := -D_GNU_SOURCE $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) -iquote lib -iquote $(BUILD)/gen \
	-DAB_VERSION='"$(VERSION)"' -DAB_LIBEXEC='"$(PREFIX)/libexec/ab"'
AB_CFLAGS := -std=gnu11 -fPIE -fstack-protector-strong -Wall -Wextra -Wshadow -Wconversion -Wwrite-strings -Wvla \
	-Wmissing-prototypes $(if $(findstring clang,$(CC)),,-Wno-format-truncation) $(if $(WERROR),-Werror)
AB_LDFLAGS := -pie -Wl,-z,relro,-z,now $(SANITIZE)

# One row a command: what it links beyond libc (house rule: a toolkit of pipes pays process start every time).
COMMANDS := ab-exec ab-kv ab-scope
HELPERS := ab-jq ab-s3
# Archives where there are any: a shared library costs every start a tenth of a millisecond.
archive = $(or $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a)),-l$(1))
JANSSON ?= $(call archive,jansson)
SQLITE ?= $(call archive,sqlite3) -lm
SODIUM ?= $(call archive,sodium)
LIBS.ab-exec := $(JANSSON)
LIBS.ab-kv := $(JANSSON) $(SQLITE) $(SODIUM)
LIBS.ab-scope := $(JANSSON)
LIBS.ab-jq := -ljq
# libcurl has no archive that would do without its own dozen libraries: it is shared, and in this one process alone.
CURL ?= -lcurl
ZSTD ?= $(call archive,zstd)
LIBS.ab-s3 := $(CURL) $(JANSSON) $(ZSTD) $(SODIUM)

LIB_SOURCES := $(filter-out lib/sys/seccomp_gen.c,$(wildcard lib/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
COMMAND_SOURCES := $(foreach c,$(COMMANDS) $(HELPERS),$(wildcard cmd/$(c)/*.c))
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$(BUILD)/%.o)
BINARIES := $(COMMANDS:%=$(BUILD)/bin/%) $(HELPERS:%=$(BUILD)/libexec/ab/%)
UNIT_TESTS := $(patsubst test/unit/%.c,$(BUILD)/test/%,$(wildcard test/unit/*_test.c))
TEST_HELPERS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/helpers/*.c)) $(BUILD)/test/fault/inject.so
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/fuzz/*_fuzz.c))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard test/bench/*.c))
BATS := $(wildcard test/cmd/*.bats test/fault/*.bats test/*.bats)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all check unit asan lint fuzz fuzz-run bench install uninstall dist completions clean help
all: $(BINARIES) ## build the commands (default)

# Objects are rebuilt when the flags change.
FLAGS := $(CC) $(AB_CPPFLAGS) $(CPPFLAGS) $(AB_CFLAGS) $(SANITIZE) $(CFLAGS) | $(AB_LDFLAGS) $(LDFLAGS)
$(shell mkdir -p $(BUILD)/gen && printf '%s\n' "$(subst ",,$(FLAGS))" | cmp -s - $(BUILD)/flags || printf '%s\n' "$(subst ",,$(FLAGS))" >$(BUILD)/flags)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(AB_CPPFLAGS) $(CPPFLAGS) $(AB_CFLAGS) $(SANITIZE) $(CFLAGS) -MMD -MP -c -o $@ $<

# `ar rcs` keeps members of deleted sources: the archive is made anew.
$(BUILD)/libab.a: $(LIB_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJECTS)

define command_rule
$(BUILD)/$(2)/$(1): $$(patsubst %.c,$$(BUILD)/%.o,$$(wildcard cmd/$(1)/*.c)) $(BUILD)/libab.a
	@mkdir -p $$(@D)
	$$(CC) $$(AB_LDFLAGS) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $(BUILD)/libab.a $$(LIBS.$(1))
endef
$(foreach c,$(COMMANDS),$(eval $(call command_rule,$(c),bin)))
$(foreach c,$(HELPERS),$(eval $(call command_rule,$(c),libexec/ab)))

# The system-call filter is compiled once, here: at run time it is an array, and libseccomp is not linked.
$(BUILD)/gen/seccomp-gen: lib/sys/seccomp_gen.c $(BUILD)/flags
	$(CC) $(AB_CPPFLAGS) $(CPPFLAGS) $(AB_CFLAGS) $(CFLAGS) -o $@ $< -lseccomp
$(BUILD)/gen/seccomp_filter.h: $(BUILD)/gen/seccomp-gen
	$< >$@
$(BUILD)/lib/sys/seccomp.o: $(BUILD)/gen/seccomp_filter.h

# Those of lib/net: no other test pays for them.
LIBS.compress_test := $(ZSTD)
LIBS.s3_test := $(CURL) $(ZSTD)
LIBS.s3object_test := $(CURL) $(ZSTD)

# Tests: one program a module, small helpers, fuzz targets, a library that makes calls fail.
$(BUILD)/test/%: $(BUILD)/test/unit/%.o $(BUILD)/libab.a
	@mkdir -p $(@D)
	$(CC) $(AB_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libab.a $(LIBS.$(@F)) $(JANSSON) $(SQLITE) $(SODIUM)
$(BUILD)/test/helpers/%: $(BUILD)/test/helpers/%.o $(BUILD)/libab.a
	$(CC) $(AB_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libab.a $(JANSSON)
$(BUILD)/test/bench/kvget: LIBS.bench := $(SQLITE)
$(BUILD)/test/bench/%: $(BUILD)/test/bench/%.o
	$(CC) $(AB_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS.bench)
$(BUILD)/test/fuzz/%: $(BUILD)/test/fuzz/%.o $(BUILD)/libab.a
	$(CC) $(AB_LDFLAGS) -fsanitize=fuzzer $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libab.a $(JANSSON)
$(BUILD)/test/fault/%.so: test/fault/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(AB_CPPFLAGS) $(filter-out -fPIE,$(AB_CFLAGS)) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

TEST_ENV := AB_BUILD='$(abspath $(BUILD))' AB_VERSION='$(VERSION)'
check: all $(UNIT_TESTS) $(TEST_HELPERS) ## run every test: unit tests, then the commands themselves (bats)
	@$(TEST_ENV) test/run.sh $(UNIT_TESTS) $(BATS)
unit: $(UNIT_TESTS) ## run the unit tests alone
	@$(TEST_ENV) test/run.sh $(UNIT_TESTS)
asan: ## the same suite under AddressSanitizer and UBSan
	@+$(MAKE) --no-print-directory BUILD='$(BUILD)/asan' CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all' check
lint: $(BUILD)/gen/seccomp_filter.h ## layers, compilers, clang-tidy, shellcheck, mandoc
	@$(TEST_ENV) AB_FLAGS="$(subst ",\",$(AB_CPPFLAGS)) $(AB_CFLAGS)" test/run.sh test/lint.sh
fuzz: ## every fuzz target for FUZZ_SECONDS (60), needs clang
	@+$(MAKE) --no-print-directory CC=clang BUILD='$(BUILD)/fuzz' CFLAGS='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzz-run
fuzz-run: $(FUZZERS)
	@$(TEST_ENV) test/run.sh $(FUZZERS)
bench: all $(BENCHES) ## print the budgets as ratios measured now
	@$(TEST_ENV) test/bench/bench.sh
completions: all ## make the completions anew from --describe
	completions/generate.sh $(COMMANDS:%=$(BUILD)/bin/%)

# Installing: MODE:SOURCE:DESTINATION. Every file is put beside its place and renamed, so that a running command is not disturbed.
man_dir = share/man/man$(subst .,,$(suffix $(1)))
INSTALL := $(foreach c,$(COMMANDS),755:$(BUILD)/bin/$(c):bin/$(c)) \
	$(foreach c,$(HELPERS),755:$(BUILD)/libexec/ab/$(c):libexec/ab/$(c)) \
	$(foreach m,$(wildcard man/*.[1-8]),644:$(m):$(call man_dir,$(m))/$(notdir $(m))) \
	$(foreach f,$(wildcard completions/bash/*),644:$(f):share/bash-completion/completions/$(notdir $(f))) \
	$(foreach f,$(wildcard completions/zsh/*),644:$(f):share/zsh/site-functions/$(notdir $(f))) \
	$(foreach f,$(wildcard completions/fish/*),644:$(f):share/fish/vendor_completions.d/$(notdir $(f)))
INSTALL_DIRS := libexec/ab share/man/man1 share/man/man7 share/bash-completion/completions share/bash-completion \
	share/zsh/site-functions share/zsh share/fish/vendor_completions.d share/fish
each_file = for row in $(INSTALL); do mode=$${row%%:*}; row=$${row\#*:}; from=$${row%%:*}; to='$(DESTDIR)$(PREFIX)'/$${row\#*:}
install: all ## install below DESTDIR and PREFIX (/usr/local)
	@$(each_file); mkdir -p "$${to%/*}" && install -m "$$mode" "$$from" "$$to.new" && mv -f "$$to.new" "$$to" || exit 1; done
uninstall: ## remove what install put there
	@$(each_file); rm -f "$$to"; done
	@for dir in $(INSTALL_DIRS); do rmdir '$(DESTDIR)$(PREFIX)'/"$$dir" 2>/dev/null || :; done
dist: ## a reproducible source archive of the commit that is checked out
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=ab-$(VERSION)/ HEAD | gzip -9n >$(BUILD)/ab-$(VERSION).tar.gz
clean: ## remove what was built
	rm -rf $(BUILD)
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

-include $(LIB_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d) $(wildcard $(BUILD)/test/*/*.d)
