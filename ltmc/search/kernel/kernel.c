/* The library's functions: see kernel.h. Compiled alone: cc -O3 -shared -fPIC kernel.c */
#include "kernel.h"
#include "model_file.h"
#include "nearest.h"
#include "processor.h"
#include "rounding.h"

/* The mean of a text's rows, or its first, at unit length. */
static int pool(const Model *model, const float *x, int length, float *out)
{
    const int hidden = model->hidden, rows = model->pooling == POOLING_MEAN ? length : 1;
    float squares = 0;
    memset(out, 0, hidden * sizeof(float));
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < hidden; i++)
            out[i] += x[(size_t)r * hidden + i];
    for (int i = 0; i < hidden; i++)
        squares += out[i] * out[i];
    if (!(squares > 0 && squares < 1e30f))
        return ERROR_NOT_FINITE;
    for (int i = 0; i < hidden; i++)
        out[i] /= __builtin_sqrtf(squares);
    return 0;
}

#if defined(__x86_64__)
#include "path_sse2.h"
#include "encoder.h"
#include "path_avx2.h"
#include "encoder.h"
#include "path_avxvnni.h"
#include "encoder.h"
#include "path_avx512vnni.h"
#include "encoder.h"
#else
#include "path_neon.h"
#include "encoder.h"
#include "path_neondot.h"
#include "encoder.h"
#endif

typedef struct {
    size_t (*block_bytes)(const Model *, int rows);
    int (*embed_group)(const Model *, const int32_t *ids, const int32_t *lengths, int texts, int rows,
                       uint8_t *block, float *out);
    void (*dot_rows)(const int8_t *query, const uint8_t *vectors, size_t count, int width, int32_t *out);
    void (*add_norm)(float *x, const float *added, int rows, int hidden, float epsilon, Norm norm);
    void (*float_layer)(const Model *, const FloatLayer *, float *x, const int32_t *lengths, int texts, int rows,
                        uint8_t *block, float *largest);
} Path;

