// A classifier head: the class whose mean is nearest, fitted once to the features.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_json.h"
#include "topwork_plugin.h"
#include <stdlib.h>

// What an instance remembers: classes x dimensions numbers, null before the first fit.
typedef struct {
    const topwork_host_services *host;
    float *means;
    size_t classes, dimensions;
} nearest;

// The JSON Schema of the parameters: there are none.
#define SCHEMA "{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    topwork_json_status found = topwork_json_only(parameters, NULL, 0);
    if (found != TOPWORK_JSON_OK) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, topwork_json_words(found));
    }
    nearest *made = (nearest *)calloc(1, sizeof(nearest));
    if (made == NULL) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    made->host = host;
    *instance = made;
    return TOPWORK_STATUS_OK;
}

static void destroy(topwork_instance instance) {
    free(((nearest *)instance)->means);
    free(instance);
}

static topwork_status fit(topwork_instance instance, const topwork_features *features,
                          const uint32_t *labels, size_t classes,
                          const topwork_fit_options *options, topwork_fit_report *report,
                          const topwork_sink *note, const topwork_sink *error) {
    nearest *self = (nearest *)instance;
    size_t dimensions = features->dimensions;
    float *means = (float *)calloc(classes * dimensions, sizeof(float));
    float *counts = (float *)calloc(classes, sizeof(float));
    (void)options, (void)note; // nothing is random here, and there is nothing to say
    if (means == NULL || counts == NULL) {
        free(means);
        free(counts);
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    for (size_t sample = 0; sample < features->samples; sample++) {
        if (sample % 1024 == 0 && self->host->should_stop(self->host->context)) {
            free(means);
            free(counts);
            return TOPWORK_STATUS_STOPPED;
        }
        const float *row = features->data + sample * dimensions;
        float *mean = means + labels[sample] * dimensions;
        counts[labels[sample]] += 1.0f;
        for (size_t d = 0; d < dimensions; d++) {
            // The mean of what has come so far.
            mean[d] += (row[d] - mean[d]) / counts[labels[sample]];
        }
    }
    free(counts);
    free(self->means);
    self->means = means;
    self->classes = classes;
    self->dimensions = dimensions;
    report->iterations = 1;
    report->parameters = classes * dimensions;
    report->converged = 1;
    report->reserved = 0;
    return TOPWORK_STATUS_OK;
}

static topwork_status predict(topwork_instance instance, const topwork_features *features,
                              size_t classes, float *scores, const topwork_sink *error) {
    const nearest *self = (const nearest *)instance;
    size_t dimensions = features->dimensions;
    if (self->means == NULL || self->classes != classes || self->dimensions != dimensions) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "not fitted to such classes and features");
    }
    for (size_t sample = 0; sample < features->samples; sample++) {
        for (size_t c = 0; c < classes; c++) {
            float squares = 0.0f;
            for (size_t d = 0; d < dimensions; d++) {
                float gap = features->data[sample * dimensions + d] - self->means[c * dimensions + d];
                squares += gap * gap;
            }
            scores[sample * classes + c] = -squares;
        }
    }
    return TOPWORK_STATUS_OK;
}

static const topwork_classifier_table CLASSIFIER = {
    sizeof(topwork_classifier_table), fit, predict};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_CLASSIFIER_HEAD,
    .id = TOPWORK_TEXT("@NAME@"),
    .about = TOPWORK_TEXT("the class whose mean is nearest"),
    .parameter_schema = TOPWORK_TEXT(SCHEMA),
    .create = create,
    .destroy = destroy,
    .table = &CLASSIFIER,
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
