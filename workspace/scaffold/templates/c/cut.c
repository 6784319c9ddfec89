// A cut rule: behind every layer `relu`, whatever the backbone.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_json.h"
#include "topwork_plugin.h"

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

// Writes a value of a place as it stands in the text, quotes and all.
static void copy(const topwork_sink *sink, topwork_text value) {
    sink->write(sink->context, value.data, value.len);
}

static topwork_status cuts(topwork_instance instance, topwork_text backbone,
                           const topwork_sink *chosen, const topwork_sink *error) {
    (void)instance;
    size_t found = 0;
    topwork_text key, place, name;
    for (size_t i = 0; topwork_json_entry(backbone, "/places", i, &key, &place) == TOPWORK_JSON_OK; i++) {
        char op[8];
        // One that has more letters is no `relu` either.
        bool is_relu = topwork_json_string(place, "/op", op, sizeof op, NULL) == TOPWORK_JSON_OK &&
                       strcmp(op, "relu") == 0;
        if (is_relu && topwork_json_at(place, "/name", &name) == TOPWORK_JSON_OK) {
            topwork_write(chosen, found++ == 0 ? "{\"cuts\": [" : ", ");
            topwork_write(chosen, "{\"name\": ");
            copy(chosen, name);
            topwork_write(chosen, ", \"after\": ");
            copy(chosen, name);
            topwork_write(chosen, "}");
        }
    }
    if (found == 0) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, "the backbone has no layer `relu`");
    }
    topwork_write(chosen, "]}");
    return TOPWORK_STATUS_OK;
}

static const topwork_cut_rule_table CUT_RULE = {sizeof(topwork_cut_rule_table), cuts};

static const topwork_component COMPONENT = {
    .size = sizeof(topwork_component),
    .kind = TOPWORK_KIND_CUT_RULE,
    .id = TOPWORK_TEXT("@NAME@"),
    .about = TOPWORK_TEXT("behind every layer `relu`"),
    .parameter_schema = TOPWORK_TEXT(SCHEMA),
    .create = create,
    .destroy = destroy,
    .table = &CUT_RULE,
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
