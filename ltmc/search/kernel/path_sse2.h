/* SSE2, which every x86-64 has: as AVX2, half as wide. */
#include <emmintrin.h>

#define PATH sse2
#define TARGET
#define WIDTH 4
#define TILE_ROWS 5
#define TILE_SUMS 2
#define TILE_OUTPUTS 4
#include "path_names.h"

typedef int16_t activation;
typedef __m128i operand;
typedef __m128i sum;

INLINE floats maximum(floats a, floats b) { return (floats)_mm_max_ps((__m128)a, (__m128)b); }
INLINE floats to_floats(sum a) { return (floats)_mm_cvtepi32_ps(a); }
INLINE floats from_halves(const uint16_t *p)
{
    /* Exponents of floats are 112 more than those of halves; multiplying mends numbers below the normal too. */
    const __m128i half = _mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *)p), _mm_setzero_si128());
    const __m128i bits = _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x7fff)), 13);
    const __m128 value = _mm_mul_ps(_mm_castsi128_ps(bits), _mm_castsi128_ps(_mm_set1_epi32((127 + 112) << 23)));
    const __m128i sign = _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x8000)), 16);
    return (floats)_mm_or_ps(value, _mm_castsi128_ps(sign));
}
INLINE floats from_bytes(const int8_t *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    const __m128i bytes = _mm_cvtsi32_si128(four), words = _mm_unpacklo_epi8(bytes, bytes);
    return (floats)_mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(words, words), 24));
}
INLINE void store_activations(activation *p, floats a)
{
    const __m128i words = _mm_packs_epi32(_mm_cvtps_epi32((__m128)a), _mm_setzero_si128());
    const __m128i bounded = _mm_max_epi16(_mm_min_epi16(words, _mm_set1_epi16(255)), _mm_setzero_si128());
    _mm_storel_epi64((__m128i *)p, bounded);
}
INLINE void load_weights(const int8_t *p, size_t block, operand *weights)
{
    (void)block;
    const __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    weights[0] = _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
    weights[1] = _mm_srai_epi16(_mm_unpackhi_epi8(bytes, bytes), 8);
}
INLINE operand spread(const activation *p)
{
    const __m128i four = _mm_loadl_epi64((const __m128i *)p);
    return _mm_unpacklo_epi64(four, four);
}
INLINE sum multiply_add(sum a, operand activations, operand weights)
{
    return _mm_add_epi32(a, _mm_madd_epi16(activations, weights));
}
INLINE sum outputs_of(const sum *sums, int i)
{
    (void)i;
    const __m128 a = _mm_castsi128_ps(sums[0]), b = _mm_castsi128_ps(sums[1]);
    return _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(a, b, 0x88)), _mm_castps_si128(_mm_shuffle_ps(a, b, 0xdd)));
}
INLINE sum dot_step(sum a, const uint8_t *vector, const int8_t *query)
{
    const __m128i values = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)vector), _mm_setzero_si128());
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)query);
    return multiply_add(a, values, _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8));
}
#define DOT_STEP 8
