// A cut rule: behind every layer `relu`, whatever the backbone.
//
// topwork_plugin.h says what every function has to do; this file fills the tables for one component.

#include "topwork_plugin.h"
#include <stdlib.h>

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

// The next place in the list of a backbone's places, as it stands in the text; null at the end.
static const char *next_place(const char *at, const char **end) {
    const char *start = strchr(at, '{');
    *end = start == NULL ? NULL : strchr(start, '}');
    return *end == NULL ? NULL : start;
}

// The value of a key within a place: what stands between the quotes.
static const char *value_of(const char *place, const char *end, const char *key, size_t *length) {
    const char *at = strstr(place, key);
    if (at == NULL || at > end) {
        return NULL;
    }
    at = strchr(at + strlen(key), ':');
    at = at == NULL ? NULL : strchr(at, '"');
    if (at == NULL || at > end) {
        return NULL;
    }
    *length = strcspn(at + 1, "\"");
    return at + 1;
}

// This reads the places as topwork writes them, one object without others inside for each. A rule that has more to do
// takes a JSON library instead.
static topwork_status cuts(topwork_instance instance, topwork_text backbone,
                           const topwork_sink *chosen, const topwork_sink *error) {
    (void)instance;
    char *text = (char *)malloc(backbone.len + 1);
    if (text == NULL) {
        return topwork_fail(error, TOPWORK_STATUS_FAILED, "out of memory");
    }
    // A text of the interface does not end with a zero.
    memcpy(text, backbone.data, backbone.len);
    text[backbone.len] = 0;
    size_t found = 0;
    const char *end, *places = strstr(text, "\"places\"");
    const char *place = places == NULL ? NULL : next_place(places, &end);
    for (; place != NULL; place = next_place(end, &end)) {
        size_t name_length, op_length;
        const char *name = value_of(place, end, "\"name\"", &name_length);
        const char *op = value_of(place, end, "\"op\"", &op_length);
        if (name != NULL && op != NULL && op_length == 4 && strncmp(op, "relu", 4) == 0) {
            topwork_write(chosen, found++ == 0 ? "{\"cuts\": [" : ", ");
            topwork_write(chosen, "{\"name\": \"");
            chosen->write(chosen->context, (const uint8_t *)name, name_length);
            topwork_write(chosen, "\", \"after\": \"");
            chosen->write(chosen->context, (const uint8_t *)name, name_length);
            topwork_write(chosen, "\"}");
        }
    }
    free(text);
    if (found == 0) {
        return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, "the backbone has no layer `relu`");
    }
    topwork_write(chosen, "]}");
    return TOPWORK_STATUS_OK;
}

static const topwork_cut_rule_table CUT_RULE = {sizeof(topwork_cut_rule_table), cuts};

static const topwork_component COMPONENT = {
    sizeof(topwork_component),
    TOPWORK_KIND_CUT_RULE,
    TOPWORK_TEXT("@NAME@"),
    TOPWORK_TEXT("behind every layer `relu`"),
    TOPWORK_TEXT(SCHEMA),
    create,
    destroy,
    &CUT_RULE,
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
