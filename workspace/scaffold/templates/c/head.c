// A network head: dropout and one linear layer, which topwork trains on the features.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_json.h"
#include "topwork_plugin.h"
#include <stdio.h>

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

static topwork_status network(topwork_instance instance, const size_t *feature_shape, size_t rank,
                              size_t classes, const topwork_sink *blueprint,
                              const topwork_sink *error) {
    char text[300];
    (void)instance;
    if (rank == 1) {
        snprintf(text, sizeof text, "{\"format\": 1, \"input\": [%zu], \"layers\": [", feature_shape[0]);
    } else if (rank == 3) {
        snprintf(text, sizeof text,
                 "{\"format\": 1, \"input\": [%zu, %zu, %zu], \"layers\": ["
                 "{\"name\": \"flatten\", \"op\": \"flatten\"}, ",
                 feature_shape[0], feature_shape[1], feature_shape[2]);
    } else {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, "expected one or three numbers of shape");
    }
    topwork_write(blueprint, text);
    snprintf(text, sizeof text,
             "{\"name\": \"dropout\", \"op\": \"dropout\", \"rate\": 0.2}, "
             "{\"name\": \"logits\", \"op\": \"linear\", \"units\": %zu}]}",
             classes);
    topwork_write(blueprint, text);
    return TOPWORK_STATUS_OK;
}

static const topwork_network_head_table HEAD = {sizeof(topwork_network_head_table), network};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_NETWORK_HEAD,
    .id = TOPWORK_TEXT("@NAME@"),
    .about = TOPWORK_TEXT("dropout and one linear layer"),
    .parameter_schema = TOPWORK_TEXT(SCHEMA),
    .create = create,
    .destroy = destroy,
    .table = &HEAD,
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
