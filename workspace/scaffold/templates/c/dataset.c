// A dataset: stripes in four directions, drawn afresh from their number whenever they are read.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_json.h"
#include "topwork_plugin.h"
#include <stdlib.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, SAMPLES = 1000, CLASSES = 4 };

static const topwork_text NAMES[CLASSES] = {
    TOPWORK_TEXT("horizontal"), TOPWORK_TEXT("vertical"), TOPWORK_TEXT("rising"),
    TOPWORK_TEXT("falling")};
static const topwork_split SPLITS[] = {
    {TOPWORK_TEXT("train"), SAMPLES}, {TOPWORK_TEXT("test"), SAMPLES}};

// The JSON Schema of the parameters. The host fills in no defaults: what an experiment leaves out is left out here, too.
#define SCHEMA                                                                                     \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"                     \
    "\"noise\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 90, \"default\": 60,"           \
    "  \"description\": \"how far apart equally bright pixels may be, of 255\"}}}"

// An instance: the parameters.
typedef struct {
    uint64_t noise;
} stripes;

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    (void)host;
    static const char *const KEYS[] = {"noise"};
    int64_t noise = 60; // what it is when left out
    topwork_json_status found = topwork_json_only(parameters, KEYS, 1);
    if (found == TOPWORK_JSON_OK) {
        found = topwork_json_integer(parameters, "/noise", 1, 90, &noise);
    }
    if (found > TOPWORK_JSON_MISSING) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, topwork_json_words(found));
    }
    stripes *made = (stripes *)malloc(sizeof(stripes));
    if (made == NULL) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    made->noise = (uint64_t)noise;
    *instance = made;
    return TOPWORK_STATUS_OK;
}

static void destroy(topwork_instance instance) { free(instance); }

static topwork_status describe(topwork_instance instance, topwork_dataset_description *description,
                               const topwork_sink *error) {
    (void)instance, (void)error;
    description->channels = 1;
    description->height = SIDE;
    description->width = SIDE;
    description->element = TOPWORK_ELEMENT_U8;
    description->abilities = TOPWORK_READS_IN_PARALLEL;
    description->classes = NAMES;
    description->class_count = CLASSES;
    description->splits = SPLITS;
    description->split_count = 2;
    return TOPWORK_STATUS_OK;
}

static topwork_status labels(topwork_instance instance, size_t split, uint32_t *out,
                             size_t capacity, size_t *count, const topwork_sink *error) {
    (void)instance;
    if (split > 1) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "there is no such split");
    }
    for (size_t sample = 0; sample < SAMPLES && sample < capacity; sample++) {
        out[sample] = (uint32_t)(sample % CLASSES);
    }
    *count = SAMPLES;
    return TOPWORK_STATUS_OK;
}

static uint64_t chance(uint64_t *state, uint64_t below) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 33) % below;
}

static void draw(const stripes *self, size_t split, uint64_t index, uint8_t *pixels) {
    // A stream of chance of its own for every image, so that any order of reading gives the same images.
    uint64_t state = (2 * index + split + 1) * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t width = 3 + chance(&state, 4), shift = chance(&state, 8);
    for (uint64_t pixel = 0; pixel < PIXELS; pixel++) {
        uint64_t row = pixel / SIDE, column = pixel % SIDE;
        const uint64_t across[CLASSES] = {row, column, row + column, row + SIDE - column};
        bool bright = (across[index % CLASSES] + shift) / width % 2 == 0;
        pixels[pixel] = (uint8_t)((bright ? 160 : 30) + chance(&state, self->noise));
    }
}

static topwork_status read_samples(topwork_instance instance, size_t split, const uint64_t *indices,
                                   size_t count, void *samples, size_t bytes,
                                   const topwork_sink *error) {
    if (split > 1 || bytes != count * PIXELS) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "no such split, or room for other images");
    }
    for (size_t sample = 0; sample < count; sample++) {
        if (indices[sample] >= SAMPLES) {
            return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "there are no more than 1000 images");
        }
        draw((const stripes *)instance, split, indices[sample], (uint8_t *)samples + sample * PIXELS);
    }
    return TOPWORK_STATUS_OK;
}

static const topwork_dataset_table DATASET = {
    sizeof(topwork_dataset_table), describe, labels, read_samples};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_DATASET,
    .id = TOPWORK_TEXT("@NAME@"),
    .about = TOPWORK_TEXT("stripes in four directions, 28 x 28"),
    .parameter_schema = TOPWORK_TEXT(SCHEMA),
    .create = create,
    .destroy = destroy,
    .table = &DATASET,
};

static const topwork_component *const COMPONENTS[] = {&COMPONENT};

static const topwork_entry ENTRY = {
    sizeof(topwork_entry),
    TOPWORK_ABI_MAJOR,
    TOPWORK_ABI_MINOR,
    TOPWORK_TEXT("@NAME@"),
    TOPWORK_TEXT("0.1.0"),
    TOPWORK_TEXT("MIT OR Apache-2.0"),
    NULL, // nothing to prepare
    NULL, // nor to undo
    COMPONENTS,
    1};

const topwork_entry *topwork_plugin_entry(void) { return &ENTRY; }
