/* AVX2 with AVX-VNNI, of processors that have no AVX-512: as that, half as wide. */
#include <immintrin.h>

#define PATH avxvnni
#define TARGET __attribute__((target("avx2,fma,f16c,avxvnni")))
#define WIDTH 8
#define TILE_ROWS 6
#define TILE_SUMS 2
#define TILE_OUTPUTS 16
#include "path_names.h"

typedef uint8_t activation;
typedef __m256i operand;
typedef __m256i sum;

#include "path_avx_common.h"

INLINE void store_activations(activation *p, floats a)
{
    const __m256i whole = _mm256_cvtps_epi32((__m256)a);
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}
INLINE void load_weights(const int8_t *p, size_t block, operand *weights)
{
    (void)block;
    weights[0] = _mm256_loadu_si256((const __m256i *)p);
    weights[1] = _mm256_loadu_si256((const __m256i *)(p + 32));
}
INLINE operand spread(const activation *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}
INLINE sum multiply_add(sum a, operand activations, operand weights)
{
    return _mm256_dpbusd_avx_epi32(a, activations, weights);
}
INLINE sum outputs_of(const sum *sums, int i) { return sums[i]; }
INLINE sum dot_step(sum a, const uint8_t *vector, const int8_t *query)
{
    return _mm256_dpbusd_avx_epi32(a, _mm256_loadu_si256((const __m256i *)vector),
                                   _mm256_loadu_si256((const __m256i *)query));
}
#define DOT_STEP 32
