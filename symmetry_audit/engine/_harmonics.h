/* Rows of mean responses for one instruction set. Included by _harmonics.c once per set, which defines
 *   W      floats in a vector,   TARGET   the attribute that turns the set on,   NAME(x)   x with the set's suffix.
 *
 * One tile of columns at a time, row by row: blur a new row into a ring; then either fold the ring along y, fold along
 * x in registers, form the coefficient images, combine these to kernels and add up; or, for kernels without harmonics,
 * fold the ring about every pixel and add up one scalar product a kernel. Nothing of the size of an image is stored.
 * Sums of one row of one tile are made in a fixed order, so bands and threads do not change a bit. Where V is not all of
 * the tile, coefficient images or folds are 0 outside it, and vectors without a pixel of V are left out. */

typedef float NAME(vec) __attribute__((vector_size(4 * W)));
typedef int NAME(bits) __attribute__((vector_size(4 * W)));
typedef float NAME(loose) __attribute__((vector_size(4 * W), aligned(4), may_alias));

#define vec NAME(vec)
#define LOAD(p) (*(const NAME(loose) *)(p))
#define STORE(p, v) (*(NAME(loose) *)(p) = (v))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* `count` pixels of one row of the image, from `source` on, less job->offset and blurred along x. */
INLINE void NAME(blurred_x)(const job *job, const float *source, Py_ssize_t count, float *row)
{
    const int r0 = job->r0;
    const float *g = job->blur, twice = 2 * job->offset;
    Py_ssize_t x = 0;
    for (; x + W <= count; x += W) {
        const float *p = source + x;
        vec sum = (LOAD(p) - job->offset) * g[0];
        for (int i = 1; i <= r0; i++)
            sum += (LOAD(p - i) + LOAD(p + i) - twice) * g[i];
        STORE(row + x, sum);
    }
    for (; x < count; x++) { /* a vector could reach beyond the image */
        const float *p = source + x;
        float sum = (p[0] - job->offset) * g[0];
        for (int i = 1; i <= r0; i++)
            sum += (p[-i] + p[i] - twice) * g[i];
        row[x] = sum;
    }
}

/* The rows of `ring`, of which there are 2 r0 + 1, blurred along y. */
INLINE void NAME(blurred_y)(const job *job, float *const *ring, Py_ssize_t count, float *row)
{
    const int r0 = job->r0;
    const float *g = job->blur;
    for (Py_ssize_t x = 0; x < count; x += W) {
        vec sum = LOAD(ring[r0] + x) * g[0];
        for (int i = 1; i <= r0; i++)
            sum += (LOAD(ring[r0 - i] + x) + LOAD(ring[r0 + i] + x)) * g[i];
        STORE(row + x, sum);
    }
}

/* Make the oldest row of `ring` its last, to be written anew. */
INLINE float *NAME(turned)(float **ring, int size)
{
    float *oldest = ring[0];
    for (int i = 1; i < size; i++)
        ring[i - 1] = ring[i];
    return ring[size - 1] = oldest;
}

/* The sums (sums[0..r1]) and differences (differences[1..r1]) of the ring's rows at equal distances from its middle. */
INLINE void NAME(folded)(const job *job, float *const *ring, Py_ssize_t count, float *const *sums,
                         float *const *differences)
{
    const int r1 = job->r1, middle = r1 * job->step;
    for (Py_ssize_t x = 0; x < count; x += W)
        STORE(sums[0] + x, LOAD(ring[middle] + x));
    for (int i = 1; i <= r1; i++)
        for (Py_ssize_t x = 0; x < count; x += W) {
            const vec below = LOAD(ring[middle + i * job->step] + x), above = LOAD(ring[middle - i * job->step] + x);
            STORE(sums[i] + x, below + above);
            STORE(differences[i] + x, below - above);
        }
}

