/* NEON, which every 64-bit ARM has. Each output has two sums of every other pair, added at the end. */
#define PATH neon
#define TARGET
#define TILE_ROWS 6
#define TILE_SUMS 2
#define TILE_OUTPUTS 4
#include "path_neon_common.h"

typedef int8x8_t operand;

INLINE void load_weights(const int8_t *p, size_t block, operand *weights)
{
    (void)block;
    weights[0] = vld1_s8(p);
    weights[1] = vld1_s8(p + 8);
}
INLINE operand spread(const activation *p) { return spread_half(p); }
INLINE sum multiply_add(sum a, operand activations, operand weights)
{
    return multiply_add_pairs(a, activations, weights);
}
INLINE sum outputs_of(const sum *sums, int i)
{
    (void)i;
    return vpaddq_s32(sums[0], sums[1]);
}
/* Stored values are 128 too large; an exclusive or with 128 makes them signed. */
INLINE sum dot_step(sum a, const uint8_t *vector, const int8_t *query)
{
    return multiply_add_pairs(a, vreinterpret_s8_u8(veor_u8(vld1_u8(vector), vdup_n_u8(128))), vld1_s8(query));
}
#define DOT_STEP 8
