// A backbone: two convolutions with pooling, which topwork builds, trains and cuts.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

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

// Whether the parameters are what the schema allows: an object without keys.
static bool are_none(topwork_text parameters) {
    char wanted = '{'; // then '}', then nothing
    for (size_t i = 0; i < parameters.len; i++) {
        char here = (char)parameters.data[i];
        if (here == wanted && wanted != 0) {
            wanted = wanted == '{' ? '}' : 0;
        } else if (here != ' ' && here != '\n' && here != '\t' && here != '\r') {
            return false;
        }
    }
    return wanted == 0 || parameters.len == 0;
}

// There is nothing to remember from call to call, so any address will do for an instance.
static int nothing;

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    (void)host;
    if (!are_none(parameters)) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, "there are no parameters");
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
    sizeof(topwork_component),
    TOPWORK_KIND_BACKBONE_BLUEPRINT,
    TOPWORK_TEXT("@NAME@"),
    TOPWORK_TEXT("two convolutions with pooling, for images of 1 x 28 x 28"),
    TOPWORK_TEXT(SCHEMA),
    create,
    destroy,
    &BACKBONE,
    NULL};

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