/* `images` scalar products of `n` folds. */
INLINE void NAME(combine)(const vec *folds, int n, const float *taps, int images, float *target)
{
    for (int i = 0; i < images; i++, taps += n, target += STRIDE) {
        vec even = folds[0] * taps[0], other = folds[1] * taps[1];
        for (int k = 2; k + 1 < n; k += 2) {
            even += folds[k] * taps[k];
            other += folds[k + 1] * taps[k + 1];
        }
        if (n % 2)
            even += folds[n - 1] * taps[n - 1];
        STORE(target, even + other);
    }
}

/* The coefficient images of two parity classes, even and odd along x, of the same folded rows, each a scalar product of
 * folded taps: `ny` rows and `reach` taps on each side for either class, constants where this is inlined. */
INLINE void NAME(coefficients)(const job *job, float *const *rows, const int *ny, const int *reach, int class,
                               float *target, Py_ssize_t start, Py_ssize_t end)
{
    const int step = job->step, images = job->images[class], n[2] = {ny[0] * (reach[0] + 1), ny[1] * reach[1]};
    for (Py_ssize_t x = start; x < end; x += W) {
        vec even[(MOST_REACH + 1) * (MOST_REACH + 1)], odd[(MOST_REACH + 1) * (MOST_REACH + 1)];
        for (int a = 0; a < ny[0] || a < ny[1]; a++) {
            const float *p = rows[a] + job->r1 * step + x;
            if (a < ny[0])
                even[a * (reach[0] + 1)] = LOAD(p);
            for (int b = 1; (a < ny[0] && b <= reach[0]) || (a < ny[1] && b <= reach[1]); b++) {
                const vec right = LOAD(p + b * step), left = LOAD(p - b * step);
                if (a < ny[0] && b <= reach[0])
                    even[a * (reach[0] + 1) + b] = right + left;
                if (a < ny[1] && b <= reach[1])
                    odd[a * reach[1] + b - 1] = right - left;
            }
        }
        NAME(combine)(even, n[0], job->taps[class], images, target + x);
        NAME(combine)(odd, n[1], job->taps[class + 1], job->images[class + 1], target + images * STRIDE + x);
    }
}

/* What a response adds to the sum of its kind: its size, its square, or the square of a positive one. */
INLINE vec NAME(size)(vec value, int kind)
{
    if (kind == ENERGY)
        return value * value;
    NAME(bits) bits;
    memcpy(&bits, &value, sizeof value);
    if (kind == RECTIFIED)
        bits &= (NAME(bits))(value > 0);
    else
        bits &= 0x7fffffff;
    memcpy(&value, &bits, sizeof value);
    return kind == RECTIFIED ? value * value : value;
}

INLINE double NAME(total)(vec value)
{
    double sum = 0;
    for (int lane = 0; lane < W; lane++)
        sum += value[lane];
    return sum;
}

/* `many` pairs of kernels P + Q and P - Q of one group, from pair `first` on; np, nq, many and kind are constants
 * where this is inlined, except for rare sizes. */
INLINE void NAME(pairs)(const group *group, int first, int many, int np, int nq, int kind, const float *images,
                        Py_ssize_t count, double *out)
{
    const int width = np + nq;
    const float *weights = group->weights + first * width;
    vec sums[PAIRS][2] = {{{0}}};
    for (Py_ssize_t x = 0; x < count; x += W) {
        vec part[MOST_IMAGES];
        for (int i = 0; i < width; i++)
            part[i] = LOAD(images + group->images[i] * STRIDE + x);
        for (int j = 0; j < many; j++) {
            const float *w = weights + j * width;
            vec p = part[0] * w[0];
            for (int i = 1; i < np; i++)
                p += part[i] * w[i];
            if (nq) {
                vec q = part[np] * w[np];
                for (int i = np + 1; i < width; i++)
                    q += part[i] * w[i];
                sums[j][1] += NAME(size)(p - q, kind);
                p += q;
            }
            sums[j][0] += NAME(size)(p, kind);
        }
    }
    for (int j = 0; j < many; j++) {
        const int *target = group->targets + 2 * (first + j);
        out[target[0]] += NAME(total)(sums[j][0]);
        if (target[1] >= 0)
            out[target[1]] += NAME(total)(sums[j][nq ? 1 : 0]); /* without Q both kernels are P */
    }
}

