/* Which of many sign codes are nearest to a query. Bit i of byte j of a code is set where value 8 j + i is positive.
 * A code's score is the sum of the query's values, each with the code's sign, in whole numbers below SCORES. */
enum { SCORES = 4096 };

/* For each byte of a code, what each of its 256 values adds to the score: [width / 8][256]. */
static void score_tables(const int8_t *query, int width, uint16_t *tables)
{
    int span = 0;
    for (int i = 0; i < width; i++)
        span += abs(query[i]);
    const float scale = span ? (SCORES - 1) / (2.f * span) : 0;
    for (int j = 0; j < width; j += 8, tables += 256)
        for (int byte = 0; byte < 256; byte++) {
            int sum = 0; /* never below 0: what the values are with the query's own signs is twice as much at most */
            for (int i = 0; i < 8; i++)
                sum += abs(query[j + i]) + (byte >> i & 1 ? query[j + i] : -query[j + i]);
            tables[byte] = (uint16_t)(sum * scale);
        }
}

/* Score `count` codes of `bytes` bytes, and count how often each score comes. */
static void score_codes(const uint16_t *tables, const uint8_t *codes, size_t count, int bytes, uint16_t *scores,
                        size_t *often)
{
    for (size_t r = 0; r < count; r++, codes += bytes) {
        const uint16_t *table = tables;
        int score = 0;
        for (int j = 0; j < bytes; j++, table += 256)
            score += table[codes[j]];
        scores[r] = (uint16_t)score;
        often[score]++;
    }
}

/* The places of the `most` best scores, rising, in `places`; with those that tie with the last of them up to twice as
 * many, the later ones first. */
static size_t best_places(const uint16_t *scores, size_t count, const size_t *often, size_t most, uint32_t *places)
{
    int edge = SCORES - 1;
    size_t found = often[edge], kept = 0;
    while (found < most && edge > 0)
        found += often[--edge];
    size_t passed_over = found > 2 * most ? found - 2 * most : 0;
    for (size_t r = 0; r < count; r++)
        if (scores[r] > edge || (scores[r] == edge && !(passed_over && passed_over--)))
            places[kept++] = (uint32_t)r;
    return kept;
}
