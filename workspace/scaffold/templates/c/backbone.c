// A backbone: two convolutions with pooling, which topwork builds, trains and cuts.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_json.h"
#include "topwork_plugin.h"

// The layers as a JSON document; topwork_backbone_table in the header lists all operations.
static const char NETWORK[] =
    "{ \"format\": 1, \"input\": [1, 28, 28],"
    "  \"layers\": ["
    "    {\"name\": \"conv1\", \"op\": \"conv2d\", \"filters\": 8, \"kernel\": [5, 5]},"
    "    {\"name\": \"relu1\", \"op\": \"relu\"},"
    "    {\"name\": \"pool1\", \"op\": \"max-pool2d\", \"kernel\": [2, 2]},"
    "    {\"name\": \"conv2\", \"op\": \"conv2d\", \"filters\": 16, \"kernel\": [5, 5]},"
    "    {\"name\": \"relu2\", \"op\": \"relu\"},"
    "    {\"name\": \"pool2\", \"op\": \"max-pool2d\", \"kernel\": [2, 2]},"
    "    {\"name\": \"flatten\", \"op\": \"flatten\"}],"
    "  \"cuts\": ["
    "    {\"name\": \"pool1\", \"after\": \"pool1\"},"
    "    {\"name\": \"features\", \"after\": \"flatten\"}] }";

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

static topwork_status network(topwork_instance instance, const topwork_sink *blueprint,
                              const topwork_sink *error) {
    (void)instance, (void)error;
    topwork_write(blueprint, NETWORK);
    return TOPWORK_STATUS_OK;
}

static const topwork_backbone_table BACKBONE = {sizeof(topwork_backbone_table), network};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_BACKBONE_BLUEPRINT,
    .id = TOPWORK_TEXT("@NAME@"),
    .about = TOPWORK_TEXT("two convolutions with pooling, for images of 1 x 28 x 28"),
    .parameter_schema = TOPWORK_TEXT(SCHEMA),
    .create = create,
    .destroy = destroy,
    .table = &BACKBONE,
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
