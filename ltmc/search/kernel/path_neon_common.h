/* What the two paths of 64-bit ARM share: 4 floats, and activations less 128, because products are of signed bytes. */
#include <arm_neon.h>

#define WIDTH 4
#define ACTIVATION_BIAS 128
#include "path_names.h"

typedef int8_t activation;
typedef int32x4_t sum;

INLINE floats maximum(floats a, floats b) { return (floats)vmaxq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE floats to_floats(sum a) { return (floats)vcvtq_f32_s32(a); }
INLINE floats from_halves(const uint16_t *p) { return (floats)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
INLINE floats from_bytes(const int8_t *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return (floats)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four))))));
}
INLINE void store_activations(activation *p, floats a)
{
    const int32x4_t whole = vsubq_s32(vcvtnq_s32_f32((float32x4_t)a), vdupq_n_s32(ACTIVATION_BIAS));
    const int16x4_t words = vqmovn_s32(whole);
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(words, words))), 0);
    memcpy(p, &four, 4);
}
INLINE sum multiply_add_pairs(sum a, int8x8_t b, int8x8_t c) { return vpadalq_s16(a, vmull_s8(b, c)); }
INLINE int8x8_t spread_half(const activation *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return vreinterpret_s8_s32(vdup_n_s32(four));
}
