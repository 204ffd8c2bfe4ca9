/* The kernel as a program of its own, for sanitizers and for processors that only an emulator has.
 *
 * embed MODEL PATH     reads lines of token ids from standard input, writes a line of values for each, or an error
 * fuzz MODEL ROUNDS    damages the model and gives it wrong tokens; whatever happens must be an answer or an error
 * make ROUNDS          makes layers of drawn sizes and weights, some of them no numbers, as models are made
 * nearest ROUNDS       looks for the nearest of drawn codes, and compares them with a plain count
 */
#include "../../ltmc/search/kernel/kernel.c"

#include <stdio.h>

static uint8_t *copy_aligned(const uint8_t *from, size_t size)
{
    void *copy;
    if (posix_memalign(&copy, ALIGNMENT, size ? size : 1))
        abort();
    return memcpy(copy, from, size);
}

static uint8_t *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        abort();
    *size = ftell(file);
    rewind(file);
    uint8_t *content = malloc(*size);
    if (fread(content, 1, *size, file) != *size)
        abort();
    fclose(file);
    uint8_t *aligned = copy_aligned(content, *size);
    free(content);
    return aligned;
}

static int path_of(const char *name)
{
    for (int path = 0; ltmc_path_name(path); path++)
        if (!strcmp(ltmc_path_name(path), name))
            return path;
    return -1;
}

static int embed(const char *name, const char *path)
{
    static char line[1 << 16];
    size_t size;
    uint8_t *file = read_file(name, &size);
    Model *model = ltmc_open(file, size);
    if (!model)
        return puts("not a model"), 1;
    float *out = malloc(sizeof(float) * model->hidden);
    while (fgets(line, sizeof line, stdin)) {
        int32_t ids[2048], length = 0;
        for (char *word = strtok(line, " \n"); word && length < 2048; word = strtok(NULL, " \n"))
            ids[length++] = atoi(word);
        const int result = ltmc_embed(model, path_of(path), ids, &length, 1, out);
        if (result)
            printf("error %d\n", result);
        else
            for (int i = 0; i < model->hidden; i++)
                printf(i + 1 < model->hidden ? "%.6f " : "%.6f\n", out[i]);
    }
    free(out);
    ltmc_close(model);
    free(file);
    return 0;
}

static uint32_t drawn = 1;

static uint32_t draw(uint32_t below)
{
    drawn = drawn * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(drawn >> 1) * below >> 31);
}

static void damage(uint8_t *file, size_t size)
{
    static const uint32_t hostile[] = {0, 1, 63, 65, 1024, 0x7fffffff, 0x80000000, 0xffffffff, 0x00100000};
    for (uint32_t i = draw(6); i > 0; i--)
        file[draw((uint32_t)size)] ^= 1 << draw(8);
    for (uint32_t i = draw(8) ? 0 : 200; i > 0; i--)
        file[HEADER_SIZE + draw((uint32_t)size - HEADER_SIZE)] = 0xff; /* floats that are not numbers */
    if (!draw(3))
        memcpy(file + 64 + 4 * draw(10), &hostile[draw(9)], 4);
}

static int fuzz(const char *name, int rounds)
{
    size_t size;
    int opened = 0, embedded = 0;
    uint8_t *whole = read_file(name, &size);
    for (int round = 0; round < rounds; round++) {
        uint8_t *file = copy_aligned(whole, size);
        damage(file, size);
        const size_t kept = draw(3) ? size : draw((uint32_t)size + 1);
        uint8_t *cut = copy_aligned(file, kept);
        Model *model = ltmc_open(cut, kept);
        free(file);
        if (model) {
            int32_t lengths[4], ids[4096];
            const int texts = draw(5);
            for (int i = 0; i < texts; i++)
                lengths[i] = draw(4) ? 1 + (int)draw(model->positions) : (int)draw(1 << 11) - (1 << 10);
            for (int i = 0; i < 4096; i++)
                ids[i] = (int32_t)(draw(2000) ? draw(model->vocabulary) : draw(0xffffffff));
            float *out = malloc(sizeof(float) * 4 * model->hidden);
            for (int path = -1; path < PATHS + 1; path++) {
                const int result = ltmc_embed(model, path, ids, lengths, texts, out);
                if (result > 0 || result < ERROR_NOT_FINITE)
                    abort();
                embedded += !result;
            }
            free(out);
            ltmc_close(model);
            opened++;
        }
        free(cut);
    }
    free(whole);
    printf("%d of %d opened, %d embedded\n", opened, rounds, embedded);
    return opened && opened < rounds && embedded ? 0 : 1;
}

/* Floats in memory of exactly their size. */
static float *floats(size_t count, int hostile)
{
    static const float odd[] = {0.f, -0.f, 1e38f, -1e38f, 1e-40f, __builtin_inff(), -__builtin_inff(), __builtin_nanf("")};
    float *found = malloc(count * sizeof(float) + 1);
    for (size_t i = 0; i < count; i++)
        found[i] = hostile && !draw(50) ? odd[draw(8)] : ((float)draw(20001) - 10000.f) / 1e5f;
    return found;
}

