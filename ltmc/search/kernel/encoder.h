/* The transformer, for the path whose path_*.h was included before. */

#define LOAD(p) (*(const unaligned *)(p))
#define STORE(p, v) (*(unaligned *)(p) = (v))
#define ALL(x) ((floats){0} + (x))
#define UNROLL _Pragma("GCC unroll 16")

INLINE float total(floats a)
{
    float result = 0;
    for (int i = 0; i < WIDTH; i++)
        result += a[i];
    return result;
}

INLINE float largest(floats a)
{
    float result = a[0];
    for (int i = 1; i < WIDTH; i++)
        result = a[i] > result ? a[i] : result;
    return result;
}

/* exp(x) for x <= 0, to 2e-7: 2 to the whole part of x / ln 2, times a polynomial of the rest. */
INLINE floats exponential(floats x)
{
    const float round = 12582912.f; /* 1.5 * 2**23: adding it leaves a whole number in the lowest bits */
    const floats power = maximum(x, ALL(-87.f)) * 1.44269504088896341f, whole = power + round;
    const floats rest = power - (whole - round);
    floats value = rest * 1.535336188319500e-4f + 1.339887440266574e-3f;
    value = value * rest + 9.618437357674640e-3f;
    value = value * rest + 5.550332471162809e-2f;
    value = value * rest + 2.402264791363012e-1f;
    value = value * rest + 6.931472028550421e-1f;
    value = value * rest + 1.f;
    return (floats)((integers)value + ((integers)whole << 23));
}

/* x * Phi(x), with the error function of Abramowitz and Stegun 7.1.26, to 1.5e-7. */
INLINE floats gelu(floats x)
{
    const floats size = maximum(x, -x), z = size * 0.70710678118654752f, t = 1.f / (z * .3275911f + 1.f);
    floats tail = t * 1.061405429f - 1.453152027f;
    tail = tail * t + 1.421413741f;
    tail = tail * t - 0.284496736f;
    tail = tail * t + 0.254829592f;
    return maximum(x, ALL(0.f)) - 0.5f * size * (tail * t * exponential(-z * z));
}

/* Rows of activations: value = low + scale * byte. */
typedef struct {
    activation *bytes;
    float *scale, *low;
} Rows;

/* Each row of `input`, times the factors, to bytes over its own range. */
NOT_INLINE void quantise(const float *input, const float *factors, int rows, int width, Rows out)
{
    for (int r = 0; r < rows; r++, input += width) {
        activation *bytes = out.bytes + (size_t)r * width;
        floats high = LOAD(input) * LOAD(factors), low = -high;
        for (int i = WIDTH; i < width; i += WIDTH) {
            const floats value = LOAD(input + i) * LOAD(factors + i);
            high = maximum(high, value);
            low = maximum(low, -value);
        }
        const float least = -largest(low), range = largest(high) - least, scale = range / 255.f;
        const float inverse = range > 0 ? 255.f / range : 0.f;
        out.scale[r] = scale;
        out.low[r] = least + ACTIVATION_BIAS * scale;
        for (int i = 0; i < width; i += WIDTH)
            store_activations(bytes + i, (LOAD(input + i) * LOAD(factors + i) - least) * inverse);
    }
}

