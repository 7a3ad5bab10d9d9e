# Builds d2v, d2v-run and the CPU device. `make help` lists what it can do.
# SAN=1 builds everything with AddressSanitizer and UBSan, into build-san/.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC = gcc
endif
comma := ,
B     := $(if $(FUZZ),build-fuzz,$(if $(SAN),build-san,build))
FLEX  := flex
BISON := bison
# One short line for each file made; V=1 shows the commands.
Q      = $(if $(V),,@echo '  make $@'; )

# -I$(B) finds generated headers under the name they would have in the tree: "dsl/parse.h".
CPPFLAGS := -I. -I$(B) -D_GNU_SOURCE
# Off: gcc does not see that a function which reports always gives FAIL, so it takes what was not read
# on that path for used; ASan and UBSan stand in.
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes $(if $(SAN),-Wno-error,-Werror) \
            -Wno-maybe-uninitialized -Wno-stringop-overflow
SANFLAGS := $(if $(SAN)$(FUZZ),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
# Coverage for the fuzzer; clang has no libgomp, and the parsers need no threads.
CFLAGS_FUZZ := $(if $(FUZZ),-fsanitize=fuzzer-no-link -Wno-error -Wno-unknown-warning-option -Wno-unknown-pragmas)
CFLAGS    = -std=gnu11 -O2 -g -MMD -MP $(WARN) $(SANFLAGS) $(CFLAGS_FUZZ)

D2V_LIBS := -ljansson -lz -lxxhash -lm -lpthread
RUN_LIBS := -ldnnl -ljansson -ljpeg -lspng -lz -lxxhash -lisal -lprotobuf-c -ldl -lm -lpthread
CPU_LIBS := -ldnnl -fopenmp -lm

# ---- rooms -----------------------------------------------------------------------------------
# A new .c file in a room is picked up by its place.

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

base     := $(call objects,$(wildcard compiler/base/*.c))
ir       := $(call objects,$(wildcard compiler/ir/*.c))
program  := $(call objects,$(wildcard compiler/program/*.c))
pass     := $(call objects,$(wildcard compiler/pass/*.c))
codegen  := $(call objects,$(wildcard compiler/codegen/*.c))
ledger   := $(call objects,$(wildcard compiler/ledger/*.c))
page     := $(call objects,$(wildcard compiler/page/*.c))
report   := $(call objects,$(wildcard compiler/report/*.c)) $(B)/obj/gen/compiler/report/page_text.o
dsl_made := $(if $(wildcard dsl/lex.l),$(B)/obj/gen/dsl/lex.o) $(if $(wildcard dsl/parse.y),$(B)/obj/gen/dsl/parse.o)
dsl      := $(call objects,$(wildcard dsl/*.c)) $(dsl_made)
device   := $(call objects,$(wildcard runtime/device_cpu*.c))
cuda     := $(call objects,$(wildcard runtime/device_cuda*.c))
emulate  := $(call objects,$(wildcard runtime/device_emulate*.c))
devices  := $(call objects,$(wildcard runtime/device_*.c))
protos   := $(patsubst %.proto,$(B)/%.pb-c.h,$(wildcard runtime/*.proto))
proto_o  := $(patsubst %.proto,$(B)/obj/gen/%.pb-c.o,$(wildcard runtime/*.proto))
runtime  := $(filter-out $(devices) $(call objects,runtime/d2v_run.c),$(call objects,$(wildcard runtime/*.c))) $(proto_o)
unit     := $(call objects,$(wildcard tests/unit/*.c))
alone    := tests/support/golden.c tests/support/make_data.c tests/support/random_graphs.c $(wildcard tests/support/fake_cuda*.c)
support  := $(call objects,$(filter-out $(alone),$(wildcard tests/support/*.c)))
numeric  := $(patsubst tests/numeric/%.c,$(B)/numeric/%,$(wildcard tests/numeric/*.c))
fuzz     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))

d2v_o     := $(call objects,$(wildcard compiler/*.c)) $(dsl) $(report) $(page) $(ledger) $(codegen) $(pass) $(program) $(ir) $(base)
run_o     := $(call objects,runtime/d2v_run.c) $(runtime) $(page) $(program) $(base)
rooms_o   := $(support) $(dsl) $(report) $(page) $(ledger) $(codegen) $(pass) $(ir) $(runtime) $(program) $(base)
unit_o    := $(unit) $(rooms_o)
sources   := $(wildcard Makefile tools/check_rooms.sh compiler/*.[ch] compiler/*/*.[ch] compiler/*/*.def \
                        dsl/*.[chly] runtime/*.[ch])

# The cuda device wants NVIDIA's headers to be built, and its libraries only when it is opened. The first place that has them:
cuda_include := $(firstword $(foreach d,$(if $(CUDA_HOME),$(CUDA_HOME)/include) /usr/local/cuda/include \
                  $(wildcard /usr/local/cuda-*/include) /opt/cuda/include /usr/include build/cuda-wheels/nvidia/cu13/include, \
                  $(if $(and $(wildcard $(d)/cuda.h),$(wildcard $(d)/cublasLt.h)),$(d))))