#define CASE(p, q)                                                                                  \
    case 16 * p + q:                                                                                \
        for (; first + PAIRS <= group->pairs; first += PAIRS)                                       \
            NAME(pairs)(group, first, PAIRS, p, q, kind, images, count, out);                     \
        for (; first < group->pairs; first++)                                                       \
            NAME(pairs)(group, first, 1, p, q, kind, images, count, out);                         \
        break;

INLINE void NAME(combined)(const group *group, int kind, const float *images, Py_ssize_t count, double *out)
{
    int first = 0;
    switch (16 * group->np + group->nq) { /* the sizes that common regularizers need */
        CASE(1, 0) CASE(2, 0) CASE(3, 0) CASE(4, 0)
        CASE(1, 1) CASE(2, 1) CASE(2, 2) CASE(3, 2) CASE(3, 3) CASE(4, 3) CASE(4, 4) CASE(5, 4)
        CASE(6, 6) CASE(7, 6) CASE(7, 7) CASE(8, 6) CASE(8, 7) CASE(8, 8) CASE(9, 9) CASE(9, 10)
    default:
        for (; first < group->pairs; first++)
            NAME(pairs)(group, first, 1, group->np, group->nq, kind, images, count, out);
    }
}
#undef CASE

/* Set the columns from `first` to before `end` of all coefficient images to 0. */
INLINE void NAME(clear)(float *images, const float *target, Py_ssize_t first, Py_ssize_t end)
{
    for (float *image = images; first < end && image < target; image += STRIDE)
        memset(image + first, 0, sizeof(float) * (end - first));
}

/* `inside` says which of `count` columns belong to V, NULL for all. */
INLINE void NAME(row)(const job *job, int odd_reach, float *const *sums, float *const *differences, float *images,
                      const char *inside, Py_ssize_t count, double *out)
{
    Py_ssize_t first = 0, end = count;
    if (inside) {
        while (end && !inside[end - 1])
            end--;
        if (!end)
            return;
        while (!inside[first])
            first++;
    }
    const Py_ssize_t start = first - first % W;
    const int even_rows[2] = {5, odd_reach + 1}, even_reaches[2] = {4, odd_reach};
    const int odd_rows[2] = {odd_reach, 4}, odd_reaches[2] = {odd_reach, 4};
    float *target = images;
    NAME(coefficients)(job, sums, even_rows, even_reaches, 0, target, start, end);
    target += (job->images[0] + job->images[1]) * STRIDE;
    NAME(coefficients)(job, differences + 1, odd_rows, odd_reaches, 2, target, start, end);
    target += (job->images[2] + job->images[3]) * STRIDE;
    NAME(clear)(images, target, start, first);
    NAME(clear)(images, target, end, end + (W - end % W) % W); /* so that no loop below has a tail */
    const char *gap = inside ? inside + first : NULL;
    while (gap && (gap = memchr(gap, 0, inside + end - gap))) {
        const char *next = gap;
        while (!*next)
            next++;
        NAME(clear)(images, target, gap - inside, next - inside);
        gap = next;
    }
    for (int g = 0; g < job->groups; g++)
        switch (job->kind) { /* constants, for which the loops are compiled */
        case ENERGY:
            NAME(combined)(job->group + g, ENERGY, images + start, end - start, out);
            break;
        case RECTIFIED:
            NAME(combined)(job->group + g, RECTIFIED, images + start, end - start, out);
            break;
        default:
            NAME(combined)(job->group + g, ABS, images + start, end - start, out);
        }
}