static int make_round(uint32_t heads, int hostile)
{
    const uint32_t head = draw(2) ? 32 : 64, hidden = 2 * heads * head, inner = 64 + 64 * draw(3), positions = 1 + draw(20);
    const uint32_t sizes[10] = {1, hidden, 2 * heads, inner, 4, positions, draw(2), 0, 0x2b8cbccc, 0};
    uint8_t *header = malloc(HEADER_SIZE);
    memset(header, 0, HEADER_SIZE);
    memcpy(header + 64, sizes, sizeof sizes);
    if (!draw(8))
        header[64 + draw(36)] ^= 1 << draw(8);
    Model model;
    int has_bias, lengths[3], rows = 0, answered = 0;
    size_t text;
    if (!read_sizes(header, &model, &has_bias, &text) || model.hidden > 512 || model.inner > 512) {
        answered = ltmc_float_end(0, header, NULL, NULL, 0, NULL) <= 0; /* sizes that are refused, or too large here */
        free(header);
        return answered ? 0 : -1;
    }
    const size_t h = model.hidden, n = model.inner;
    for (int i = 0; i < 3; i++)
        rows += lengths[i] = 1 + draw(model.positions);
    const size_t counts[13] = {3 * h * h, 3 * h, h * h, h, n * h, n, h * n, h, h, h, h, h,
                               (size_t)model.heads * (2 * model.positions - 1)};
    const float *tensors[13];
    for (int i = 0; i < 13; i++)
        tensors[i] = floats(counts[i], hostile);
    float *x = floats(rows * h, hostile), *added = floats(rows * h, hostile), *largest = floats(3 * h + n, 0);
    float *out = floats(3 * h, 0);
    const float *const distances = tensors[12];
    if (draw(2))
        tensors[12] = NULL;
    for (int path = -1; path <= PATHS; path++) {
        int result = ltmc_float_start(path, header, x, added, rows, tensors[8], tensors[9]);
        result = result ? result : ltmc_float_layer(path, header, tensors, x, lengths, 3, draw(2) ? largest : NULL);
        result = result ? result : ltmc_float_end(path, header, x, lengths, 3, out);
        if (result > 0 || result < ERROR_NOT_FINITE)
            abort();
        answered += !result;
    }
    lengths[1] = draw(2) ? 0 : model.positions + 1;
    if (ltmc_float_layer(0, header, tensors, x, lengths, 3, NULL) != ERROR_LENGTH)
        abort();
    uint8_t *words = malloc(rows * (h + 4)), *section = malloc(4 * (h + 9 * h) + 3 * h * h);
    if (ltmc_round_words(x, rows, (int)h, words) ||
        ltmc_round_linear(tensors[0], tensors[1], (int)h, 3 * (int)h, largest, (int)h, .125f, (float *)section))
        abort();
    free(words), free(section), free(x), free(added), free(largest), free(out), free(header);
    for (int i = 0; i < 12; i++)
        free((void *)tensors[i]);
    free((void *)distances);
    return answered;
}

static int make(int rounds)
{
    int answered = 0;
    for (int round = 0; round < rounds; round++) {
        const int found = make_round(1 + draw(2), draw(2));
        if (found < 0)
            return 1;
        answered += found;
    }
    printf("%d answered\n", answered);
    return answered ? 0 : 1;
}

static int score_of(const int8_t *query, int width, const uint8_t *code)
{
    int span = 0, score = 0;
    for (int i = 0; i < width; i++)
        span += abs(query[i]);
    const float scale = span ? (SCORES - 1) / (2.f * span) : 0;
    for (int j = 0; j < width; j += 8) {
        int sum = 0;
        for (int i = j; i < j + 8; i++)
            sum += abs(query[i]) + (code[j / 8] >> (i - j) & 1 ? query[i] : -query[i]);
        score += (int)(sum * scale);
    }
    return score;
}

static void nearest_round(void)
{
    const int width = 64 * (1 + draw(draw(8) ? 8 : 32)), bytes = width / 8, values = draw(4) ? 256 : 1 + draw(2);
    const size_t count = 1 + draw(300), most = 1 + draw((uint32_t)count);
    int8_t *query = malloc(width);
    uint8_t *codes = malloc(count * bytes);
    uint32_t *places = malloc(sizeof(uint32_t) * 2 * most);
    for (int i = 0; i < width; i++)
        query[i] = (int8_t)draw(values);
    for (size_t i = 0; i < count * bytes; i++)
        codes[i] = (uint8_t)draw(values);
    const int found = ltmc_nearest(query, width, codes, count, most, places);
    if (found < (int)most || found > 2 * (int)most)
        abort();
    int least = SCORES, better = 0, tied = 0, tied_behind = 0;
    for (int i = 0; i < found; i++) {
        const int score = score_of(query, width, codes + (size_t)places[i] * bytes);
        least = score < least ? score : least;
        if ((i && places[i] <= places[i - 1]) || places[i] >= count)
            abort();
    }
    for (size_t r = 0, i = 0; r < count; r++) {
        const int score = score_of(query, width, codes + r * bytes), is_found = i < (size_t)found && places[i] == r;
        i += is_found;
        better += score > least;
        tied += score == least;
        if (score > least && !is_found)
            abort();
        tied_behind += score == least && is_found;
        if (score == least && !is_found && tied_behind)
            abort(); /* one that came later was left out */
    }
    if (better >= (int)most || (found < 2 * (int)most && found != better + tied))
        abort();
    if (ltmc_nearest(query, width + 8, codes, count, most, places) != ERROR_LENGTH ||
        ltmc_nearest(query, width, codes, count, count + 1, places) != ERROR_LENGTH)
        abort();
    free(query), free(codes), free(places);
}

static int nearest(int rounds)
{
    for (int round = 0; round < rounds; round++)
        nearest_round();
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 4 && !strcmp(arguments[1], "embed"))
        return embed(arguments[2], arguments[3]);
    if (count == 4 && !strcmp(arguments[1], "fuzz"))
        return fuzz(arguments[2], atoi(arguments[3]));
    if (count == 3 && !strcmp(arguments[1], "make"))
        return make(atoi(arguments[2]));
    if (count == 3 && !strcmp(arguments[1], "nearest"))
        return nearest(atoi(arguments[2]));
    return 2;
}