/* TILE_OUTPUTS outputs of up to TILE_ROWS rows; `rows` and `with_gelu` are constants where this is inlined. */
INLINE void tile(const int rows, const int with_gelu, const Linear *weights, Rows in, int first_row, int column,
                 float *out)
{
    const size_t depth = weights->inputs;
    const activation *bytes = in.bytes + first_row * depth;
    const int8_t *p = weights->weights + (column & ~15) * depth + (column & 15) * 4;
    sum sums[TILE_ROWS][TILE_SUMS];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int i = 0; i < TILE_SUMS; i++)
            sums[r][i] = (sum){0};
    for (size_t k = 0; k < depth; k += 4, p += 64) {
        operand four[TILE_SUMS];
        load_weights(p, depth * 16, four);
        UNROLL for (int r = 0; r < rows; r++) {
            const operand input = spread(bytes + r * depth + k);
            UNROLL for (int i = 0; i < TILE_SUMS; i++)
                sums[r][i] = multiply_add(sums[r][i], input, four[i]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        const float scale = in.scale[first_row + r], low = in.low[first_row + r];
        float *row = out + (size_t)(first_row + r) * weights->outputs + column;
        UNROLL for (int i = 0; i < TILE_OUTPUTS / WIDTH; i++) {
            const int c = column + i * WIDTH;
            const floats value = to_floats(outputs_of(sums[r], i)) * (scale * LOAD(weights->scales + c)) +
                                 (low * LOAD(weights->sums + c) + LOAD(weights->bias + c));
            STORE(row + i * WIDTH, with_gelu ? gelu(value) : value);
        }
    }
}

/* Tiles of one column of tiles lie within the loop over rows, so that their weights stay in the first cache. */
INLINE void linear(const int with_gelu, const Linear *weights, Rows in, int rows, float *out)
{
    for (int column = 0; column < weights->outputs; column += TILE_OUTPUTS) {
        int r = 0;
        for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
            tile(TILE_ROWS, with_gelu, weights, in, r, column, out);
        switch (rows - r) {
#if TILE_ROWS > 5
        case 5:
            tile(5, with_gelu, weights, in, r, column, out);
            break;
#endif
        case 4:
            tile(4, with_gelu, weights, in, r, column, out);
            break;
        case 3:
            tile(3, with_gelu, weights, in, r, column, out);
            break;
        case 2:
            tile(2, with_gelu, weights, in, r, column, out);
            break;
        case 1:
            tile(1, with_gelu, weights, in, r, column, out);
            break;
        }
    }
}

NOT_INLINE void linear_plain(const Linear *weights, Rows in, int rows, float *out)
{
    linear(0, weights, in, rows, out);
}

NOT_INLINE void linear_gelu(const Linear *weights, Rows in, int rows, float *out)
{
    linear(1, weights, in, rows, out);
}

/* x = norm(x + added); `added` may be NULL. */
NOT_INLINE void add_norm(float *x, const float *added, int rows, int hidden, float epsilon, Norm norm)
{
    for (int r = 0; r < rows; r++, x += hidden) {
        floats sums = {0}, squares = {0};
        for (int i = 0; i < hidden; i += WIDTH) {
            floats value = LOAD(x + i);
            if (added)
                value += LOAD(added + (size_t)r * hidden + i);
            sums += value;
            STORE(x + i, value);
        }
        const float mean = total(sums) / hidden;
        for (int i = 0; i < hidden; i += WIDTH) {
            const floats value = LOAD(x + i) - mean;
            squares += value * value;
        }
        const float inverse = 1.f / __builtin_sqrtf(total(squares) / hidden + epsilon);
        for (int i = 0; i < hidden; i += WIDTH)
            STORE(x + i, (LOAD(x + i) - mean) * (inverse * LOAD(norm.gain + i)) + LOAD(norm.bias + i));
    }
}

typedef struct {
    float *x;      /* [rows][hidden], what goes through the layers */
    float *y;      /* the same, what a layer adds to it */
    float *in;     /* [rows][3 * hidden], queries, keys and values */
    float *middle; /* [INNER_ROWS][inner] */
    float *keys;   /* [head size][padded length], of one head */
    float *values; /* [padded length][head size] */
    float *scores; /* [QUERIES][padded length] */
    Rows rows;     /* [rows][hidden], or [INNER_ROWS][inner] */
} Scratch;

enum { OF_PATH(QUERIES) = 4, OF_PATH(KEY_STEP) = 2 * WIDTH };
#define QUERIES OF_PATH(QUERIES)
#define KEY_STEP OF_PATH(KEY_STEP)

/* Make of `length` scores exponentials; 1 over their sum. What pads them becomes 0. */
INLINE float softmax(float *scores, int length, int padded)
{
    for (int i = length; i < padded; i++)
        scores[i] = -1e30f;
    floats top = LOAD(scores), sums = {0};
    for (int i = WIDTH; i < padded; i += WIDTH)
        top = maximum(top, LOAD(scores + i));
    const float highest = largest(top);
    for (int i = 0; i < padded; i += WIDTH) {
        const floats value = exponential(LOAD(scores + i) - highest);
        STORE(scores + i, value);
        sums += value;
    }
    return 1.f / total(sums);
}

/* One head of one text, in floats: `in` points to its queries in the first row, `out` to its place in the result.
 * `size` is a constant where this is inlined. Scores of four queries and two vectors of keys stay in registers. */
INLINE void attend_head(const int size, int hidden, const float *in, int length, const float *distance_bias,
                        float *out, Scratch s)
{
    const int padded = (length + KEY_STEP - 1) / KEY_STEP * KEY_STEP;
    const size_t stride = 3 * (size_t)hidden;
    for (int i = 0; i < length; i++) {
        const float *key = in + i * stride + hidden;
        for (int d = 0; d < size; d++)
            s.keys[(size_t)d * padded + i] = key[d];
        memcpy(s.values + (size_t)i * size, key + hidden, size * sizeof(float));
    }
    for (int d = 0; d < size; d++)
        for (int i = length; i < padded; i++)
            s.keys[(size_t)d * padded + i] = 0;
    for (int first = 0; first < length; first += QUERIES) {
        const float *query[QUERIES];
        float inverse[QUERIES];
        const int queries = length - first < QUERIES ? length - first : QUERIES;
        for (int r = 0; r < QUERIES; r++)
            query[r] = in + (first + (r < queries ? r : queries - 1)) * stride;
        for (int j = 0; j < padded; j += KEY_STEP) {
            floats score[QUERIES][2] = {{{0}}};
            for (int d = 0; d < size; d++) {
                const floats left = LOAD(s.keys + (size_t)d * padded + j);
                const floats right = LOAD(s.keys + (size_t)d * padded + j + WIDTH);
                UNROLL for (int r = 0; r < QUERIES; r++) {
                    score[r][0] += query[r][d] * left;
                    score[r][1] += query[r][d] * right;
                }
            }
            UNROLL for (int r = 0; r < QUERIES; r++) {
                STORE(s.scores + (size_t)r * padded + j, score[r][0]);
                STORE(s.scores + (size_t)r * padded + j + WIDTH, score[r][1]);
            }
        }
        for (int r = 0; r < QUERIES; r++) {
            float *scores = s.scores + (size_t)r * padded;
            if (distance_bias && r < queries)
                for (int j = 0; j < length; j++)
                    scores[j] += distance_bias[j - (first + r)];
            inverse[r] = softmax(scores, length, padded);
        }
        floats result[QUERIES][64 / WIDTH] = {{{0}}};
        for (int i = 0; i < length; i++)
            UNROLL for (int j = 0; j < size / WIDTH; j++) {
                const floats value = LOAD(s.values + (size_t)i * size + j * WIDTH);
                UNROLL for (int r = 0; r < QUERIES; r++)
                    result[r][j] += s.scores[(size_t)r * padded + i] * value;
            }
        for (int r = 0; r < queries; r++)
            UNROLL for (int j = 0; j < size / WIDTH; j++)
                STORE(out + (size_t)(first + r) * hidden + j * WIDTH, result[r][j] * inverse[r]);
    }
}

NOT_INLINE void attend(const Model *model, const float *in, int length, float *out, Scratch s)
{
    const int hidden = model->hidden, size = hidden / model->heads, distances = 2 * model->positions - 1;
    for (int h = 0; h < model->heads; h++) {
        const float *bias = model->distance_bias;
        if (bias)
            bias += (size_t)h * distances + model->positions - 1; /* of distance 0 */
        if (size == 32)
            attend_head(32, hidden, in + h * size, length, bias, out + h * size, s);
        else
            attend_head(64, hidden, in + h * size, length, bias, out + h * size, s);
    }
}

NOT_INLINE void embed_words(const Model *model, const int32_t *ids, int length, float *out)
{
    const int hidden = model->hidden;
    for (int i = 0; i < length; i++, out += hidden) {
        const uint8_t *word = model->words + (size_t)ids[i] * (hidden + sizeof(float));
        const uint16_t *place = model->places + (size_t)i * hidden;
        const int8_t *values = (const int8_t *)word + sizeof(float);
        float scale;
        memcpy(&scale, word, sizeof scale);
        for (int j = 0; j < hidden; j += WIDTH)
            STORE(out + j, from_bytes(values + j) * scale + from_halves(place + j));
    }
}

static void encode_layer(const Model *model, const Layer *layer, const int32_t *lengths, int texts, int rows,
                         Scratch s)
{
    const int hidden = model->hidden;
    quantise(s.x, layer->attention_in.input_factors, rows, hidden, s.rows);
    linear_plain(&layer->attention_in, s.rows, rows, s.in);
    size_t row = 0;
    for (int i = 0; i < texts; i++) {
        attend(model, s.in + row * 3 * hidden, lengths[i], s.y + row * hidden, s);
        row += lengths[i];
    }
    quantise(s.y, layer->attention_out.input_factors, rows, hidden, s.rows);
    linear_plain(&layer->attention_out, s.rows, rows, s.y);
    add_norm(s.x, s.y, rows, hidden, model->epsilon, layer->attention_norm);
    for (int r = 0; r < rows; r += INNER_ROWS) {
        const int count = rows - r < INNER_ROWS ? rows - r : INNER_ROWS;
        float *x = s.x + (size_t)r * hidden;
        quantise(x, layer->inner_in.input_factors, count, hidden, s.rows);
        linear_gelu(&layer->inner_in, s.rows, count, s.middle);
        quantise(s.middle, layer->inner_out.input_factors, count, model->inner, s.rows);
        linear_plain(&layer->inner_out, s.rows, count, s.y);
        add_norm(x, s.y, count, hidden, model->epsilon, layer->output_norm);
    }
}

/* Where in `block` everything lies for texts of `rows` tokens in all; the bytes needed. `block` may be NULL. */
static size_t scratch_bytes(const Model *model, int rows, uint8_t *block, Scratch *s)
{
    const size_t hidden = model->hidden, inner = model->inner;
    const size_t padded = (rows + KEY_STEP - 1) / KEY_STEP * KEY_STEP, size = hidden / model->heads;
    const size_t at_once = rows < INNER_ROWS ? rows : INNER_ROWS;
    const size_t bytes = at_once * inner > rows * hidden ? at_once * inner : rows * hidden;
    size_t offset = 0;
#define PLACE(field, type, count)                                                                            \
    do {                                                                                                     \
        s->field = (type *)((uintptr_t)block + offset);                                                      \
        offset += ((count) * sizeof(type) + 63) & ~(size_t)63;                                               \
    } while (0)
    PLACE(x, float, rows * hidden);
    PLACE(y, float, rows * hidden);
    PLACE(in, float, rows * 3 * hidden);
    PLACE(middle, float, at_once * inner);
    PLACE(keys, float, padded * size);
    PLACE(values, float, padded * size);
    PLACE(scores, float, padded * QUERIES);
    PLACE(rows.scale, float, rows);
    PLACE(rows.low, float, rows);
    PLACE(rows.bytes, activation, bytes);
#undef PLACE
    return offset;
}

static size_t block_bytes(const Model *model, int rows)
{
    Scratch unused;
    return scratch_bytes(model, rows, NULL, &unused);
}

/* Texts whose tokens are `rows` in all; `block` is aligned to 64 bytes. */
static int embed_group(const Model *model, const int32_t *ids, const int32_t *lengths, int texts, int rows,
                       uint8_t *block, float *out)
{
    const size_t hidden = model->hidden;
    Scratch s;
    scratch_bytes(model, rows, block, &s);
    size_t row = 0;
    for (int i = 0; i < texts; i++) {
        embed_words(model, ids + row, lengths[i], s.x + row * hidden);
        row += lengths[i];
    }
    add_norm(s.x, NULL, rows, hidden, model->epsilon, model->embedding_norm);
    for (int i = 0; i < model->layers; i++)
        encode_layer(model, &model->layer[i], lengths, texts, rows, s);
    int result = 0;
    row = 0;
    for (int i = 0; i < texts && !result; i++) {
        result = pool(model, s.x + row * hidden, lengths[i], out + i * hidden);
        row += lengths[i];
    }
    return result;
}

/* For each of `count` vectors of `width` bytes, value + 128, the dot product with `query`. */
NOT_INLINE void dot_rows(const int8_t *query, const uint8_t *vectors, size_t count, int width, int32_t *out)
{
    int32_t bias = 0;
    if (!ACTIVATION_BIAS)
        for (int i = 0; i < width; i++)
            bias += 128 * query[i];
    for (size_t r = 0; r < count; r++, vectors += width) {
        sum sums = {0};
        int32_t result = -bias;
        for (int i = 0; i < width; i += DOT_STEP)
            sums = dot_step(sums, vectors + i, query + i);
        for (size_t i = 0; i < sizeof sums / 4; i++)
            result += ((const int32_t *)&sums)[i];
        out[r] = result;
    }
}

#include "float_layer.h"

#undef ACTIVATION_BIAS
#undef ALL
#undef DOT_STEP
#undef INLINE
#undef KEY_STEP
#undef LOAD
#undef NOT_INLINE
#undef PATH
#undef QUERIES
#undef STORE
#undef TARGET
#undef TILE_OUTPUTS
#undef TILE_ROWS
#undef TILE_SUMS
#undef UNROLL
#undef WIDTH