/* The sums (n + 1, from the middle tap on) and differences (n) of the ring's pixels at opposite places u and -u about
 * every pixel of three vectors; those of pixels that do not belong to V are 0, which `keep` says, NULL where all do.
 * Only those that some kernel needs. */
INLINE void NAME(opposites)(const job *job, float *const *ring, Py_ssize_t x, const NAME(bits) *keep, float *folds)
{
    const int r1 = job->r1, side = 2 * r1 + 1, n = (side * side - 1) / 2;
    const int even = job->images[0] || job->images[2], odd = job->images[1] || job->images[2];
    float *sum = folds, *difference = folds + 3 * W * (n + 1);
    for (int v = 0; even && v < 3; v++)
        STORE(sum + v * W, LOAD(ring[r1] + r1 + x + v * W));
    sum += 3 * W;
    for (int dy = 0; dy <= r1; dy++)
        for (int dx = dy ? -r1 : 1; dx <= r1; dx++, sum += 3 * W, difference += 3 * W) {
            const float *below = ring[r1 + dy] + r1 + dx + x, *above = ring[r1 - dy] + r1 - dx + x;
            for (int v = 0; even && v < 3; v++)
                STORE(sum + v * W, LOAD(below + v * W) + LOAD(above + v * W));
            for (int v = 0; odd && v < 3; v++)
                STORE(difference + v * W, LOAD(below + v * W) - LOAD(above + v * W));
        }
    if (keep)
        for (int k = 0; k < 2 * n + 1; k++)
            for (int v = 0; v < 3; v++)
                STORE(folds + 3 * W * k + v * W, (vec)((NAME(bits))LOAD(folds + 3 * W * k + v * W) & keep[v]));
}

/* How many of three vectors' pixels belong to V, and in `keep` all bits of these: those that `inside` says, all where it
 * is NULL, among the first `left`. */
INLINE int NAME(kept)(const char *inside, Py_ssize_t left, NAME(bits) *keep)
{
    int many = 0;
    for (int lane = 0; lane < 3 * W; lane++) {
        const int belongs = lane < left && (!inside || inside[lane]);
        keep[lane / W][lane % W] = -belongs;
        many += belongs;
    }
    return many;
}

/* Add up `kernels` scalar products of `n` folds with the columns of `taps`, which hold four kernels each. */
INLINE void NAME(products)(const float *folds, int n, const float *taps, int kernels, int kind, vec *sums)
{
    for (int first = 0; first < kernels; first += 4, taps += 4 * n) {
        vec value[4][3] = {{{0}}};
        for (int k = 0; k < n; k++)
            for (int v = 0; v < 3; v++) {
                const vec fold = LOAD(folds + 3 * W * k + v * W);
                for (int j = 0; j < 4; j++)
                    value[j][v] += fold * taps[4 * k + j];
            }
        for (int j = 0; j < 4; j++)
            for (int v = 0; v < 3; v++)
                sums[first + j] += NAME(size)(value[j][v], kind);
    }
}

INLINE void NAME(direct_row)(const job *job, float *const *ring, int kind, float *work, const char *inside,
                             Py_ssize_t count, double *out)
{
    const int side = 2 * job->r1 + 1, n = (side * side - 1) / 2;
    vec *sums = (vec *)work; /* the workspace is aligned to 64 bytes */
    float *folds = work + W * job->padded;
    memset(work, 0, sizeof(float) * W * job->padded);
    for (Py_ssize_t x = 0; x < count; x += 3 * W) {
        NAME(bits) keep[3];
        int all = !inside && count - x >= 3 * W;
        if (!all) {
            const int many = NAME(kept)(inside ? inside + x : NULL, count - x, keep);
            if (!many)
                continue;
            all = many == 3 * W;
        }
        NAME(opposites)(job, ring, x, all ? NULL : keep, folds);
        NAME(products)(folds, n + 1, job->taps[0], job->images[0], kind, sums);
        NAME(products)(folds + 3 * W * (n + 1), n, job->taps[1], job->images[1], kind, sums + job->images[0]);
        NAME(products)(folds, 2 * n + 1, job->taps[2], job->images[2], kind, sums + job->images[0] + job->images[1]);
    }
    for (int k = 0; k < job->padded; k++)
        if (job->targets[k] >= 0)
            out[job->targets[k]] += NAME(total)(sums[k]);
}

