/* Gives each path its own names for what all paths have, and the types of vectors of WIDTH. */
#ifndef ACTIVATION_BIAS
#define ACTIVATION_BIAS 0
#endif
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OF_PATH(name) JOIN(name, PATH)

#define INLINE static inline __attribute__((always_inline)) TARGET
#define NOT_INLINE static __attribute__((noinline)) TARGET

#define activation OF_PATH(activation)
#define add_norm OF_PATH(add_norm)
#define attend OF_PATH(attend)
#define attend_head OF_PATH(attend_head)
#define block_bytes OF_PATH(block_bytes)
#define dot_rows OF_PATH(dot_rows)
#define dot_step OF_PATH(dot_step)
#define embed_group OF_PATH(embed_group)
#define embed_words OF_PATH(embed_words)
#define encode_layer OF_PATH(encode_layer)
#define exponential OF_PATH(exponential)
#define float_layer OF_PATH(float_layer)
#define floats OF_PATH(floats)
#define from_bytes OF_PATH(from_bytes)
#define from_halves OF_PATH(from_halves)
#define gelu OF_PATH(gelu)
#define integers OF_PATH(integers)
#define largest OF_PATH(largest)
#define linear OF_PATH(linear)
#define linear_float OF_PATH(linear_float)
#define linear_gelu OF_PATH(linear_gelu)
#define linear_plain OF_PATH(linear_plain)
#define load_weights OF_PATH(load_weights)
#define maximum OF_PATH(maximum)
#define multiply_add OF_PATH(multiply_add)
#define multiply_add_pairs OF_PATH(multiply_add_pairs)
#define note_largest OF_PATH(note_largest)
#define operand OF_PATH(operand)
#define outputs_of OF_PATH(outputs_of)
#define quantise OF_PATH(quantise)
#define Rows OF_PATH(Rows)
#define Scratch OF_PATH(Scratch)
#define scratch_bytes OF_PATH(scratch_bytes)
#define softmax OF_PATH(softmax)
#define spread OF_PATH(spread)
#define spread_half OF_PATH(spread_half)
#define store_activations OF_PATH(store_activations)
#define sum OF_PATH(sum)
#define tile OF_PATH(tile)
#define to_floats OF_PATH(to_floats)
#define total OF_PATH(total)
#define unaligned OF_PATH(unaligned)

typedef float floats __attribute__((vector_size(WIDTH * 4)));
typedef uint32_t integers __attribute__((vector_size(WIDTH * 4)));
typedef float unaligned __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
