/* AVX2: 8 floats. Bytes are widened to 16 bits, because its product of bytes saturates; each output then has two
 * sums of every other pair, added at the end. */
#include <immintrin.h>

#define PATH avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define WIDTH 8
#define TILE_ROWS 6
#define TILE_SUMS 2
#define TILE_OUTPUTS 8
#include "path_names.h"

typedef int16_t activation;
typedef __m256i operand;
typedef __m256i sum;

#include "path_avx_common.h"

INLINE void store_activations(activation *p, floats a)
{
    const __m256i whole = _mm256_min_epi32(_mm256_cvtps_epi32((__m256)a), _mm256_set1_epi32(255));
    _mm_storeu_si128((__m128i *)p,
                     _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}
INLINE void load_weights(const int8_t *p, size_t block, operand *weights)
{
    (void)block;
    weights[0] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
    weights[1] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(p + 16)));
}
INLINE operand spread(const activation *p)
{
    int64_t four;
    memcpy(&four, p, 8);
    return _mm256_set1_epi64x(four);
}
INLINE sum multiply_add(sum a, operand activations, operand weights)
{
    return _mm256_add_epi32(a, _mm256_madd_epi16(activations, weights));
}
INLINE sum outputs_of(const sum *sums, int i)
{
    (void)i;
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(sums[0], sums[1]), 0xd8);
}
INLINE sum dot_step(sum a, const uint8_t *vector, const int8_t *query)
{
    return multiply_add(a, _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)vector)),
                        _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)query)));
}
#define DOT_STEP 16
