/* The compiled loops of the engine: mean responses of one image to a plan of kernels (_compiled.py). Optional:
 * without a compiler the package installs without it and uses the torch bank. GCC and clang vector types, no
 * intrinsics; compiled for several instruction sets, of which the processor's best is chosen at run time. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#define TILE 1024        /* columns of V at a time: a tile's coefficient images stay in the second cache */
#define MOST_R0 32      /* radius of the blur */
#define MOST_R1 8       /* radius of the stencils in taps */
#define MOST_REACH 4    /* of the stencils with harmonics */
#define MOST_STEP 2     /* pixels between taps */
#define LEAST_REACH 8   /* px: so that a blurred row is never shorter than a vector */
#define MOST_IMAGES 24  /* coefficient images that one group of kernels combines */
#define INTERFACE 1     /* of what _compiled.py calls, that of its tables included: raise both when it changes */
enum { ABS, ENERGY, RECTIFIED }; /* kinds of responses: KINDS of _compiled.py */
#define PAIRS 3         /* pairs of kernels at a time */
/* floats of one row of a tile with its surroundings; not a multiple of 4096 bytes, which would share cache sets */
#define STRIDE (TILE + 2 * (MOST_R0 + MOST_R1 * MOST_STEP) + 16)

typedef struct {
    int np, nq, pairs;
    const int *images;    /* (np + nq,): which coefficient images */
    const int *targets;   /* (pairs, 2): columns of the result for P + Q and P - Q, or -1 */
    const float *weights; /* (pairs, np + nq) */
} group;

typedef struct {
    const float *image; /* the pixels that V's kernels reach, rows of `stride` floats */
    Py_ssize_t stride, height, width; /* height and width of the rectangle that holds V */
    const char *inside; /* (height, width): 1 for the pixels of V, 0 for others; NULL where V is all of them */
    float low, high, offset; /* of these pixels; offset is subtracted from them, halfway between */
    int r0, r1, step, kind, kernels, groups;
    int reaches[2]; /* taps on each side for the classes of even and of odd y + x; r1 is the larger */
    int images[4]; /* coefficient images by class: even-even, even-odd, odd-even, odd-odd in (y, x) */
    const float *blur, *taps[4];
    group *group;
    const int *targets; /* without harmonics: which kernel each of `padded` columns of taps is, or -1 */
    int padded;
    double *out; /* (height, kernels) */
} job;

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma")))
#define W 16
#define NAME(x) x##_avx512
#include "_harmonics.h"
#undef TARGET
#undef W
#undef NAME
#define TARGET __attribute__((target("avx2,fma")))
#define W 8
#define NAME(x) x##_avx2
#include "_harmonics.h"
#undef TARGET
#undef W
#undef NAME
#endif
#define TARGET
#define W 4
#define NAME(x) x##_plain
#include "_harmonics.h"

typedef void measure(job *, float *);

