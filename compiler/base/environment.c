/* environment: what the environment can say to both programs, as the part of --help that tells of it. Each is read where
 * it is used; tests/e2e/docs.sh holds this list against those places. */
#include "compiler/base/base.h"

const char environment_help[] =
	"environment:\n"
	"  D2V_CACHE=FOLDER           what is kept between runs ($XDG_CACHE_HOME/d2v or ~/.cache/d2v)\n"
	"  D2V_CACHE_SIZE=8G          how much of it; what was used longest ago goes first\n"
	"  D2V_THREADS=N              threads of the processor that compute (all)\n"
	"  D2V_BF16=any               bf16 also where the processor has no instructions for it\n"
	"  D2V_CC=cc D2V_CFLAGS=..    the compiler of the CPU's kernels; flags, which win over ours\n"
	"  D2V_CXX=c++ D2V_CXXFLAGS=..  the same for the device emulate\n"
	"  D2V_NVRTC_FLAGS=..         more options for NVRTC, such as -lineinfo\n"
	"  D2V_CUDA_LIBS=FOLDER       NVIDIA's libraries from here only (the system's, CUDA_HOME ..)\n"
	"  D2V_DEVICES=FOLDER         where d2v-cpu.so and its like are (beside d2v-run)\n"
	"  D2V_EMULATE_ORDER=reverse  order of threads on emulate: forward, reverse, shuffle[:SEED]\n"
	"  D2V_EMULATE_CHECK=1        on emulate: what a launch touches that it should not, and two\n"
	"                             threads or blocks that touch a byte in no order\n"
	"  D2V_PHASES=1               where the time before the first step goes, line by line\n"
	"  NO_COLOR=1                 messages without colour\n";