# ---- products --------------------------------------------------------------------------------

.PHONY: all deps setup demo bench check check-only tests fuzz fuzz-programs bless format clean help
all: $(B)/rooms.ok $(B)/d2v $(B)/d2v-run $(B)/d2v-cpu.so $(B)/d2v-emulate.so $(if $(FUZZ),,$(if $(cuda_include),$(B)/d2v-cuda.so,no-cuda))

$(B)/d2v: $(d2v_o)
	$(Q)$(CC) $(SANFLAGS) -o $@ $^ $(D2V_LIBS)

# The device is loaded at run time and calls back into base: its symbols must be visible.
$(B)/d2v-run: $(run_o)
	$(Q)$(CC) $(SANFLAGS) -rdynamic -fopenmp -o $@ $^ $(RUN_LIBS)

$(B)/d2v-cpu.so: $(device)
	$(Q)$(CC) $(SANFLAGS) -shared -o $@ $^ $(CPU_LIBS)

# The emulate device shares memory, gemms and the compiling of kernels with the cpu device.
$(B)/d2v-emulate.so: $(emulate) $(filter-out $(call objects,runtime/device_cpu.c),$(device))
	$(Q)$(CC) $(SANFLAGS) -shared -o $@ $^ $(CPU_LIBS)

# Of functions that the program has too (a test runner has the compiler's), the device calls its own.
$(B)/d2v-cuda.so: $(cuda)
	$(Q)$(CC) $(SANFLAGS) -shared -Wl,-Bsymbolic -o $@ $^ -lm

.PHONY: no-cuda deps-cuda check-gpu bench-gpu
no-cuda:
	@echo '  no CUDA headers: the device cuda is not built (set CUDA_HOME, or `make deps-cuda`)'

# The driver, cuBLASLt and NVRTC as the tests of the cuda device find them where there is no GPU.
fake_cuda := $(if $(and $(cuda_include),$(wildcard tests/support/fake_cuda*.c)),$(B)/fake-cuda/libcuda.so.1)
$(B)/fake-cuda/libcuda.so.1: $(call objects,$(wildcard tests/support/fake_cuda*.c))
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANFLAGS) -shared -Wl,-Bsymbolic -o $@ $^ -lm
	@ln -sf libcuda.so.1 $(@D)/libcublasLt.so.13
	@ln -sf libcuda.so.1 $(@D)/libnvrtc.so.13

$(B)/unit-tests: $(unit_o)
	$(Q)$(CC) $(SANFLAGS) -rdynamic -fopenmp -o $@ $^ $$(pkg-config --libs check) $(RUN_LIBS)

# Programs that the scripts of tests/numeric run, one for each .c file there.
$(B)/numeric/%: $(B)/obj/tests/numeric/%.o $(rooms_o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANFLAGS) -rdynamic -fopenmp -o $@ $^ $(RUN_LIBS)

# Random graphs for hours; the unit tests do it for seconds.
$(B)/random-graphs: $(call objects,tests/support/random_graphs.c) $(rooms_o)
	$(Q)$(CC) $(SANFLAGS) -rdynamic -fopenmp -o $@ $^ $(RUN_LIBS)

$(B)/golden: $(call objects,tests/support/golden.c)
	$(Q)$(CC) $(SANFLAGS) -o $@ $^

