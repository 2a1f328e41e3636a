# ab: small Unix executables that give agents, CI jobs and cron lines a place to run code and keep state.
# GNU make; no configure, no recursion. `make help` lists the targets.
# CFLAGS, CPPFLAGS, LDFLAGS, CC, AR, DESTDIR and PREFIX belong to the packager; ours are kept apart in AB_*.

VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local
BUILD ?= build
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config

AB_CPPFLAGS := -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -Ilib -I$(BUILD)/gen -DAB_VERSION='"$(VERSION)"' -DAB_LIBEXEC='"$(PREFIX)/libexec/ab"'
AB_CFLAGS := -std=gnu11 -fPIE -fstack-protector-strong -Wall -Wextra -Wshadow -Wconversion -Wwrite-strings -Wvla \
	-Wmissing-prototypes -Wno-format-truncation $(if $(WERROR),-Werror) $(SANITIZE)
AB_LDFLAGS := -pie -Wl,-z,relro,-z,now $(SANITIZE)

# One row a command: what it links beyond libc (house rule: a toolkit of pipes pays process start every time).
COMMANDS := ab-exec ab-scope
HELPERS := ab-jq
LIBS.ab-exec := -ljansson
LIBS.ab-scope := -ljansson
LIBS.ab-jq := -ljq

LIB_SOURCES := $(filter-out lib/sys/seccomp_gen.c,$(wildcard lib/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
COMMAND_SOURCES := $(foreach c,$(COMMANDS) $(HELPERS),$(wildcard cmd/$(c)/*.c))
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$(BUILD)/%.o)
UNIT_TESTS := $(patsubst test/unit/%.c,$(BUILD)/test/%,$(wildcard test/unit/*_test.c))
BINARIES := $(COMMANDS:%=$(BUILD)/bin/%) $(HELPERS:%=$(BUILD)/libexec/ab/%)

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all clean help
all: $(BINARIES)

# Objects are rebuilt when the flags change.
FLAGS := $(CC) $(AB_CPPFLAGS) $(CPPFLAGS) $(AB_CFLAGS) $(CFLAGS) | $(AB_LDFLAGS) $(LDFLAGS)
$(shell mkdir -p $(BUILD)/gen && printf '%s\n' "$(subst ",,$(FLAGS))" | cmp -s - $(BUILD)/flags || printf '%s\n' "$(subst ",,$(FLAGS))" >$(BUILD)/flags)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(AB_CPPFLAGS) $(CPPFLAGS) $(AB_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

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

$(BUILD)/test/%: $(BUILD)/test/unit/%.o $(BUILD)/libab.a
	@mkdir -p $(@D)
	$(CC) $(AB_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libab.a -ljansson

.PHONY: unit
unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do echo "# $$t"; $$t || exit 1; done

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJECTS:.o=.d) $(COMMAND_OBJECTS:.o=.d) $(wildcard $(BUILD)/test/unit/*.d)
