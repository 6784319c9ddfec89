// An extractor backbone in C: histograms of oriented gradients (N. Dalal, B. Triggs: Histograms of Oriented Gradients for
// Human Detection, CVPR 2005), features made by hand that need no training.
//
// topwork_plugin.h is the documentation; this file shows one way to fill its tables for an extractor.

#include "topwork_json.h"
#include "topwork_plugin.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CELL = 4,            // pixels along the side of a cell
    CELLS = SIDE / CELL, // cells along the side of an image
    BLOCKS = CELLS - 1,  // blocks of 2 x 2 cells, one beside the other, overlapping
    MOST_BINS = 36
};

// Added to what is divided by, so that flat parts of an image give zeros.
static const float EPSILON = 1e-3f;
// No number of a block is greater: a single strong edge must not hide the others.
static const float CLIP = 0.2f;

static const char SCHEMA[] =
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
    "\"bins\": {\"type\": \"integer\", \"enum\": [6, 9, 12, 18], \"default\": 9,"
    "  \"description\": \"directions that are told apart, from 0 to 180 degrees\"}}}";

typedef struct {
    size_t bins;
} hog;

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    (void)host;
    static const char *const KEYS[] = {"bins"};
    int64_t bins = 9; // what it is when left out
    topwork_json_status found = topwork_json_only(parameters, KEYS, 1);
    if (found == TOPWORK_JSON_OK) {
        found = topwork_json_integer(parameters, "/bins", 6, 18, &bins);
    }
    if (found > TOPWORK_JSON_MISSING) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, topwork_json_words(found));
    }
    if (bins != 6 && bins != 9 && bins != 12 && bins != 18) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS,
                            "`bins` has a value that is not one of 6, 9, 12 and 18");
    }
    hog *made = malloc(sizeof *made);
    if (made == NULL) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    made->bins = (size_t)bins;
    *instance = made;
    return TOPWORK_STATUS_OK;
}

static void destroy(topwork_instance instance) { free(instance); }

static size_t hog_length(const hog *self) { return BLOCKS * BLOCKS * 4 * self->bins; }

static topwork_status describe(topwork_instance instance, const topwork_sink *description,
                               const topwork_sink *error) {
    const hog *self = instance;
    char json[400];
    (void)error;
    snprintf(json, sizeof json,
             "{\"format\": 1, \"input\": [1, %d, %d], \"parallel\": true, \"cuts\": ["
             "{\"name\": \"gradients\", \"shape\": [2, %d, %d]},"
             "{\"name\": \"cells\", \"shape\": [%d, %d, %d]},"
             "{\"name\": \"hog\", \"shape\": [%d]}]}",
             SIDE, SIDE, SIDE, SIDE, (int)self->bins, CELLS, CELLS, (int)hog_length(self));
    topwork_write(description, json);
    return TOPWORK_STATUS_OK;
}

// Differences of neighbours, across in the first channel and down in the second; outside is as the edge.
static void gradients(const float *image, float *out) {
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            int left = column > 0 ? column - 1 : 0, right = column < SIDE - 1 ? column + 1 : column;
            int above = row > 0 ? row - 1 : 0, below = row < SIDE - 1 ? row + 1 : row;
            out[row * SIDE + column] = image[row * SIDE + right] - image[row * SIDE + left];
            out[PIXELS + row * SIDE + column] =
                image[below * SIDE + column] - image[above * SIDE + column];
        }
    }
}

// For every cell a histogram of directions, weighted by the size of the gradient: bins x cells x cells. A direction between
// the middles of two bins counts for both.
static void cells(const hog *self, const float *gradient, float *out) {
    const float pi = 3.14159265f;
    memset(out, 0, self->bins * CELLS * CELLS * sizeof(float));
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        float across = gradient[pixel], down = gradient[PIXELS + pixel];
        float size = sqrtf(across * across + down * down);
        float direction = atan2f(down, across);
        // Light to dark counts as dark to light.
        float turn = direction < 0.0f ? direction + pi : direction;
        float place = turn / pi * (float)self->bins - 0.5f;
        float lower = floorf(place);
        size_t first = (size_t)(lower + (float)self->bins) % self->bins;
        size_t second = (first + 1) % self->bins;
        size_t cell = pixel / SIDE / CELL * CELLS + pixel % SIDE / CELL;
        out[first * CELLS * CELLS + cell] += size * (1.0f - (place - lower));
        out[second * CELLS * CELLS + cell] += size * (place - lower);
    }
}

static float length_of(const float *vector, size_t count) {
    float sum = EPSILON * EPSILON;
    for (size_t i = 0; i < count; i++) {
        sum += vector[i] * vector[i];
    }
    return sqrtf(sum);
}

// Blocks of 2 x 2 cells, each brought to length 1, clipped, and brought to length 1 again.
static void blocks(const hog *self, const float *cell, float *out) {
    size_t count = 4 * self->bins;
    for (size_t block = 0; block < BLOCKS * BLOCKS; block++) {
        float *vector = out + block * count;
        for (size_t corner = 0; corner < 4; corner++) {
            size_t row = block / BLOCKS + corner / 2, column = block % BLOCKS + corner % 2;
            for (size_t bin = 0; bin < self->bins; bin++) {
                vector[corner * self->bins + bin] =
                    cell[bin * CELLS * CELLS + row * CELLS + column];
            }
        }
        float length = length_of(vector, count);
        for (size_t i = 0; i < count; i++) {
            vector[i] = fminf(vector[i] / length, CLIP);
        }
        length = length_of(vector, count);
        for (size_t i = 0; i < count; i++) {
            vector[i] /= length;
        }
    }
}

static topwork_status forward(topwork_instance instance, size_t cut, const float *samples,
                              size_t count, float *features, const topwork_sink *error) {
    const hog *self = instance;
    // Calls may overlap, so nothing is kept in the instance.
    float gradient[2 * PIXELS], cell[MOST_BINS * CELLS * CELLS];
    if (cut > 2) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "there is no such cut");
    }
    for (size_t sample = 0; sample < count; sample++) {
        const float *image = samples + sample * PIXELS;
        if (cut == 0) {
            gradients(image, features + sample * 2 * PIXELS);
            continue;
        }
        gradients(image, gradient);
        if (cut == 1) {
            cells(self, gradient, features + sample * self->bins * CELLS * CELLS);
            continue;
        }
        cells(self, gradient, cell);
        blocks(self, cell, features + sample * hog_length(self));
    }
    return TOPWORK_STATUS_OK;
}

static const topwork_extractor_table EXTRACTOR = {
    sizeof(topwork_extractor_table), describe, forward};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_BACKBONE_EXTRACTOR,
    .id = TOPWORK_TEXT("hog"),
    .about = TOPWORK_TEXT("histograms of oriented gradients of 28 x 28 images"),
    .parameter_schema = {(const uint8_t *)SCHEMA, sizeof SCHEMA - 1},
    .create = create,
    .destroy = destroy,
    .table = &EXTRACTOR,
};

static const topwork_component *const COMPONENTS[] = {&COMPONENT};

static const topwork_entry ENTRY = {
    sizeof(topwork_entry), TOPWORK_ABI_MAJOR, TOPWORK_ABI_MINOR,
    TOPWORK_TEXT("c-hog"), TOPWORK_TEXT("1.0.0"), TOPWORK_TEXT("MIT OR Apache-2.0"),
    NULL, NULL, COMPONENTS, 1};

const topwork_entry *topwork_plugin_entry(void) { return &ENTRY; }
