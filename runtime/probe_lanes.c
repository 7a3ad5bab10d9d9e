/* probe_lanes: the probe's products have one side as wide as there are classes, a shape in which a
 * general matrix product spends its time packing: at 2,048 features and 10 classes oneDNN's sgemm
 * gave 20 GFLOP/s a core on a machine where this gives 34. So classes lie side by side in
 * vectors. */
#include "runtime/eval_private.h"

#if defined(__x86_64__)
#define NAME(f) f##_512
#define TARGET __attribute__((target("avx512f")))
#include "runtime/probe_lanes.h"
#undef NAME
#undef TARGET
#define NAME(f) f##_256
#define TARGET __attribute__((target("avx2,fma")))
#include "runtime/probe_lanes.h"
#undef NAME
#undef TARGET
#endif
#define NAME(f) f##_any
#define TARGET
#include "runtime/probe_lanes.h"

#define LANES(width)                                                                               \
	{                                                                                          \
		scores_##width, gradient_##width, subtract_##width, solve_##width                  \
	}

const ProbeLanes *
probe_lanes(void)
{
	static const ProbeLanes any = LANES(any);
#if defined(__x86_64__)
	static const ProbeLanes of_512 = LANES(512), of_256 = LANES(256);

	if (__builtin_cpu_supports("avx512f"))
		return &of_512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &of_256;
#endif
	return &any;
}
