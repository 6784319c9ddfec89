#include "topwork_plugin.h"

// The layers as a JSON document: see topwork_backbone_table.
static const char NETWORK[] =
    "{ \"format\": 1, \"input\": [1, 28, 28],"
    "  \"layers\": ["
    "    {\"name\": \"conv1\", \"op\": \"conv2d\", \"filters\": 8, \"kernel\": [5, 5]},"
    "    {\"name\": \"relu1\", \"op\": \"relu\"},"
    "    {\"name\": \"pool1\", \"op\": \"max-pool2d\", \"kernel\": [2, 2]},"
    "    {\"name\": \"flatten\", \"op\": \"flatten\"}],"
    "  \"cuts\": [{\"name\": \"features\", \"after\": \"flatten\"}] }";

// There are no parameters and nothing to remember: any address will do for an instance.
static int nothing;

static topwork_status create(const topwork_host_services *host, topwork_text parameters,
                             topwork_instance *instance, const topwork_sink *error) {
    (void)host, (void)parameters, (void)error;
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

static const topwork_component TINY = {
    sizeof(topwork_component),
    TOPWORK_KIND_BACKBONE_BLUEPRINT,
    TOPWORK_TEXT("tiny"),                            // its id, for `use = "tiny"`
    TOPWORK_TEXT("one convolution for 28 x 28 images"),
    TOPWORK_TEXT("{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"),
    create, destroy, &BACKBONE, NULL, NULL, NULL};

static const topwork_component *const COMPONENTS[] = {&TINY};

static const topwork_entry ENTRY = {
    sizeof(topwork_entry), TOPWORK_ABI_MAJOR, TOPWORK_ABI_MINOR,
    TOPWORK_TEXT("my-plugin"), TOPWORK_TEXT("1.0.0"), TOPWORK_TEXT("MIT"),
    NULL, NULL, COMPONENTS, 1};

const topwork_entry *topwork_plugin_entry(void) { return &ENTRY; }