/* The loop for the instruction set `name`; NULL where the processor lacks it. */
static measure *compiled_for(const char *name)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!strcmp(name, "avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return measure_avx512;
    if (!strcmp(name, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return measure_avx2;
#endif
    return strcmp(name, "plain") ? NULL : measure_plain;
}

/* Read a plan's two tables into `job`, as HarmonicPlan.tables or DirectPlan.tables lay them out. Returns the rows of
 * the workspace that the plan needs for itself; -1 where the tables do not fit together. */
typedef int parse(job *, group *, const int *, Py_ssize_t, const float *, Py_ssize_t);

static int harmonic(job *job, group *groups, const int *ints, Py_ssize_t n, const float *floats, Py_ssize_t m)
{
    const int *end = ints + n;
    const float *last = floats + m;
    if (n < 10)
        return -1;
    job->r0 = ints[0], job->reaches[0] = ints[1], job->reaches[1] = ints[2], job->step = ints[3];
    job->kernels = ints[8], job->groups = ints[9], job->r1 = job->reaches[0];
    if (job->r0 < 0 || job->r0 > MOST_R0 || job->reaches[0] != MOST_REACH || job->reaches[1] < MOST_REACH - 1
        || job->reaches[1] > MOST_REACH || job->step < 1 || job->step > MOST_STEP
        || job->r0 + job->r1 * job->step < LEAST_REACH || job->kernels < 1 || job->groups < 0 || job->groups > n)
        return -1;
    job->blur = floats, floats += job->r0 + 1;
    int images = 0;
    for (int class = 0; class < 4; class++) {
        if (ints[4 + class] < 0 || ints[4 + class] > n)
            return -1;
        const int reach = job->reaches[((class >> 1) + class) & 1];
        job->images[class] = ints[4 + class], job->taps[class] = floats;
        images += ints[4 + class];
        floats += ints[4 + class] * (reach + !(class >> 1)) * (reach + !(class & 1));
    }
    ints += 10;
    for (int g = 0; g < job->groups; g++) {
        group *group = groups + g;
        if (end - ints < 3)
            return -1;
        group->np = ints[0], group->nq = ints[1], group->pairs = ints[2];
        if (group->np < 1 || group->np > MOST_IMAGES || group->nq < 0 || group->nq > MOST_IMAGES - group->np
            || group->pairs < 0 || group->pairs > n)
            return -1;
        const int width = group->np + group->nq;
        group->images = ints + 3, group->targets = group->images + width, group->weights = floats;
        ints += 3 + width + 2 * group->pairs, floats += group->pairs * width;
        if (ints > end)
            return -1;
        for (int i = 0; i < width; i++)
            if (group->images[i] < 0 || group->images[i] >= images)
                return -1;
        for (int i = 0; i < 2 * group->pairs; i++)
            if (group->targets[i] >= job->kernels || group->targets[i] < -(i % 2))
                return -1;
    }
    job->group = groups;
    return floats == last && ints == end ? images : -1;
}

static int direct(job *job, group *groups, const int *ints, Py_ssize_t n, const float *floats, Py_ssize_t m)
{
    if (n < 6)
        return -1;
    job->r0 = ints[0], job->r1 = ints[1], job->step = 1, job->kernels = ints[5], job->targets = ints + 6;
    if (job->r0 < 0 || job->r0 > MOST_R0 || job->r1 < 1 || job->r1 > MOST_R1 || job->r0 + job->r1 < LEAST_REACH
        || job->kernels < 1)
        return -1;
    const int side = 2 * job->r1 + 1, half = (side * side - 1) / 2, taps[] = {half + 1, half, side * side};
    const float *last = floats + m;
    job->blur = floats, floats += job->r0 + 1;
    for (int class = 0; class < 3; class++) {
        if (ints[2 + class] < 0 || ints[2 + class] > n || ints[2 + class] % 4)
            return -1;
        job->images[class] = ints[2 + class], job->taps[class] = floats;
        job->padded += ints[2 + class], floats += ints[2 + class] * taps[class];
    }
    if (floats != last || n != 6 + job->padded)
        return -1;
    for (int k = 0; k < job->padded; k++)
        if (job->targets[k] < -1 || job->targets[k] >= job->kernels)
            return -1;
    return (16 * (job->padded + 3 * side * side) + STRIDE - 1) / STRIDE; /* 16: the widest vector */
}

static PyObject *run(PyObject *args, parse *parse)
{
    Py_buffer image, inside, ints, floats, out;
    Py_ssize_t start, stride, height, width;
    int kind;
    const char *name;
    if (!PyArg_ParseTuple(args, "sy*nnnnz*iy*y*w*", &name, &image, &start, &stride, &height, &width, &inside,
                          &kind, &ints, &floats, &out))
        return NULL;
    job job = {.stride = stride, .height = height, .width = width, .kind = kind, .inside = inside.buf};
    const Py_ssize_t n = ints.len / 4;
    group *groups = malloc((n + 1) * sizeof *groups);
    float *work = NULL;
    const char *trouble = NULL;
    measure *loop = compiled_for(name);
    int own = groups ? parse(&job, groups, ints.buf, n, floats.buf, floats.len / 4) : -1;
    if (!groups)
        PyErr_NoMemory();
    else if (!loop)
        trouble = "the processor lacks this instruction set";
    else if (own < 0)
        trouble = "the plan's tables do not fit together";
    else {
        const Py_ssize_t reach = job.r0 + job.r1 * job.step;
        const Py_ssize_t end = start + (height + 2 * reach - 1) * stride + width + 2 * reach;
        if (height < 1 || width < 1 || start < 0 || stride < width + 2 * reach || image.len / 4 < end
            || out.len / 8 != height * job.kernels || (inside.buf && inside.len != height * width))
            trouble = "the image or the result is too small for the plan";
    }
    if (groups && !trouble) {
        const size_t all = (size_t)STRIDE * (2 * job.r0 + 1 + 2 * job.r1 * job.step + 1 + 2 * (job.r1 + 1) + own);
        work = aligned_alloc(64, all * sizeof *work); /* STRIDE is a multiple of 64 bytes */
        if (work)
            memset(work, 0, all * sizeof *work);
        else
            PyErr_NoMemory();
    }
    if (work) {
        job.image = (const float *)image.buf + start;
        job.out = out.buf;
        memset(job.out, 0, out.len);
        Py_BEGIN_ALLOW_THREADS
        loop(&job, work);
        Py_END_ALLOW_THREADS
    }
    free(groups);
    free(work);
    PyBuffer_Release(&image);
    PyBuffer_Release(&inside);
    PyBuffer_Release(&ints);
    PyBuffer_Release(&floats);
    PyBuffer_Release(&out);
    if (trouble)
        PyErr_SetString(PyExc_ValueError, trouble);
    if (PyErr_Occurred())
        return NULL;
    return Py_BuildValue("dd", job.low, job.high);
}

static PyObject *rows(PyObject *self, PyObject *args)
{
    return run(args, harmonic);
}

static PyObject *direct_rows(PyObject *self, PyObject *args)
{
    return run(args, direct);
}

static PyObject *instructions(PyObject *self, PyObject *none)
{
    static const char *const names[] = {"avx512", "avx2", "plain"};
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < sizeof names / sizeof *names; i++)
        if (compiled_for(names[i])) {
            PyObject *name = PyUnicode_FromString(names[i]);
            if (!name || PyList_Append(list, name) < 0)
                Py_CLEAR(list);
            Py_XDECREF(name);
        }
    return list;
}

static PyMethodDef methods[] = {
    {"rows", rows, METH_VARARGS,
     "rows(instructions, image, start, stride, height, width, inside, kind, ints, floats, out): sums over V's rows,"
     " into out; returns the least and the largest pixel that is seen."},
    {"direct_rows", direct_rows, METH_VARARGS, "The same with the tables of a DirectPlan."},
    {"instructions", instructions, METH_NOARGS, "The instruction sets that this processor has, the widest first."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_harmonics", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__harmonics(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddIntConstant(made, "INTERFACE", INTERFACE) < 0)
        Py_CLEAR(made);
    return made;
}
