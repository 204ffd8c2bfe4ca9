/* A layer with float weights, for the path of encoder.h, which includes this: what a model is fitted to, and judged
 * by, when its file is made. */

/* out = weight * in + bias for each row; a few rows and outputs at a time, so that their sums stay in registers. */
NOT_INLINE void linear_float(const float *weight, const float *bias, const float *in, int rows, int inputs,
                             int outputs, float *out)
{
    for (int o = 0; o < outputs; o += FLOAT_OUTPUTS)
        for (int first = 0; first < rows; first += FLOAT_ROWS) {
            const float *row[FLOAT_ROWS];
            floats sums[FLOAT_ROWS][FLOAT_OUTPUTS] = {{{0}}};
            for (int r = 0; r < FLOAT_ROWS; r++)
                row[r] = in + (size_t)(first + r < rows ? first + r : rows - 1) * inputs;
            for (int k = 0; k < inputs; k += WIDTH)
                UNROLL for (int j = 0; j < FLOAT_OUTPUTS; j++) {
                    const floats value = LOAD(weight + (size_t)(o + j) * inputs + k);
                    UNROLL for (int r = 0; r < FLOAT_ROWS; r++)
                        sums[r][j] += LOAD(row[r] + k) * value;
                }
            for (int r = 0; r < FLOAT_ROWS && first + r < rows; r++)
                for (int j = 0; j < FLOAT_OUTPUTS; j++)
                    out[(size_t)(first + r) * outputs + o + j] = total(sums[r][j]) + bias[o + j];
        }
}

/* Note the largest size of each input channel, if asked; returns where those of the next map belong. */
NOT_INLINE float *note_largest(const float *in, int rows, int width, float *largest)
{
    if (!largest)
        return NULL;
    for (int r = 0; r < rows; r++, in += width)
        for (int i = 0; i < width; i += WIDTH) {
            const floats value = LOAD(in + i);
            STORE(largest + i, maximum(LOAD(largest + i), maximum(value, -value)));
        }
    return largest + width;
}

/* Texts whose tokens are `rows` in all: x becomes what the layer makes of it. `block` is aligned to 64 bytes. */
NOT_INLINE void float_layer(const Model *model, const FloatLayer *layer, float *x, const int32_t *lengths, int texts,
                            int rows, uint8_t *block, float *largest)
{
    const int hidden = model->hidden, inner = model->inner;
    const float factor = 1.f / __builtin_sqrtf((float)(hidden / model->heads));
    Scratch s;
    scratch_bytes(model, rows, block, &s);
    largest = note_largest(x, rows, hidden, largest);
    linear_float(layer->weight[0], layer->bias[0], x, rows, hidden, 3 * hidden, s.in);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < hidden; i++)
            s.in[(size_t)r * 3 * hidden + i] *= factor;
    size_t row = 0;
    for (int i = 0; i < texts; i++) {
        attend(model, s.in + row * 3 * hidden, lengths[i], s.y + row * hidden, s);
        row += lengths[i];
    }
    largest = note_largest(s.y, rows, hidden, largest);
    linear_float(layer->weight[1], layer->bias[1], s.y, rows, hidden, hidden, s.in);
    add_norm(x, s.in, rows, hidden, model->epsilon, layer->attention_norm);
    for (int r = 0; r < rows; r += INNER_ROWS, x += (size_t)INNER_ROWS * hidden) {
        const int count = rows - r < INNER_ROWS ? rows - r : INNER_ROWS;
        float *of_middle = note_largest(x, count, hidden, largest);
        linear_float(layer->weight[2], layer->bias[2], x, count, hidden, inner, s.middle);
        for (size_t i = 0; i < (size_t)count * inner; i += WIDTH)
            STORE(s.middle + i, gelu(LOAD(s.middle + i)));
        note_largest(s.middle, count, inner, of_middle);
        linear_float(layer->weight[3], layer->bias[3], s.middle, count, inner, hidden, s.y);
        add_norm(x, s.y, count, hidden, model->epsilon, layer->output_norm);
    }
}
