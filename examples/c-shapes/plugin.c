// A dataset in C: circles, squares, triangles, crosses and rings, drawn afresh from their number whenever they are read.
//
// topwork_plugin.h is the documentation; this file shows one way to fill its tables for a dataset.

#include "topwork_json.h"
#include "topwork_plugin.h"
#include <math.h>
#include <stdlib.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 5 };

static const topwork_text SHAPES[CLASSES] = {
    TOPWORK_TEXT("circle"), TOPWORK_TEXT("square"), TOPWORK_TEXT("triangle"),
    TOPWORK_TEXT("cross"), TOPWORK_TEXT("ring")};

// The host fills in no defaults: keys that an experiment leaves out are left out here, too.
static const char SCHEMA[] =
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
    "\"samples\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000000, \"default\": 3000,"
    "  \"description\": \"images of the split train; test has a third of that\"},"
    "\"noise\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0.2,"
    "  \"description\": \"how far a pixel may be off, as a share of white\"},"
    "\"seed\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 1000000, \"default\": 0,"
    "  \"description\": \"another number gives other images\"}}}";

// ---- an instance: the parameters, and what `describe` points to

typedef struct {
    uint32_t samples, seed;
    double noise;
    topwork_split splits[2];
} shapes;

// Reads the parameters that are there; the others stay what they are.
static topwork_json_status read_parameters(topwork_text parameters, shapes *into) {
    static const char *const KEYS[] = {"samples", "noise", "seed"};
    int64_t samples = into->samples, seed = into->seed;
    topwork_json_status found[] = {
        topwork_json_only(parameters, KEYS, 3),
        topwork_json_integer(parameters, "/samples", 1, 1000000, &samples),
        topwork_json_number(parameters, "/noise", 0, 1, &into->noise),
        topwork_json_integer(parameters, "/seed", 0, 1000000, &seed),
    };
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        if (found[i] > TOPWORK_JSON_MISSING) {
            return found[i];
        }
    }
    into->samples = (uint32_t)samples;
    into->seed = (uint32_t)seed;
    return TOPWORK_JSON_OK;
}

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    (void)host; // nothing to log, nothing to look for
    shapes *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    made->samples = 3000;
    made->noise = 0.2;
    topwork_json_status found = read_parameters(parameters, made);
    if (found != TOPWORK_JSON_OK) {
        free(made);
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, topwork_json_words(found));
    }
    const topwork_split train = {TOPWORK_TEXT("train"), made->samples};
    const topwork_split test = {TOPWORK_TEXT("test"), (made->samples + 2) / 3};
    made->splits[0] = train;
    made->splits[1] = test;
    *instance = made;
    return TOPWORK_STATUS_OK;
}

static void destroy(topwork_instance instance) { free(instance); }

static topwork_status describe(topwork_instance instance, topwork_dataset_description *description,
                               const topwork_sink *error) {
    const shapes *self = instance;
    (void)error;
    // Every field here is as old as the table, so a host of any version has room for it.
    description->channels = 1;
    description->height = SIDE;
    description->width = SIDE;
    description->element = TOPWORK_ELEMENT_U8;
    description->abilities = TOPWORK_READS_IN_PARALLEL;
    description->classes = SHAPES;
    description->class_count = CLASSES;
    description->splits = self->splits;
    description->split_count = 2;
    return TOPWORK_STATUS_OK;
}

// ---- the images

static topwork_status labels(topwork_instance instance, size_t split, uint32_t *out,
                             size_t capacity, size_t *count, const topwork_sink *error) {
    const shapes *self = instance;
    if (split > 1) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "there is no such split");
    }
    *count = (size_t)self->splits[split].len;
    for (size_t sample = 0; sample < *count && sample < capacity; sample++) {
        out[sample] = (uint32_t)(sample % CLASSES);
    }
    return TOPWORK_STATUS_OK;
}

// The next number of a stream, from 0 to below 1 (SplitMix64: Steele, Lea and Flood, 2014).
static float chance(uint64_t *stream) {
    *stream += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = *stream;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (float)((mixed ^ (mixed >> 31)) >> 40) / 16777216.0f;
}

// Whether a point of the plane lies in a shape of radius 1 around the origin.
static bool inside(uint32_t shape, float x, float y) {
    float distance = sqrtf(x * x + y * y);
    switch (shape) {
    case 0:
        return distance < 1.0f;
    case 1:
        return fabsf(x) < 0.8f && fabsf(y) < 0.8f;
    case 2: // three half-planes, half a radius from the centre
        return y < 0.5f && 0.8660254f * x - 0.5f * y < 0.5f && -0.8660254f * x - 0.5f * y < 0.5f;
    case 3:
        return (fabsf(x) < 0.3f && fabsf(y) < 1.0f) || (fabsf(y) < 0.3f && fabsf(x) < 1.0f);
    default:
        return distance < 1.0f && distance > 0.6f;
    }
}

static void draw(const shapes *self, size_t split, uint64_t index, uint8_t *pixels) {
    // A stream of its own for every image, so that any order of reading gives the same ones.
    uint64_t stream = (index * 2 + split) * UINT64_C(1000003) + self->seed;
    chance(&stream);
    float radius = 6.0f + 5.0f * chance(&stream);
    float centre_x = 11.0f + 6.0f * chance(&stream), centre_y = 11.0f + 6.0f * chance(&stream);
    float angle = 6.2831853f * chance(&stream);
    float cosine = cosf(angle) / radius, sine = sinf(angle) / radius;
    float ink = 130.0f + 125.0f * chance(&stream);
    float noise = 255.0f * (float)self->noise;
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            float x = (float)column - centre_x, y = (float)row - centre_y;
            bool hit = inside((uint32_t)(index % CLASSES), cosine * x + sine * y,
                              cosine * y - sine * x);
            float shade = (hit ? ink : 0.0f) + noise * (2.0f * chance(&stream) - 1.0f);
            pixels[row * SIDE + column] =
                (uint8_t)(shade < 0.0f ? 0.0f : shade > 255.0f ? 255.0f : shade);
        }
    }
}

static topwork_status read_samples(topwork_instance instance, size_t split, const uint64_t *indices,
                                   size_t count, void *samples, size_t bytes,
                                   const topwork_sink *error) {
    const shapes *self = instance;
    if (split > 1 || bytes != count * PIXELS) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "no such split, or room for other images");
    }
    for (size_t sample = 0; sample < count; sample++) {
        if (indices[sample] >= self->splits[split].len) {
            return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "an image behind the split's end");
        }
        draw(self, split, indices[sample], (uint8_t *)samples + sample * PIXELS);
    }
    return TOPWORK_STATUS_OK;
}

// ---- the tables

static const topwork_dataset_table DATASET = {
    sizeof(topwork_dataset_table), describe, labels, read_samples};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_DATASET,
    .id = TOPWORK_TEXT("shapes"),
    .about = TOPWORK_TEXT("drawn shapes, 28 x 28, in five classes"),
    .parameter_schema = {(const uint8_t *)SCHEMA, sizeof SCHEMA - 1},
    .create = create,
    .destroy = destroy,
    .table = &DATASET,
};

static const topwork_component *const COMPONENTS[] = {&COMPONENT};

static const topwork_entry ENTRY = {
    sizeof(topwork_entry), TOPWORK_ABI_MAJOR, TOPWORK_ABI_MINOR,
    TOPWORK_TEXT("c-shapes"), TOPWORK_TEXT("1.0.0"), TOPWORK_TEXT("MIT OR Apache-2.0"),
    NULL, NULL, COMPONENTS, 1};

const topwork_entry *topwork_plugin_entry(void) { return &ENTRY; }
