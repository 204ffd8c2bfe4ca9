/* A sentence transformer with int8 weights: token ids in, unit vectors out.
 *
 * Plain C11 for GCC and Clang, no dependency but malloc and memcpy. The model file (see model_file.h) is mapped
 * by the caller and read in place. All functions are re-entrant: a model is never written to after it is opened,
 * and scratch memory belongs to one call.
 *
 * encoder.h is included once for each set of instructions ("path"), after a path_*.h that supplies what only that
 * set has. All paths do the same whole-number arithmetic, so that vectors differ only by the rounding of floats.
 */
#ifndef LTMC_KERNEL_H
#define LTMC_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

_Static_assert(sizeof(size_t) == 8, "sizes of a model file are computed in 64 bits");

/* What a function returns instead of 0. */
enum {
    ERROR_LENGTH = -1,     /* a text has no token or more than the model has positions */
    ERROR_TOKEN = -2,      /* a token id is not in the vocabulary */
    ERROR_MEMORY = -3,     /* there is no memory */
    ERROR_PATH = -4,       /* this processor does not have these instructions */
    ERROR_NOT_FINITE = -5, /* a vector has no direction: the weights are damaged */
};

/* output = (input * input_factors) * weights + bias, where weights[o][i] = scales[o] * quantised[o][i].
 * The quantised weights lie in blocks of 16 outputs: [outputs / 16][inputs / 4][16][4]. */
typedef struct {
    const float *input_factors, *scales, *bias;
    const float *sums; /* of each output's weights, scaled: what an offset of all inputs adds to it */
    const int8_t *weights;
    int inputs, outputs;
} Linear;

typedef struct {
    const float *gain, *bias;
} Norm;

typedef struct {
    Linear attention_in, attention_out, inner_in, inner_out;
    Norm attention_norm, output_norm;
} Layer;

/* The same with float weights, a row an output: attention in and out, inner in and out. */
typedef struct {
    const float *weight[4], *bias[4];
    Norm attention_norm, output_norm;
} FloatLayer;

enum { POOLING_MEAN, POOLING_FIRST };

typedef struct {
    int layers, hidden, heads, inner, vocabulary, positions, pooling;
    float epsilon;
    const uint8_t *words;       /* for each token a float scale and `hidden` int8 */
    const uint16_t *places;     /* for each position `hidden` half floats; token type 0 is added to them */
    const float *distance_bias; /* [heads][2 * positions - 1], added to attention scores, or NULL */
    Norm embedding_norm;
    Layer layer[];
} Model;

/* Rows that go through a layer's inner part at once, so that what is between stays in the second cache. */
enum { INNER_ROWS = 96 };

/* Short texts go through the layers together until they have this many rows: weights are then read once. */
enum { GROUP_ROWS = 256 };

/* How many sums of a float map are computed at once: with four of weights and activations they fit 16 registers. */
enum { FLOAT_ROWS = 3, FLOAT_OUTPUTS = 4 };

#endif
