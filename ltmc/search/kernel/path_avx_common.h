/* What the two paths with 8 floats share. */
INLINE floats maximum(floats a, floats b) { return (floats)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE floats to_floats(sum a) { return (floats)_mm256_cvtepi32_ps(a); }
INLINE floats from_halves(const uint16_t *p) { return (floats)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
INLINE floats from_bytes(const int8_t *p)
{
    return (floats)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
