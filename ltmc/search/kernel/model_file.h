/* The model file: a header, then sections in a fixed order, each from a multiple of 64 bytes on, little endian.
 *
 *    0  "LTMCSENT", uint32 version, zeros
 *   32  sha256 of everything from 64 on (for the caller; not checked here)
 *   64  uint32 layers, hidden, heads, inner, vocabulary, positions, pooling, has_distance_bias;
 *       float epsilon; uint32 bytes of the vocabulary's text; uint32 how many of these, at its beginning, are
 *       options of the tokeniser (for the caller); zeros
 *  128  sections: words, places, embedding norm, [distance bias], the layers, the vocabulary's text (for the caller)
 *
 * Nothing of the file is believed: each size is bounded before it is used, and the sections must fill the file
 * exactly. What the weights are cannot lead to a crash.
 */
#include "kernel.h"

enum { ALIGNMENT = 64, HEADER_SIZE = 128, VERSION = 1 };

typedef struct {
    const uint8_t *base;
    size_t offset;
} Reader;

static const void *take(Reader *reader, size_t bytes)
{
    const void *section = reader->base + reader->offset;
    reader->offset += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return section;
}

static const float *take_floats(Reader *reader, size_t count)
{
    return take(reader, count * sizeof(float));
}

static Norm take_norm(Reader *reader, int hidden)
{
    Norm norm;
    norm.gain = take_floats(reader, hidden);
    norm.bias = take_floats(reader, hidden);
    return norm;
}

static Linear take_linear(Reader *reader, int inputs, int outputs)
{
    Linear linear = {.inputs = inputs, .outputs = outputs};
    linear.input_factors = take_floats(reader, inputs);
    linear.scales = take_floats(reader, outputs);
    linear.sums = take_floats(reader, outputs);
    linear.bias = take_floats(reader, outputs);
    linear.weights = take(reader, (size_t)inputs * outputs);
    return linear;
}

/* Set `model` from a header; 0 if a size is outside of what the kernel computes with. Tiles have up to 64 outputs,
 * so all widths are multiples of 64. */
static int read_sizes(const uint8_t *header, Model *model, int *has_distance_bias, size_t *text_bytes)
{
    uint32_t size[8], text;
    memcpy(size, header + 64, sizeof size);
    memcpy(&model->epsilon, header + 96, 4);
    memcpy(&text, header + 100, 4);
    const uint32_t layers = size[0], hidden = size[1], heads = size[2], inner = size[3];
    if (layers < 1 || layers > 48 || hidden < 64 || hidden > 2048 || hidden % 64 || inner < 64 || inner > 8192 ||
        inner % 64 || heads < 1 || (hidden != heads * 32 && hidden != heads * 64))
        return 0;
    if (size[4] < 1 || size[4] > 1u << 20 || size[5] < 1 || size[5] > 1024 || size[6] > POOLING_FIRST ||
        size[7] > 1 || text > 1u << 26 || !(model->epsilon > 0 && model->epsilon < 1))
        return 0;
    model->layers = layers, model->hidden = hidden, model->heads = heads, model->inner = inner;
    model->vocabulary = size[4], model->positions = size[5], model->pooling = size[6];
    *has_distance_bias = size[7], *text_bytes = text;
    return 1;
}

/* Lay a model over a mapped file; NULL if it is not one, or there is no memory. The file must stay mapped. */
static Model *open_model(const uint8_t *file, size_t size)
{
    static const char magic[8] = {'L', 'T', 'M', 'C', 'S', 'E', 'N', 'T'};
    uint32_t version;
    Model sizes;
    int has_distance_bias;
    size_t text_bytes;
    if (!file || (uintptr_t)file % ALIGNMENT || size < HEADER_SIZE || memcmp(file, magic, sizeof magic))
        return NULL;
    memcpy(&version, file + 8, 4);
    if (version != VERSION || !read_sizes(file, &sizes, &has_distance_bias, &text_bytes))
        return NULL;
    Model *model = malloc(sizeof *model + sizeof(Layer) * sizes.layers);
    if (!model)
        return NULL;
    *model = sizes;
    const int hidden = model->hidden, positions = model->positions;
    Reader reader = {file, HEADER_SIZE};
    model->words = take(&reader, (size_t)model->vocabulary * (hidden + sizeof(float)));
    model->places = take(&reader, (size_t)positions * hidden * sizeof(uint16_t));
    model->embedding_norm = take_norm(&reader, hidden);
    model->distance_bias =
        has_distance_bias ? take_floats(&reader, (size_t)model->heads * (2 * positions - 1)) : NULL;
    for (int i = 0; i < model->layers; i++) {
        Layer *layer = &model->layer[i];
        layer->attention_in = take_linear(&reader, hidden, 3 * hidden);
        layer->attention_out = take_linear(&reader, hidden, hidden);
        layer->attention_norm = take_norm(&reader, hidden);
        layer->inner_in = take_linear(&reader, hidden, model->inner);
        layer->inner_out = take_linear(&reader, model->inner, hidden);
        layer->output_norm = take_norm(&reader, hidden);
    }
    if (reader.offset + text_bytes != size) {
        free(model);
        return NULL;
    }
    return model;
}