/* The least and the largest pixel, and the middle between them. */
INLINE void NAME(range)(job *job)
{
    const Py_ssize_t around = 2 * (job->r0 + job->r1 * job->step), wide = job->width + around;
    float low[W], high[W];
    for (int lane = 0; lane < W; lane++)
        low[lane] = high[lane] = job->image[lane];
    for (Py_ssize_t y = 0; y < job->height + around; y++)
        for (Py_ssize_t at = 0; at < wide; at += W) {
            const float *p = job->image + y * job->stride + (at + W <= wide ? at : wide - W);
            for (int lane = 0; lane < W; lane++) {
                low[lane] = p[lane] < low[lane] ? p[lane] : low[lane];
                high[lane] = p[lane] > high[lane] ? p[lane] : high[lane];
            }
        }
    job->low = low[0], job->high = high[0];
    for (int lane = 1; lane < W; lane++) {
        job->low = low[lane] < job->low ? low[lane] : job->low;
        job->high = high[lane] > job->high ? high[lane] : job->high;
    }
    job->offset = job->low / 2 + job->high / 2;
}

static TARGET void NAME(measure)(job *job, float *work)
{
    NAME(range)(job);
    const int reach = job->r1 * job->step, lines = 2 * job->r0 + 1, size = 2 * reach + 1;
    float *line[2 * MOST_R0 + 1], *ring[2 * MOST_R1 * MOST_STEP + 1], *sums[MOST_R1 + 1], *differences[MOST_R1 + 1];
    for (int i = 0; i < lines; i++, work += STRIDE)
        line[i] = work;
    for (int i = 0; i < size; i++, work += STRIDE)
        ring[i] = work;
    for (int i = 0; i <= job->r1; i++, work += 2 * STRIDE)
        sums[i] = work, differences[i] = work + STRIDE;
    for (Py_ssize_t left = 0; left < job->width; left += TILE) {
        const Py_ssize_t count = job->width - left < TILE ? job->width - left : TILE, wide = count + 2 * reach;
        const float *source = job->image + job->r0 + left;
        for (Py_ssize_t y = 0; y < job->height + lines - 1 + size - 1; y++) {
            NAME(blurred_x)(job, source + y * job->stride, wide, NAME(turned)(line, lines));
            if (y < lines - 1)
                continue;
            NAME(blurred_y)(job, line, wide, NAME(turned)(ring, size));
            if (y < lines - 1 + size - 1)
                continue;
            const Py_ssize_t row = y - (lines - 1) - (size - 1);
            const char *inside = job->inside ? job->inside + row * job->width + left : NULL;
            double *out = job->out + row * job->kernels;
            if (job->targets) {
                switch (job->kind) {
                case ENERGY:
                    NAME(direct_row)(job, ring, ENERGY, work, inside, count, out);
                    continue;
                case RECTIFIED:
                    NAME(direct_row)(job, ring, RECTIFIED, work, inside, count, out);
                    continue;
                default:
                    NAME(direct_row)(job, ring, ABS, work, inside, count, out);
                    continue;
                }
            }
            NAME(folded)(job, ring, wide, sums, differences);
            if (job->reaches[1] == 3)
                NAME(row)(job, 3, sums, differences, work, inside, count, out);
            else
                NAME(row)(job, 4, sums, differences, work, inside, count, out);
        }
    }
}

#undef vec
#undef LOAD
#undef STORE
#undef INLINE
