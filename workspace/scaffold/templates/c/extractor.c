// An extractor: a backbone that computes its features itself. Here the mean brightness of square cells, and how it changes
// from cell to cell; a model file or a vendor's library would be called in the same place.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_json.h"
#include "topwork_plugin.h"

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CELL = 4,            // pixels along the side of a cell
    CELLS = SIDE / CELL, // cells along the side of an image
    CHANGES = 2 * CELLS * (CELLS - 1)
};

static const char DESCRIPTION[] =
    "{ \"format\": 1, \"input\": [1, 28, 28], \"parallel\": true,"
    "  \"cuts\": ["
    "    {\"name\": \"cells\", \"shape\": [1, 7, 7]},"
    "    {\"name\": \"changes\", \"shape\": [84]}] }";

// The JSON Schema of the parameters: there are none.
#define SCHEMA "{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"

// There is nothing to remember from call to call, so any address will do for an instance.
static int nothing;

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    (void)host;
    topwork_json_status found = topwork_json_only(parameters, NULL, 0);
    if (found != TOPWORK_JSON_OK) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, topwork_json_words(found));
    }
    *instance = &nothing;
    return TOPWORK_STATUS_OK;
}

static void destroy(topwork_instance instance) { (void)instance; }

static topwork_status describe(topwork_instance instance, const topwork_sink *description,
                               const topwork_sink *error) {
    (void)instance, (void)error;
    topwork_write(description, DESCRIPTION);
    return TOPWORK_STATUS_OK;
}

static void cells(const float *image, float *out) {
    memset(out, 0, CELLS * CELLS * sizeof(float));
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        size_t row = pixel / SIDE / CELL, column = pixel % SIDE / CELL;
        out[row * CELLS + column] += image[pixel] / (CELL * CELL);
    }
}

static void changes(const float *cell, float *out) {
    for (size_t at = 0; at < CELLS * CELLS; at++) {
        if (at % CELLS + 1 < CELLS) {
            *out++ = cell[at + 1] - cell[at];
        }
        if (at / CELLS + 1 < CELLS) {
            *out++ = cell[at + CELLS] - cell[at];
        }
    }
}

static topwork_status forward(topwork_instance instance, size_t cut, const float *samples,
                              size_t count, float *features, const topwork_sink *error) {
    (void)instance;
    if (cut > 1) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "there is no such cut");
    }
    for (size_t sample = 0; sample < count; sample++) {
        const float *image = samples + sample * PIXELS;
        if (cut == 0) {
            cells(image, features + sample * CELLS * CELLS);
        } else {
            float cell[CELLS * CELLS];
            cells(image, cell);
            changes(cell, features + sample * CHANGES);
        }
    }
    return TOPWORK_STATUS_OK;
}

static const topwork_extractor_table EXTRACTOR = {
    sizeof(topwork_extractor_table), describe, forward};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_BACKBONE_EXTRACTOR,
    .id = TOPWORK_TEXT("@NAME@"),
    .about = TOPWORK_TEXT("the brightness of square cells of 1 x 28 x 28 images, and its changes"),
    .parameter_schema = TOPWORK_TEXT(SCHEMA),
    .create = create,
    .destroy = destroy,
    .table = &EXTRACTOR,
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
