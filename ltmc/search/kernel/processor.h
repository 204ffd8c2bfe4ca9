/* Which paths this processor can run. Asked of the processor itself: __builtin_cpu_supports needs a runtime that
 * not every compiler links, and then says no to everything. */
#include "kernel.h"

/* From the least to the best on each processor. */
#if defined(__x86_64__)
enum { PATH_SSE2, PATH_AVX2, PATH_AVXVNNI, PATH_AVX512VNNI, PATHS };
static const char *const path_names[PATHS] = {"sse2", "avx2", "avxvnni", "avx512vnni"};
#elif defined(__aarch64__)
enum { PATH_NEON, PATH_NEONDOT, PATHS };
static const char *const path_names[PATHS] = {"neon", "neondot"};
#else
#error "there is no path for this processor"
#endif

#if defined(__x86_64__)
#include <cpuid.h>

static int has_path(int path)
{
    enum { AVX_STATE = 0x06, AVX512_STATE = 0xe6 }; /* registers that the system saves */
    unsigned a, b, c, d, unused, state, high;
    if (path == PATH_SSE2)
        return 1; /* part of x86-64 */
    if (__get_cpuid_max(0, NULL) < 7)
        return 0;
    __cpuid(1, a, b, c, d);
    const int fma = c >> 12 & 1, f16c = c >> 29 & 1, xsave = c >> 27 & 1;
    if (!fma || !f16c || !xsave)
        return 0;
    __asm__("xgetbv" : "=a"(state), "=d"(high) : "c"(0));
    __cpuid_count(7, 0, a, b, c, d);
    const int avx2 = (state & AVX_STATE) == AVX_STATE && b >> 5 & 1;
    if (path == PATH_AVX2 || !avx2)
        return avx2;
    if (path == PATH_AVX512VNNI) {
        const unsigned f = b >> 16, dq = b >> 17, bw = b >> 30, vl = b >> 31, vnni = c >> 11;
        return (state & AVX512_STATE) == AVX512_STATE && (f & dq & bw & vl & vnni & 1);
    }
    if (a < 1)
        return 0;
    __cpuid_count(7, 1, a, b, unused, d);
    return a >> 4 & 1;
}
#elif defined(__APPLE__)
static int has_path(int path)
{
    return path <= PATH_NEONDOT; /* every Apple processor of 64 bits that runs macOS */
}
#elif defined(_WIN32)
#include <windows.h>
static int has_path(int path)
{
    return path == PATH_NEON || IsProcessorFeaturePresent(43 /* PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE */);
}
#else
#include <sys/auxv.h>
static int has_path(int path)
{
    return path == PATH_NEON || (getauxval(AT_HWCAP) >> 20 & 1 /* HWCAP_ASIMDDP */);
}
#endif
