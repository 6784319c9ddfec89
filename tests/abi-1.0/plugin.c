// A plugin as somebody may have built it when the ABI was 1.0: one component of each kind there was.
// It is compiled with the header of that version, which lies beside it and never changes.

#include "topwork_plugin.h"
#include <stdlib.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 3, SAMPLES = 150 };

static const char NO_PARAMETERS[] =
    "{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}";

#define NO_PARAMETERS_TEXT {(const uint8_t *)NO_PARAMETERS, sizeof NO_PARAMETERS - 1}

// ---- the dataset: a bright stripe in the upper, middle or lower part of an image

static const topwork_text STRIPES[CLASSES] = {
    TOPWORK_TEXT("upper"), TOPWORK_TEXT("middle"), TOPWORK_TEXT("lower")};
static const topwork_split SPLITS[] = {
    {TOPWORK_TEXT("train"), SAMPLES}, {TOPWORK_TEXT("test"), SAMPLES}};

static const topwork_host_services *last_host;
static int nothing;

static topwork_status create_nothing(const topwork_host_services *host, topwork_text parameters,
                                     topwork_instance *instance, const topwork_sink *error) {
    (void)parameters;
    // All of it that a host of 1.0 has.
    if (host->size < sizeof(topwork_host_services)) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "the host's services are too few");
    }
    last_host = host;
    *instance = &nothing;
    return TOPWORK_STATUS_OK;
}

static void destroy_nothing(topwork_instance instance) { (void)instance; }

static topwork_status describe(topwork_instance instance, topwork_dataset_description *description,
                               const topwork_sink *error) {
    (void)instance;
    if (description->size < sizeof(topwork_dataset_description)) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "too little room");
    }
    description->channels = 1;
    description->height = SIDE;
    description->width = SIDE;
    description->element = TOPWORK_ELEMENT_U8;
    description->abilities = TOPWORK_READS_IN_PARALLEL;
    description->classes = STRIPES;
    description->class_count = CLASSES;
    description->splits = SPLITS;
    description->split_count = 2;
    return TOPWORK_STATUS_OK;
}

static topwork_status labels(topwork_instance instance, size_t split, uint32_t *out,
                             size_t capacity, size_t *count, const topwork_sink *error) {
    (void)instance, (void)split, (void)error;
    for (size_t sample = 0; sample < capacity; sample++) {
        out[sample] = (uint32_t)(sample % CLASSES);
    }
    *count = SAMPLES;
    return TOPWORK_STATUS_OK;
}

static topwork_status read_samples(topwork_instance instance, size_t split, const uint64_t *indices,
                                   size_t count, void *samples, size_t bytes,
                                   const topwork_sink *error) {
    (void)instance, (void)bytes, (void)error;
    for (size_t sample = 0; sample < count; sample++) {
        uint8_t *pixels = (uint8_t *)samples + sample * PIXELS;
        uint64_t stripe = indices[sample] % CLASSES;
        uint64_t noise = (indices[sample] + 1) * 2654435761u + split;
        for (size_t pixel = 0; pixel < PIXELS; pixel++) {
            noise = noise * 6364136223846793005u + 1442695040888963407u;
            pixels[pixel] = (uint8_t)((noise >> 58) + (pixel / SIDE / 3 == stripe ? 150 : 0));
        }
    }
    return TOPWORK_STATUS_OK;
}

static const topwork_dataset_table DATASET = {
    sizeof(topwork_dataset_table), describe, labels, read_samples};

// ---- the backbone and the network head

static topwork_status backbone_network(topwork_instance instance, const topwork_sink *blueprint,
                                       const topwork_sink *error) {
    (void)instance, (void)error;
    topwork_write(blueprint, "{\"format\": 1, \"input\": [1, 8, 8], \"layers\": ["
                             "{\"name\": \"conv\", \"op\": \"conv2d\", \"filters\": 4, \"kernel\": [3, 3]},"
                             "{\"name\": \"relu\", \"op\": \"relu\"},"
                             "{\"name\": \"flatten\", \"op\": \"flatten\"}],"
                             "\"cuts\": [{\"name\": \"features\", \"after\": \"flatten\"}]}");
    return TOPWORK_STATUS_OK;
}

static const topwork_backbone_table BACKBONE = {sizeof(topwork_backbone_table), backbone_network};

static void write_number(const topwork_sink *sink, size_t number) {
    char digits[24];
    size_t start = sizeof digits;
    digits[--start] = 0;
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    topwork_write(sink, digits + start);
}

static topwork_status head_network(topwork_instance instance, const size_t *feature_shape,
                                   size_t rank, size_t classes, const topwork_sink *blueprint,
                                   const topwork_sink *error) {
    (void)instance;
    if (rank != 1) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, "takes features in one row");
    }
    topwork_write(blueprint, "{\"format\": 1, \"input\": [");
    write_number(blueprint, feature_shape[0]);
    topwork_write(blueprint, "], \"layers\": [{\"name\": \"logits\", \"op\": \"linear\", \"units\": ");
    write_number(blueprint, classes);
    topwork_write(blueprint, "}]}");
    return TOPWORK_STATUS_OK;
}

static const topwork_network_head_table HEAD = {sizeof(topwork_network_head_table), head_network};

// ---- the classifier: the nearest mean