$(B)/make-data: $(call objects,tests/support/make_data.c) $(base)
	$(Q)$(CC) $(SANFLAGS) -o $@ $^ -ljpeg -lspng $(D2V_LIBS)

# One program for each parser. With FUZZ=1 the engine's main is libFuzzer's; else replay.c feeds files.
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(if $(FUZZ),,$(B)/obj/tests/fuzz/replay.o) $(rooms_o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANFLAGS) $(if $(FUZZ),-fsanitize=fuzzer -lgomp,-fopenmp) -rdynamic -o $@ $^ $(RUN_LIBS)

# Which room may include which.
deps $(B)/rooms.ok: $(sources)
	@tools/check_rooms.sh
	@mkdir -p $(B) && touch $(B)/rooms.ok

# ---- objects ---------------------------------------------------------------------------------

# Draws by vectors: products and sums are rounded one by one, so that every width gives the same bits.
$(call objects,compiler/base/philox.c runtime/init_draw.c): CFLAGS += -O3 -ffp-contract=off
$(device) $(emulate): CFLAGS += -fPIC
$(call objects,runtime/device_emulate_load.c): $(wildcard runtime/emulate*.h)
$(call objects,tests/unit/test_emulate.c): tests/unit/emulate_kernels.cu
$(cuda) $(call objects,$(wildcard tests/support/fake_cuda*.c)): CFLAGS += -fPIC -isystem $(cuda_include)
$(device) $(emulate) $(runtime) $(call objects,runtime/d2v_run.c) $(unit) $(support): CFLAGS += $(if $(FUZZ),,-fopenmp)

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Generated C follows its generator's habits, not ours; our own actions in it are still checked.
$(B)/obj/gen/%.o: WARN = -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-parameter \
                         -Wno-sign-compare -Wno-unused-but-set-variable
$(B)/obj/gen/%.o: $(B)/%.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/dsl/lex.c $(B)/dsl/lex.h &: dsl/lex.l
	@mkdir -p $(@D)
	$(Q)$(FLEX) --header-file=$(B)/dsl/lex.h -o $(B)/dsl/lex.c $<

$(B)/dsl/parse.c $(B)/dsl/parse.h &: dsl/parse.y
	@mkdir -p $(@D)
	$(Q)$(BISON) -Werror=conflicts-sr -Werror=conflicts-rr --defines=$(B)/dsl/parse.h -o $(B)/dsl/parse.c $<

# Files of the page that `d2v report` writes, each as one C string.
page_files := compiler/report/page.css compiler/report/page.js
$(B)/compiler/report/page_text.c: $(page_files) Makefile
	@mkdir -p $(@D)
	$(Q)for f in $(page_files); do \
		echo "extern const char page_$${f##*.}[]; const char page_$${f##*.}[] ="; \
		sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $$f; echo ';'; done >$@

$(B)/%.pb-c.c $(B)/%.pb-c.h &: %.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(B) $<

$(B)/dsl/lex.c $(B)/dsl/parse.c: Makefile

# Generated headers exist before anything that may include them is compiled; afterwards the .d files know.
made_headers := $(if $(wildcard dsl/lex.l),$(B)/dsl/lex.h) $(if $(wildcard dsl/parse.y),$(B)/dsl/parse.h)
$(dsl) $(unit) $(support): | $(made_headers)
$(runtime) $(unit) $(support): | $(protos)
.SECONDARY:

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# ---- actions ---------------------------------------------------------------------------------

setup:
	@tools/setup.sh

# Stages of their own, because a package that setup installs may be needed to build; on all processors, unless -j was given.
again = @$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
demo: setup
	$(again) all
	@BUILD=$(B) tools/demo.sh

check: setup
	$(again) tests
	@$(MAKE) --no-print-directory check-only

tests: all docs $(fake_cuda) $(B)/unit-tests $(B)/random-graphs $(B)/golden $(B)/make-data $(numeric) $(fuzz)

check-only: tests
	@BUILD=$(B) tests/run.sh

# Looks for input that crashes a parser, FUZZ_SECONDS for each (default 60), in build-fuzz/.
fuzz:
	@tools/setup.sh fuzz
	$(again) all
	@$(MAKE) --no-print-directory FUZZ=1 CC=clang-14 fuzz-programs
	@tools/fuzz.sh

