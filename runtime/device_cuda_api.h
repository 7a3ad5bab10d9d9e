/* NVIDIA's driver and cuBLASLt as tables of functions, filled when the cuda device is opened: our
 * programs link to neither. One list per library; the toolkit's headers give the types, and their
 * renaming (cuMemAlloc is cuMemAlloc_v2) holds in the list as it does in calls. Only device_cuda*.c
 * include this. */
#ifndef D2V_DEVICE_CUDA_API_H
#define D2V_DEVICE_CUDA_API_H

#include "compiler/base/base.h"

#include <cublasLt.h>
#include <cuda.h>

#define DRIVER_FUNCTIONS(X)                                                                        \
	X(cuInit)                                                                                  \
	X(cuDriverGetVersion)                                                                      \
	X(cuGetErrorName)                                                                          \
	X(cuGetErrorString)                                                                        \
	X(cuDeviceGetCount)                                                                        \
	X(cuDeviceGet)                                                                             \
	X(cuDeviceGetName)                                                                         \
	X(cuDeviceGetAttribute)                                                                    \
	X(cuDevicePrimaryCtxSetFlags)                                                              \
	X(cuDevicePrimaryCtxRetain)                                                                \
	X(cuDevicePrimaryCtxRelease)                                                               \
	X(cuCtxSetCurrent)                                                                         \
	X(cuMemGetInfo)                                                                            \
	X(cuMemAlloc)                                                                              \
	X(cuMemFree)                                                                               \
	X(cuMemHostAlloc)                                                                          \
	X(cuMemFreeHost)                                                                           \
	X(cuMemcpyHtoDAsync)                                                                       \
	X(cuMemcpyDtoHAsync)                                                                       \
	X(cuMemcpyDtoDAsync)                                                                       \
	X(cuMemsetD8Async)                                                                         \
	X(cuStreamCreate)                                                                          \
	X(cuStreamDestroy)                                                                         \
	X(cuStreamSynchronize)                                                                     \
	X(cuStreamWaitEvent)                                                                       \
	X(cuStreamBeginCapture)                                                                    \
	X(cuStreamEndCapture)                                                                      \
	X(cuGraphInstantiate)                                                                      \
	X(cuGraphUpload)                                                                           \
	X(cuGraphLaunch)                                                                           \
	X(cuGraphDestroy)                                                                          \
	X(cuGraphExecDestroy)                                                                      \
	X(cuEventCreate)                                                                           \
	X(cuEventDestroy)                                                                          \
	X(cuEventRecord)                                                                           \
	X(cuEventSynchronize)                                                                      \
	X(cuEventElapsedTime)                                                                      \
	X(cuModuleLoadData)                                                                        \
	X(cuModuleUnload)                                                                          \
	X(cuModuleGetFunction)                                                                     \
	X(cuFuncGetAttribute)                                                                      \
	X(cuFuncSetAttribute)                                                                      \
	X(cuFuncGetParamInfo)                                                                      \
	X(cuLaunchKernel)

#define BLAS_FUNCTIONS(X)                                                                          \
	X(cublasLtGetVersion)                                                                      \
	X(cublasLtGetStatusName)                                                                   \
	X(cublasLtCreate)                                                                          \
	X(cublasLtDestroy)                                                                         \
	X(cublasLtMatmul)                                                                          \
	X(cublasLtMatmulDescCreate)                                                                \
	X(cublasLtMatmulDescDestroy)                                                               \
	X(cublasLtMatmulDescSetAttribute)                                                          \
	X(cublasLtMatrixLayoutCreate)                                                              \
	X(cublasLtMatrixLayoutDestroy)                                                             \
	X(cublasLtMatrixLayoutSetAttribute)                                                        \
	X(cublasLtMatmulPreferenceCreate)                                                          \
	X(cublasLtMatmulPreferenceDestroy)                                                         \
	X(cublasLtMatmulPreferenceSetAttribute)                                                    \
	X(cublasLtMatmulAlgoGetHeuristic)                                                          \
	X(cublasLtMatmulAlgoCheck)                                                                 \
	X(cublasLtMatmulAlgoConfigGetAttribute)

typedef struct {
#define FIELD(f) __typeof__(&f) f;
	DRIVER_FUNCTIONS(FIELD)
	BLAS_FUNCTIONS(FIELD)
#undef FIELD
} CudaApi;

/* The table with the driver's functions, then the same with cuBLASLt's, or FAIL with a sentence: which
 * library, where it was looked for, which function it lacks. */
Status cuda_api_driver(const CudaApi **out);
Status cuda_api_blas(void);

/* FAIL with what was being done and the driver's words, unless it went well. */
Status cuda_check(const CudaApi *cu, CUresult e, const char *fmt, ...) PRINTF(3, 4);

#endif