/* In the order of path_names. */
static const Path paths[PATHS] = {
#define FUNCTIONS(path)                                                                                      \
    {block_bytes_##path, embed_group_##path, dot_rows_##path, add_norm_##path, float_layer_##path}
#if defined(__x86_64__)
    FUNCTIONS(sse2),
    FUNCTIONS(avx2),
    FUNCTIONS(avxvnni),
    FUNCTIONS(avx512vnni),
#else
    FUNCTIONS(neon),
    FUNCTIONS(neondot),
#endif
#undef FUNCTIONS
};

/* The name of a path, from 0 on, the best last; NULL after that. */
EXPORT const char *ltmc_path_name(int path)
{
    return path >= 0 && path < PATHS ? path_names[path] : NULL;
}

/* Whether this processor, and its system, can run a path. In a virtual machine it takes 13 us to ask the processor,
 * so the answer is kept: 1 for no, 2 for yes. */
EXPORT int ltmc_has_path(int path)
{
    static _Atomic int known[PATHS];
    if (path < 0 || path >= PATHS)
        return 0;
    if (!known[path])
        known[path] = 1 + has_path(path);
    return known[path] == 2;
}

/* Lay a model over a mapped file, which must stay mapped; NULL if it is not one. */
EXPORT Model *ltmc_open(const uint8_t *file, size_t size)
{
    return open_model(file, size);
}

EXPORT void ltmc_close(Model *model)
{
    free(model);
}

/* 0 if all tokens of all texts are the model's and no text is too short or too long. */
static int check_tokens(const Model *model, const int32_t *ids, const int32_t *lengths, int texts)
{
    for (int i = 0; i < texts; i++) {
        if (lengths[i] < 1 || lengths[i] > model->positions)
            return ERROR_LENGTH;
        for (int j = 0; j < lengths[i]; j++, ids++)
            if (*ids < 0 || *ids >= model->vocabulary)
                return ERROR_TOKEN;
    }
    return 0;
}

/* How many of the next texts go through the layers together; `rows`: their tokens. */
static int group_of(const int32_t *lengths, int texts, int *rows)
{
    int count = 1;
    *rows = lengths[0];
    while (count < texts && *rows + lengths[count] <= GROUP_ROWS)
        *rows += lengths[count++];
    return count;
}

/* Memory for the largest group of texts, to be freed; `aligned`: where it is used from. */
static uint8_t *scratch_for(const Model *model, int path, const int32_t *lengths, int texts, uint8_t **aligned)
{
    int rows, most = 0;
    for (int i = 0; i < texts; i += group_of(lengths + i, texts - i, &rows), most = rows > most ? rows : most)
        ;
    uint8_t *block = malloc(paths[path].block_bytes(model, most) + ALIGNMENT);
    *aligned = (uint8_t *)(((uintptr_t)block + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    return block;
}

/* The unit vectors of `texts` texts, one after the other in `out`.
 *
 * ids: the tokens of all texts, one text after the other, with those that begin and end a text.
 * lengths: how many of them each text has. Returns 0 or an ERROR_*. */
EXPORT int ltmc_embed(const Model *model, int path, const int32_t *ids, const int32_t *lengths, int texts,
                      float *out)
{
    if (!ltmc_has_path(path))
        return ERROR_PATH;
    int result = check_tokens(model, ids, lengths, texts), rows;
    if (result || texts < 1)
        return result;
    uint8_t *aligned, *block = scratch_for(model, path, lengths, texts, &aligned);
    if (!block)
        return ERROR_MEMORY;
    while (texts > 0 && !result) {
        const int count = group_of(lengths, texts, &rows);
        result = paths[path].embed_group(model, ids, lengths, count, rows, aligned, out);
        ids += rows, lengths += count, texts -= count, out += (size_t)count * model->hidden;
    }
    free(block);
    return result;
}

/* Round `count` values, times `unit`, to bytes: value + 128, from 1 to 255. */
EXPORT void ltmc_pack(const float *values, size_t count, float unit, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const float value = values[i] * unit;
        const float bounded = value > -127.f ? value < 127.f ? value : 127.f : -127.f; /* not a number: -127 */
        out[i] = (uint8_t)(int)(bounded + 128.5f);
    }
}

/* For each of `count` packed vectors of `width` bytes (a multiple of 64), the dot product with `query`, whose
 * values are signed. */
EXPORT int ltmc_dot(int path, const int8_t *query, const uint8_t *vectors, size_t count, int width, int32_t *out)
{
    if (!ltmc_has_path(path))
        return ERROR_PATH;
    if (width < 64 || width > 2048 || width % 64)
        return ERROR_LENGTH;
    paths[path].dot_rows(query, vectors, count, width, out);
    return 0;
}

/* The places of about `most` of `count` sign codes, those nearest to `query`, whose `width` values are signed (a multiple
 * of 64); rising, in `places`, which has room for twice `most`. Returns how many they are, or an ERROR_*. */
EXPORT int ltmc_nearest(const int8_t *query, int width, const uint8_t *codes, size_t count, size_t most,
                        uint32_t *places)
{
    if (width < 64 || width > 2048 || width % 64 || most < 1 || count > INT32_MAX || most > count)
        return ERROR_LENGTH;
    const int bytes = width / 8;
    size_t *often = calloc(SCORES, sizeof(size_t));
    uint16_t *tables = malloc(sizeof(uint16_t) * 256 * bytes), *scores = malloc(sizeof(uint16_t) * count);
    int result = ERROR_MEMORY;
    if (often && tables && scores) {
        score_tables(query, width, tables);
        score_codes(tables, codes, count, bytes, scores, often);
        result = (int)best_places(scores, count, often, most, places);
    }
    free(often), free(tables), free(scores);
    return result;
}

/* What follows makes model files. `header` is the file's: its sizes are checked, and all sections are as they say. */

static int check_rows(const uint8_t *header, int path, const int32_t *lengths, int texts, Model *model)
{
    int has_distance_bias;
    size_t text_bytes;
    if (!ltmc_has_path(path))
        return ERROR_PATH;
    if (!read_sizes(header, model, &has_distance_bias, &text_bytes))
        return ERROR_LENGTH;
    for (int i = 0; i < texts; i++)
        if (lengths[i] < 1 || lengths[i] > model->positions)
            return ERROR_LENGTH;
    return 0;
}

/* The sums of words and places, normed: x = norm(x + added), [rows][hidden]. */
EXPORT int ltmc_float_start(int path, const uint8_t *header, float *x, const float *added, int rows, const float *gain,
                            const float *bias)
{
    Model model;
    const int result = check_rows(header, path, NULL, 0, &model);
    if (!result)
        paths[path].add_norm(x, added, rows, model.hidden, model.epsilon, (Norm){gain, bias});
    return result;
}

/* One layer with float weights: x becomes what it makes of the tokens of all texts.
 *
 * tensors: weight and bias of each of the four linear maps, gain and bias of the two norms, distance bias or NULL.
 * largest: NULL, or the largest size seen of each input of the four maps, which is brought up to date. */
EXPORT int ltmc_float_layer(int path, const uint8_t *header, const float *const *tensors, float *x,
                            const int32_t *lengths, int texts, float *largest)
{
    Model model;
    int rows;
    const int result = check_rows(header, path, lengths, texts, &model);
    if (result || texts < 1)
        return result;
    const float *const *t = tensors;
    const FloatLayer layer = {
        {t[0], t[2], t[4], t[6]}, {t[1], t[3], t[5], t[7]}, {t[8], t[9]}, {t[10], t[11]}};
    model.distance_bias = t[12];
    uint8_t *aligned, *block = scratch_for(&model, path, lengths, texts, &aligned);
    if (!block)
        return ERROR_MEMORY;
    while (texts > 0) {
        const int count = group_of(lengths, texts, &rows);
        paths[path].float_layer(&model, &layer, x, lengths, count, rows, aligned, largest);
        x += (size_t)rows * model.hidden, lengths += count, texts -= count;
    }
    free(block);
    return 0;
}

/* The unit vectors of texts whose tokens went through all layers. */
EXPORT int ltmc_float_end(int path, const uint8_t *header, const float *x, const int32_t *lengths, int texts,
                          float *out)
{
    Model model;
    int result = check_rows(header, path, lengths, texts, &model);
    for (int i = 0; i < texts && !result; i++, out += model.hidden) {
        result = pool(&model, x, lengths[i], out);
        x += (size_t)lengths[i] * model.hidden;
    }
    return result;
}

/* The section of the words; of `count` rows of floats. */
EXPORT int ltmc_round_words(const float *rows, size_t count, int width, uint8_t *out)
{
    if (width < 64 || width > 2048)
        return ERROR_LENGTH;
    round_words(rows, count, width, out);
    return 0;
}

/* The sections of a linear map, see round_linear. */
EXPORT int ltmc_round_linear(const float *weight, const float *bias, int inputs, int outputs, const float *largest,
                             int scaled, float factor, float *out)
{
    if (inputs < 64 || inputs > 8192 || inputs % 64 || outputs < 64 || outputs > 8192 || outputs % 64)
        return ERROR_LENGTH;
    float *row = malloc(sizeof(float) * 2 * inputs);
    if (!row)
        return ERROR_MEMORY;
    round_linear(weight, bias, inputs, outputs, largest, scaled, factor, row, out);
    free(row);
    return 0;
}