fuzz-programs: $(fuzz)

# Not a test: our step against PyTorch's (fetched from PyPI into build/bench-venv), and how long compiling takes.
bench: setup
	$(again) all
	@tools/setup-bench.sh $(B)/bench-venv
	@LD_LIBRARY_PATH="$${CUDA_HOME:-/usr/local/cuda}/lib64" $(B)/bench-venv/bin/python bench/bench.py --d2v $(B)/d2v $(BENCH)

# NVIDIA's headers and libraries from PyPI into build/cuda-wheels, where there is no toolkit.
deps-cuda:
	@tools/deps_cuda.sh

# On a machine with a GPU: all checks, or our step against PyTorch's; each under eight minutes. Where building is possible, what is out of date
# is built and packed into build/gpu first; elsewhere the build/ that was brought must hold a packed one.
check-gpu: gpu-pack
	@BUILD=$(B) tools/check_gpu.sh

bench-gpu: gpu-pack
	@python3 bench/bench_gpu.py --build $(B) $(BENCH)

.PHONY: gpu-pack
can_build := $(if $(filter %gpu gpu-pack,$(MAKECMDGOALS)),$(shell command -v $(CC) && command -v $(FLEX) && command -v $(BISON)))
ifeq ($(words $(can_build)),3)
gpu-pack: all $(B)/numeric/compare_safetensors $(B)/numeric/random_feed $(B)/numeric/keep_tensors
	@$(if $(cuda_include),BUILD=$(B) tools/pack_gpu.sh,echo 'gpu-pack: the device cuda was not built' >&2; exit 3)
else
gpu-pack:
	@test -d $(B)/gpu || { echo 'gpu-pack: $(CC), flex or bison is missing here, and no $(B)/gpu was brought along' >&2; exit 3; }
endif

bless: tests
	@BUILD=$(B) BLESS=1 tests/golden.sh
	@BUILD=$(B) BLESS=1 tests/e2e/generated.sh

# Man pages and completion for bash, zsh and fish, from what --help prints.
docs: $(B)/man/d2v.1
$(B)/man/d2v.1: $(B)/d2v $(B)/d2v-run $(wildcard tools/docs/*)
	$(Q)BUILD=$(B) tools/docs/make.sh

PREFIX ?= /usr/local
.PHONY: docs install uninstall
install: all docs
	@BUILD=$(B) PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' tools/install.sh install

uninstall:
	@BUILD=$(B) PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' tools/install.sh uninstall

format:
	clang-format -i $(filter %.c %.h,$(sources)) $(wildcard tests/*/*.[ch])

clean:
	rm -rf build build-san build-fuzz

help:
	@echo 'make          build build/d2v, build/d2v-run, build/d2v-cpu.so'
	@echo 'make setup    install the Debian packages that are missing (needs root or sudo only then)'
	@echo 'make check    setup, build, run every test; the last line counts them'
	@echo 'make demo     setup, build, train on Fashion-MNIST, evaluate, write a report'
	@echo 'make bench    our step against PyTorch on this machine; BENCH=--quick for the demo spec only'
	@echo 'make deps-cuda  headers and libraries of CUDA from PyPI, into build/cuda-wheels'
	@echo 'make check-gpu  everything that can only be seen on a GPU; then bench/results/DATE-gpu-check.json'
	@echo 'make bench-gpu  our step against PyTorch on a GPU; BENCH="--only vit_base" for one model'
	@echo 'make docs     man pages and completion for shells, in build/man and build/completion'
	@echo 'make install  programs, models, man pages, completion, editor files; PREFIX=/usr/local; make uninstall'
	@echo 'make bless    rewrite the exact expectations of the golden tests (read the diff!)'
	@echo 'make deps     check which room includes which (part of every build)'
	@echo 'make fuzz     look for input that crashes a parser (clang, FUZZ_SECONDS=60 for each)'
	@echo 'make format   clang-format over the C sources'
	@echo 'make clean    remove build/, build-san/ and build-fuzz/'
	@echo 'SAN=1         with any of these: AddressSanitizer and UBSan, in build-san/'
