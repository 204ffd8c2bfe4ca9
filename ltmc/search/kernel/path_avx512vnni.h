/* AVX-512 with VNNI: 16 floats; unsigned activations times signed weights, four to a sum. */
#include <immintrin.h>

#define PATH avx512vnni
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")))
#define WIDTH 16
#define TILE_ROWS 6
#define TILE_SUMS 4
#define TILE_OUTPUTS 64
#include "path_names.h"

typedef uint8_t activation;
typedef __m512i operand;
typedef __m512i sum;

INLINE floats maximum(floats a, floats b) { return (floats)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE floats to_floats(sum a) { return (floats)_mm512_cvtepi32_ps(a); }
INLINE floats from_halves(const uint16_t *p)
{
    return (floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
INLINE floats from_bytes(const int8_t *p)
{
    return (floats)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
INLINE void store_activations(activation *p, floats a)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32((__m512)a)));
}
INLINE void load_weights(const int8_t *p, size_t block, operand *weights)
{
    for (int i = 0; i < TILE_SUMS; i++)
        weights[i] = _mm512_loadu_si512(p + i * block);
}
INLINE operand spread(const activation *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}
INLINE sum multiply_add(sum a, operand activations, operand weights)
{
    return _mm512_dpbusd_epi32(a, activations, weights);
}
INLINE sum outputs_of(const sum *sums, int i) { return sums[i]; }
INLINE sum dot_step(sum a, const uint8_t *vector, const int8_t *query)
{
    return _mm512_dpbusd_epi32(a, _mm512_loadu_si512(vector), _mm512_loadu_si512(query));
}
#define DOT_STEP 64
