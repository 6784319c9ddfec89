// What topwork expects of the plugin's component, asked in this process: `make test`. It includes the plugin, so that functions which
// nobody else sees can be tested here, too. `make check` tries far more, but only through the interface.

#include "plugin.c"
#include <stdio.h>

static int failed;

#define CHECK(right)                                                                               \
    do {                                                                                           \
        if (!(right)) {                                                                            \
            failed++;                                                                              \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #right);                             \
        }                                                                                          \
    } while (0)

// What the plugin says of a failure, cut off at the end of the room.
typedef struct {
    char text[200];
    size_t length;
} said;

static void hear(void *context, const uint8_t *bytes, size_t length) {
    said *heard = (said *)context;
    size_t room = sizeof heard->text - 1 - heard->length;
    size_t kept = length < room ? length : room;
    memcpy(heard->text + heard->length, bytes, kept);
    heard->length += kept;
}

// Makes the component with these parameters, and lets it go again.
static topwork_status try_parameters(const char *json, said *heard) {
    const topwork_component *component = topwork_plugin_entry()->components[0];
    const topwork_sink error = {heard, hear};
    const topwork_text parameters = {(const uint8_t *)json, strlen(json)};
    topwork_instance instance = NULL;
    memset(heard, 0, sizeof *heard);
    topwork_status status = component->create(NULL, parameters, &instance, &error);
    if (status == TOPWORK_STATUS_OK) {
        component->destroy(instance);
    }
    return status;
}

int main(void) {
    const topwork_entry *entry = topwork_plugin_entry();
    said heard;
    CHECK(entry->abi_major == TOPWORK_ABI_MAJOR);
    CHECK(entry->component_count == 1);
    // Nothing has to be given.
    CHECK(try_parameters("{}", &heard) == TOPWORK_STATUS_OK);
    CHECK(try_parameters("", &heard) == TOPWORK_STATUS_OK);
    // What is wrong is refused in words.
    const char *const wrong[] = {"{\"no-such-parameter\": 1}", "[]", "{", "{} {}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(try_parameters(wrong[i], &heard) == TOPWORK_STATUS_BAD_PARAMETERS);
        CHECK(heard.length > 0);
    }
    printf(failed == 0 ? "ok\n" : "%d failed\n", failed);
    return failed == 0 ? 0 : 1;
}
