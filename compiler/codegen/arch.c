/* arch: what a generation of GPUs gives a block, for kernels that fill a multiprocessor. Numbers
 * are those of the generation's data-centre part, or of its largest where there is none; a program
 * runs on others too, if its blocks fit. */
#include "compiler/codegen/codegen.h"

#include <stdlib.h>
#include <string.h>

/* Shared memory: "Maximum amount of shared memory per thread block" of the CUDA programming guide,
 * by compute capability. */
static const struct {
	int number;
	Gpu gpu;
} table[] = {
	{80, {108, 163 << 10, ATTEND_CUDA_TOKENS}},  /* A100 */
	{86, {84, 99 << 10, 896}},                   /* A40 */
	{87, {16, 163 << 10, ATTEND_CUDA_TOKENS}},   /* Orin */
	{89, {142, 99 << 10, 896}},                  /* L40 */
	{90, {132, 227 << 10, ATTEND_CUDA_TOKENS}},  /* H100, H200 */
	{100, {148, 227 << 10, ATTEND_CUDA_TOKENS}}, /* B200 */
	{120, {170, 99 << 10, 896}},                 /* RTX 5090 */
};

Gpu
gpu_of(const char *arch)
{
	int number = arch && strncmp(arch, "sm_", 3) == 0 ? atoi(arch + 3) : 90, best = 0;

	for (int i = 0; i < COUNT(table); i++)
		if (table[i].number <= number)
			best = i;
	return table[best].gpu;
}
