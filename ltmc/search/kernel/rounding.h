/* Float weights to those of a model file. */
#include "kernel.h"

static int8_t rounded(float value)
{
    const float bounded = value > -127.f ? value < 127.f ? value : 127.f : -127.f; /* not a number: -127 */
    return (int8_t)(int)(bounded < 0 ? bounded - .5f : bounded + .5f);
}

static float largest_of(const float *values, int count)
{
    float found = 0;
    for (int i = 0; i < count; i++) {
        const float size = __builtin_fabsf(values[i]);
        found = size > found ? size : found;
    }
    return found;
}

/* The scale whose rounding loses least; the largest weights may be cut. `importance`: of each input's error. */
static float best_scale(const float *weights, const float *importance, int count)
{
    const float largest = largest_of(weights, count);
    float best = largest / 127.f, least = -1;
    for (int step = 0; step < 8 && largest > 0; step++) {
        const float scale = largest * (1.f - .04f * (float)step) / 127.f, inverse = 1.f / scale;
        float lost = 0;
        for (int i = 0; i < count; i++) {
            const float error = (float)rounded(weights[i] * inverse) * scale - weights[i];
            lost += error * error * importance[i];
        }
        if (least < 0 || lost < least)
            least = lost, best = scale;
    }
    return best;
}

static void round_words(const float *rows, size_t count, int width, uint8_t *out)
{
    for (size_t r = 0; r < count; r++, rows += width) {
        const float scale = largest_of(rows, width) / 127.f, inverse = scale > 0 ? 1.f / scale : 0;
        memcpy(out, &scale, sizeof scale);
        out += sizeof scale;
        for (int i = 0; i < width; i++)
            *out++ = (uint8_t)rounded(rows[i] * inverse);
    }
}

/* Write the sections of a linear map (see take_linear) to `out`, whose sections are multiples of 64 bytes.
 *
 * Each input channel is divided, and its weights multiplied, by a factor between its own size and theirs, for a few
 * channels are far larger than the others (SmoothQuant). largest: of each input channel. The first `scaled` outputs
 * are multiplied by `factor`. `row` has room for 2 * inputs. */
static void round_linear(const float *weight, const float *bias, int inputs, int outputs, const float *largest,
                         int scaled, float factor, float *row, float *out)
{
    float *input_factors = out, *scales = out + inputs, *sums = scales + outputs, *biases = sums + outputs;
    int8_t *weights = (int8_t *)(biases + outputs);
    float *importance = row + inputs;
    for (int i = 0; i < inputs; i++) {
        float of_weights = 0;
        for (int o = 0; o < outputs; o++) {
            const float size = __builtin_fabsf(weight[(size_t)o * inputs + i]);
            of_weights = size > of_weights ? size : of_weights;
        }
        input_factors[i] = __builtin_sqrtf((of_weights + 1e-4f) / (largest[i] + 1e-3f));
        importance[i] = largest[i] * input_factors[i] * (largest[i] * input_factors[i]);
    }
    for (int o = 0; o < outputs; o++, weight += inputs) {
        for (int i = 0; i < inputs; i++)
            row[i] = weight[i] / input_factors[i];
        const float scale = best_scale(row, importance, inputs), inverse = scale > 0 ? 1.f / scale : 0;
        const float by = o < scaled ? factor : 1.f;
        int64_t sum = 0;
        for (int i = 0; i < inputs; i++) {
            const int8_t value = rounded(row[i] * inverse);
            weights[(size_t)(o & ~15) * inputs + (size_t)(i & ~3) * 16 + (o & 15) * 4 + (i & 3)] = value;
            sum += value;
        }
        scales[o] = scale * by;
        sums[o] = (float)sum * scale * by;
        biases[o] = bias[o] * by;
    }
}