typedef struct {
    float *means;
    size_t classes, dimensions;
} nearest;

static topwork_status create_nearest(const topwork_host_services *host, topwork_text parameters,
                                     topwork_instance *instance, const topwork_sink *error) {
    (void)host, (void)parameters;
    *instance = calloc(1, sizeof(nearest));
    if (*instance == NULL) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    return TOPWORK_STATUS_OK;
}

static void destroy_nearest(topwork_instance instance) {
    free(((nearest *)instance)->means);
    free(instance);
}

static topwork_status fit(topwork_instance instance, const topwork_features *features,
                          const uint32_t *of, size_t classes, const topwork_fit_options *options,
                          topwork_fit_report *report, const topwork_sink *note,
                          const topwork_sink *error) {
    nearest *head = instance;
    size_t dimensions = features->dimensions;
    (void)options;
    free(head->means);
    head->means = calloc(classes * dimensions, sizeof(float));
    size_t *counts = calloc(classes, sizeof(size_t));
    if (head->means == NULL || counts == NULL) {
        free(counts);
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    head->classes = classes;
    head->dimensions = dimensions;
    for (size_t sample = 0; sample < features->samples; sample++) {
        counts[of[sample]]++;
        for (size_t d = 0; d < dimensions; d++) {
            head->means[of[sample] * dimensions + d] += features->data[sample * dimensions + d];
        }
    }
    for (size_t c = 0; c < classes; c++) {
        for (size_t d = 0; d < dimensions && counts[c] > 0; d++) {
            head->means[c * dimensions + d] /= (float)counts[c];
        }
    }
    free(counts);
    report->iterations = 1;
    report->parameters = classes * dimensions;
    report->converged = 1;
    report->reserved = 0;
    topwork_write(note, "counted once");
    return TOPWORK_STATUS_OK;
}

static topwork_status predict(topwork_instance instance, const topwork_features *features,
                              size_t classes, float *scores, const topwork_sink *error) {
    const nearest *head = instance;
    if (head->means == NULL || head->classes != classes ||
        head->dimensions != features->dimensions) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_CALL, "not fitted to such features");
    }
    for (size_t sample = 0; sample < features->samples; sample++) {
        for (size_t c = 0; c < classes; c++) {
            float distance = 0;
            for (size_t d = 0; d < head->dimensions; d++) {
                float gap = features->data[sample * head->dimensions + d] -
                            head->means[c * head->dimensions + d];
                distance += gap * gap;
            }
            scores[sample * classes + c] = -distance;
        }
    }
    return TOPWORK_STATUS_OK;
}

static const topwork_classifier_table CLASSIFIER = {
    sizeof(topwork_classifier_table), fit, predict};

static const void *no_extension(topwork_text id) {
    (void)id;
    return NULL;
}

// ---- what it offers

static const topwork_component STRIPES_COMPONENT = {
    sizeof(topwork_component), TOPWORK_KIND_DATASET, TOPWORK_TEXT("stripes"),
    TOPWORK_TEXT("bright stripes"), NO_PARAMETERS_TEXT, create_nothing, destroy_nothing, &DATASET,
    NULL};
static const topwork_component BACKBONE_COMPONENT = {
    sizeof(topwork_component), TOPWORK_KIND_BACKBONE_BLUEPRINT, TOPWORK_TEXT("one-convolution"),
    TOPWORK_TEXT("one convolution"), NO_PARAMETERS_TEXT, create_nothing, destroy_nothing, &BACKBONE,
    NULL};
static const topwork_component HEAD_COMPONENT = {
    sizeof(topwork_component), TOPWORK_KIND_NETWORK_HEAD, TOPWORK_TEXT("logits"),
    TOPWORK_TEXT("one linear layer"), NO_PARAMETERS_TEXT, create_nothing, destroy_nothing, &HEAD,
    NULL};
static const topwork_component CLASSIFIER_COMPONENT = {
    sizeof(topwork_component), TOPWORK_KIND_CLASSIFIER_HEAD, TOPWORK_TEXT("nearest"),
    TOPWORK_TEXT("the nearest mean"), NO_PARAMETERS_TEXT, create_nearest, destroy_nearest,
    &CLASSIFIER, no_extension};

static const topwork_component *const COMPONENTS[] = {
    &STRIPES_COMPONENT, &BACKBONE_COMPONENT, &HEAD_COMPONENT, &CLASSIFIER_COMPONENT};

static topwork_status init(const topwork_host_services *host, const topwork_sink *error) {
    (void)error;
    const topwork_text line = TOPWORK_TEXT("built for 1.0");
    host->log(host->context, TOPWORK_LEVEL_INFO, line);
    return TOPWORK_STATUS_OK;
}

static void deinit(void) { last_host = NULL; }

static const topwork_entry ENTRY = {
    sizeof(topwork_entry), TOPWORK_ABI_MAJOR, TOPWORK_ABI_MINOR,
    TOPWORK_TEXT("abi-1-0"), TOPWORK_TEXT("1.0.0"), TOPWORK_TEXT("MIT OR Apache-2.0"),
    init, deinit, COMPONENTS, sizeof COMPONENTS / sizeof COMPONENTS[0]};

const topwork_entry *topwork_plugin_entry(void) { return &ENTRY; }
