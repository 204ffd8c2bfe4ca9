/* NEON with the dot product of ARMv8.2. */
#define PATH neondot
#define TARGET __attribute__((target("dotprod")))
#define TILE_ROWS 6
#define TILE_SUMS 4
#define TILE_OUTPUTS 16
#include "path_neon_common.h"

typedef int8x16_t operand;

INLINE void load_weights(const int8_t *p, size_t block, operand *weights)
{
    (void)block;
    for (int i = 0; i < TILE_SUMS; i++)
        weights[i] = vld1q_s8(p + 16 * i);
}
INLINE operand spread(const activation *p)
{
    const int8x8_t half = spread_half(p);
    return vcombine_s8(half, half);
}
INLINE sum multiply_add(sum a, operand activations, operand weights) { return vdotq_s32(a, activations, weights); }
INLINE sum outputs_of(const sum *sums, int i) { return sums[i]; }
INLINE sum dot_step(sum a, const uint8_t *vector, const int8_t *query)
{
    return vdotq_s32(a, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(vector), vdupq_n_u8(128))), vld1q_s8(query));
}
#define DOT_STEP 16
