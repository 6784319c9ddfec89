/* topwork_json.h: reads the parameters of a component, which arrive as JSON, without allocating.
 *
 *     static topwork_status create(const topwork_host_services *host, topwork_text parameters,
 *                                  topwork_instance *instance, const topwork_sink *error) {
 *         double noise = 0.2;                       // what it is when the experiment leaves it out
 *         topwork_json_status found = topwork_json_number(parameters, "/noise", 0, 1, &noise);
 *         if (found > TOPWORK_JSON_MISSING) {
 *             return topwork_fail(error, TOPWORK_STATUS_BAD_PARAMETERS, topwork_json_words(found));
 *         }
 *
 * A value is named by a JSON Pointer (RFC 6901): "/noise" is a key, "/shape/0" the first element of an array, "" the whole text;
 * in a key `~1` stands for a slash and `~0` for a tilde. Every function looks through the text it is given, so that what stands
 * behind the value is checked, too: a text that is not JSON is TOPWORK_JSON_MALFORMED whatever is asked of it. An empty text counts
 * as an object without keys. Of keys that are there twice the first counts. Results are written only with TOPWORK_JSON_OK.
 *
 * C99 or C++11, in any number of files of a plugin. It is no part of the interface between host and plugin: take it or leave it.
 */
#ifndef TOPWORK_JSON_H
#define TOPWORK_JSON_H

#include "topwork_plugin.h"

#include <locale.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What came of a question. All above TOPWORK_JSON_MISSING are mistakes in the text. */
typedef enum topwork_json_status {
    TOPWORK_JSON_OK = 0,
    TOPWORK_JSON_MISSING = 1,      /* there is no such key or element */
    TOPWORK_JSON_WRONG_TYPE = 2,   /* it is something else than what was asked for */
    TOPWORK_JSON_OUT_OF_RANGE = 3, /* a number outside of the bounds, or one longer than TOPWORK_JSON_LONGEST_NUMBER */
    TOPWORK_JSON_NO_ROOM = 4,      /* a string longer than the room for it */
    TOPWORK_JSON_UNKNOWN_KEY = 5,  /* a key that is none of those there may be */
    TOPWORK_JSON_MALFORMED = 6     /* the text is not JSON, or is nested deeper than TOPWORK_JSON_DEEPEST */
} topwork_json_status;

/* What a value is. */
typedef enum topwork_json_kind {
    TOPWORK_JSON_NULL,
    TOPWORK_JSON_BOOL,
    TOPWORK_JSON_NUMBER,
    TOPWORK_JSON_STRING,
    TOPWORK_JSON_ARRAY,
    TOPWORK_JSON_OBJECT
} topwork_json_kind;

enum {
    TOPWORK_JSON_DEEPEST = 64,        /* arrays and objects within each other */
    TOPWORK_JSON_LONGEST_NUMBER = 127 /* characters */
};

/* The status in words, for topwork_fail. */
static inline const char *topwork_json_words(topwork_json_status status) {
    switch (status) {
    case TOPWORK_JSON_OK: return "a parameter is right";
    case TOPWORK_JSON_MISSING: return "a parameter is missing";
    case TOPWORK_JSON_WRONG_TYPE: return "a parameter is of another type than its description says";
    case TOPWORK_JSON_OUT_OF_RANGE: return "a parameter has a value that its description does not allow";
    case TOPWORK_JSON_NO_ROOM: return "a parameter is too long";
    case TOPWORK_JSON_UNKNOWN_KEY: return "a parameter that is not known";
    case TOPWORK_JSON_MALFORMED: return "the parameters are not JSON";
    }
    return "an unknown status";
}

/* ---- how a text is gone through; use what stands below */

/* The bytes that are left. */
typedef struct topwork_json_reader {
    const uint8_t *at, *end;
} topwork_json_reader;

static inline void topwork_json_skip_spaces(topwork_json_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

/* Goes past one byte, if it is this one. */
static inline bool topwork_json_take(topwork_json_reader *r, char byte) {
    bool here = r->at < r->end && *r->at == (uint8_t)byte;
    r->at += here;
    return here;
}

static inline bool topwork_json_take_word(topwork_json_reader *r, const char *word) {
    size_t length = strlen(word);
    bool here = (size_t)(r->end - r->at) >= length && memcmp(r->at, word, length) == 0;
    r->at += here ? length : 0;
    return here;
}

/* Goes past digits, and says whether there were any. */
static inline bool topwork_json_take_digits(topwork_json_reader *r) {
    const uint8_t *begin = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        r->at++;
    }
    return r->at > begin;
}

static inline bool topwork_json_take_number(topwork_json_reader *r) {
    topwork_json_take(r, '-');
    if (!topwork_json_take(r, '0') && !topwork_json_take_digits(r)) {
        return false;
    }
    if (topwork_json_take(r, '.') && !topwork_json_take_digits(r)) {
        return false;
    }
    if (topwork_json_take(r, 'e') || topwork_json_take(r, 'E')) {
        if (!topwork_json_take(r, '+')) {
            topwork_json_take(r, '-');
        }
        return topwork_json_take_digits(r);
    }
    return true;
}

/* The four digits behind \u; -1 where there are not four. */
static inline long topwork_json_take_hexadecimal(topwork_json_reader *r) {
    long code = 0;
    for (int i = 0; i < 4; i++) {
        if (r->at == r->end) {
            return -1;
        }
        uint8_t digit = *r->at++;
        if (digit >= '0' && digit <= '9') {
            code = 16 * code + (digit - '0');
        } else if ((digit | 32) >= 'a' && (digit | 32) <= 'f') {
            code = 16 * code + ((digit | 32) - 'a' + 10);
        } else {
            return -1;
        }
    }
    return code;
}

/* One character of a string within its quotes, escaped or not, as UTF-8: writes up to four bytes and gives their number; 0, and goes
 * past nothing, where there is none. Bytes above 127 are passed on one by one: the host has made sure that they are UTF-8. */
static inline size_t topwork_json_take_character(topwork_json_reader *r, uint8_t bytes[4]) {
    const uint8_t *begin = r->at;
    if (r->at == r->end || *r->at < 0x20 || *r->at == '"') {
        return 0;
    }
    bytes[0] = *r->at++;
    if (bytes[0] != '\\') {
        return 1;
    }
    switch (r->at < r->end ? *r->at++ : 0) {
    case '"': bytes[0] = '"'; return 1;
    case '\\': bytes[0] = '\\'; return 1;
    case '/': bytes[0] = '/'; return 1;
    case 'b': bytes[0] = '\b'; return 1;
    case 'f': bytes[0] = '\f'; return 1;
    case 'n': bytes[0] = '\n'; return 1;
    case 'r': bytes[0] = '\r'; return 1;
    case 't': bytes[0] = '\t'; return 1;
    case 'u': break;
    default: r->at = begin; return 0;
    }
    long code = topwork_json_take_hexadecimal(r);
    if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair, nothing without the second */
        long low = topwork_json_take_word(r, "\\u") ? topwork_json_take_hexadecimal(r) : -1;
        code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : -1;
    } else if (code >= 0xDC00 && code < 0xE000) {
        code = -1;
    }
    if (code < 0) {
        r->at = begin;
        return 0;
    }
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t FIRST[4] = {0, 0xC0, 0xE0, 0xF0};
    bytes[0] = (uint8_t)(FIRST[more] | (code >> (6 * more)));
    for (size_t i = 1; i <= more; i++) {
        bytes[i] = (uint8_t)(0x80 | ((code >> (6 * (more - i))) & 0x3F));
    }
    return more + 1;
}

static inline bool topwork_json_take_string(topwork_json_reader *r) {
    uint8_t bytes[4];
    if (!topwork_json_take(r, '"')) {
        return false;
    }
    while (topwork_json_take_character(r, bytes) > 0) {
    }
    return topwork_json_take(r, '"');
}

/* Whether the string at the reader says the same as the next part of a pointer, whose escapes are undone on the way. */
static inline bool topwork_json_is_key(topwork_json_reader r, const char *part, size_t length) {
    uint8_t bytes[4];
    size_t used = 0, count;
    topwork_json_take(&r, '"');
    while ((count = topwork_json_take_character(&r, bytes)) > 0) {
        for (size_t i = 0; i < count; i++) {
            if (used == length) {
                return false;
            }
            uint8_t wanted = (uint8_t)part[used++];
            if (wanted == '~' && used < length && (part[used] == '0' || part[used] == '1')) {
                wanted = part[used++] == '0' ? '~' : '/';
            }
            if (wanted != bytes[i]) {
                return false;
            }
        }
    }
    return used == length;
}

/* Whether the next part of a pointer is this element of an array: digits without a needless zero. */
static inline bool topwork_json_is_element(size_t element, const char *part, size_t length) {
    size_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (part[i] < '0' || part[i] > '9' || (part[0] == '0' && length > 1) || number > (SIZE_MAX - 9) / 10) {
            return false;
        }
        number = 10 * number + (size_t)(part[i] - '0');
    }
    return length > 0 && number == element;
}

/* Goes past one value. `pointer`, where it is not null, is what is left of a pointer that leads to or into this value; what it leads to
 * is written to `found`, the first time. */
static inline bool topwork_json_take_value(topwork_json_reader *r, int depth, const char *pointer,
                                           topwork_text *found) {
    topwork_json_skip_spaces(r);
    const uint8_t *begin = r->at;
    bool right = false;
    if (r->at == r->end || depth > TOPWORK_JSON_DEEPEST) {
        return false;
    }
    if (*r->at == '{' || *r->at == '[') {
        bool object = *r->at == '{';
        const char close = object ? '}' : ']';
        const char *part = pointer != NULL && *pointer == '/' ? pointer + 1 : NULL;
        size_t length = part == NULL ? 0 : strcspn(part, "/");
        bool met = false;
        r->at++;
        topwork_json_skip_spaces(r);
        right = topwork_json_take(r, close);
        for (size_t element = 0; !right; element++) {
            bool here = part != NULL && !met;
            if (object) {
                topwork_json_skip_spaces(r);
                here = here && topwork_json_is_key(*r, part, length);
                if (!topwork_json_take_string(r)) {
                    return false;
                }
                topwork_json_skip_spaces(r);
                if (!topwork_json_take(r, ':')) {
                    return false;
                }
            } else {
                here = here && topwork_json_is_element(element, part, length);
            }
            met = met || here;
            if (!topwork_json_take_value(r, depth + 1, here ? part + length : NULL, found)) {
                return false;
            }
            topwork_json_skip_spaces(r);
            right = topwork_json_take(r, close);
            if (!right && !topwork_json_take(r, ',')) {
                return false;
            }
        }
    } else if (*r->at == '"') {
        right = topwork_json_take_string(r);
    } else if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) {
        right = topwork_json_take_number(r);
    } else {
        right = topwork_json_take_word(r, "true") || topwork_json_take_word(r, "false") ||
                topwork_json_take_word(r, "null");
    }
    if (right && pointer != NULL && *pointer == 0) {
        found->data = begin;
        found->len = (size_t)(r->at - begin);
    }
    return right;
}

/* ---- what there is to ask */

/* The value that a pointer leads to, as the part of `json` that it stands in. It is JSON in its turn, and pointers may start from it. */
static inline topwork_json_status topwork_json_at(topwork_text json, const char *pointer,
                                                  topwork_text *value) {
    static const uint8_t EMPTY[] = {'{', '}'};
    topwork_text found = {NULL, 0};
    topwork_json_reader r = {EMPTY, EMPTY + 2};
    if (json.len > 0) {
        r.at = json.data;
        r.end = json.data + json.len;
    }
    if (!topwork_json_take_value(&r, 1, pointer, &found)) {
        return TOPWORK_JSON_MALFORMED;
    }
    topwork_json_skip_spaces(&r);
    if (r.at != r.end) {
        return TOPWORK_JSON_MALFORMED;
    }
    if (found.data == NULL) {
        return TOPWORK_JSON_MISSING;
    }
    *value = found;
    return TOPWORK_JSON_OK;
}

/* What a value is. */
static inline topwork_json_status topwork_json_kind_of(topwork_text json, const char *pointer,
                                                       topwork_json_kind *kind) {
    topwork_text value;
    topwork_json_status status = topwork_json_at(json, pointer, &value);
    if (status == TOPWORK_JSON_OK) {
        switch (value.data[0]) {
        case 'n': *kind = TOPWORK_JSON_NULL; break;
        case 't':
        case 'f': *kind = TOPWORK_JSON_BOOL; break;
        case '"': *kind = TOPWORK_JSON_STRING; break;
        case '[': *kind = TOPWORK_JSON_ARRAY; break;
        case '{': *kind = TOPWORK_JSON_OBJECT; break;
        default: *kind = TOPWORK_JSON_NUMBER; break;
        }
    }
    return status;
}

/* A value of one kind. */
static inline topwork_json_status topwork_json_expect(topwork_text json, const char *pointer,
                                                      topwork_json_kind kind, topwork_text *value) {
    topwork_json_kind found;
    topwork_json_status status = topwork_json_kind_of(json, pointer, &found);
    if (status != TOPWORK_JSON_OK) {
        return status;
    }
    return found == kind ? topwork_json_at(json, pointer, value) : TOPWORK_JSON_WRONG_TYPE;
}

/* `true` or `false`. */
static inline topwork_json_status topwork_json_bool(topwork_text json, const char *pointer, bool *out) {
    topwork_text value;
    topwork_json_status status = topwork_json_expect(json, pointer, TOPWORK_JSON_BOOL, &value);
    if (status == TOPWORK_JSON_OK) {
        *out = value.data[0] == 't';
    }
    return status;
}

/* A number from `lowest` to `highest`, both included: the double that is nearest to what is written. */
static inline topwork_json_status topwork_json_number(topwork_text json, const char *pointer, double lowest,
                                                      double highest, double *out) {
    topwork_text value;
    topwork_json_status status = topwork_json_expect(json, pointer, TOPWORK_JSON_NUMBER, &value);
    if (status != TOPWORK_JSON_OK) {
        return status;
    }
    /* strtod reads up to a zero, and with the decimal point of the locale, whose length is not bounded by anything. */
    const char *point = localeconv()->decimal_point;
    char text[TOPWORK_JSON_LONGEST_NUMBER + 1 + 16];
    size_t length = 0, of_point = strlen(point);
    if (value.len > TOPWORK_JSON_LONGEST_NUMBER || of_point > 16) {
        return TOPWORK_JSON_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '.') {
            memcpy(text + length, point, of_point);
            length += of_point;
        } else {
            text[length++] = (char)value.data[i];
        }
    }
    text[length] = 0;
    double number = strtod(text, NULL);
    if (number - number != 0 || !(number >= lowest && number <= highest)) { /* too large for a double, or for them */
        return TOPWORK_JSON_OUT_OF_RANGE;
    }
    *out = number;
    return TOPWORK_JSON_OK;
}

/* A whole number from `lowest` to `highest`, both included and within plus and minus 2 to the 53; `3.0` is one, `3.5` is of the wrong
 * type. */
static inline topwork_json_status topwork_json_integer(topwork_text json, const char *pointer, int64_t lowest,
                                                       int64_t highest, int64_t *out) {
    const double exact = 9007199254740992.0;
    double number = 0;
    topwork_json_status status = topwork_json_number(json, pointer, -exact, exact, &number);
    if (status != TOPWORK_JSON_OK) {
        return status;
    }
    if ((double)(int64_t)number != number) {
        return TOPWORK_JSON_WRONG_TYPE;
    }
    if ((int64_t)number < lowest || (int64_t)number > highest) {
        return TOPWORK_JSON_OUT_OF_RANGE;
    }
    *out = (int64_t)number;
    return TOPWORK_JSON_OK;
}

/* A string without its quotes and escapes, as UTF-8 with a zero behind it; `room` counts that zero. `length`, which may be null, gets
 * the number of bytes before it: a string may hold zeros of its own. Nothing is written where it does not fit. */
static inline topwork_json_status topwork_json_string(topwork_text json, const char *pointer, char *out,
                                                      size_t room, size_t *length) {
    topwork_text value;
    topwork_json_status status = topwork_json_expect(json, pointer, TOPWORK_JSON_STRING, &value);
    if (status != TOPWORK_JSON_OK) {
        return status;
    }
    for (int writes = 0; writes < 2; writes++) {
        topwork_json_reader r = {value.data + 1, value.data + value.len};
        uint8_t bytes[4];
        size_t count, used = 0;
        while ((count = topwork_json_take_character(&r, bytes)) > 0) {
            if (writes) {
                memcpy(out + used, bytes, count);
            }
            used += count;
        }
        if (used >= room) {
            return TOPWORK_JSON_NO_ROOM;
        }
        if (writes) {
            out[used] = 0;
            if (length != NULL) {
                *length = used;
            }
        }
    }
    return TOPWORK_JSON_OK;
}

/* Goes past the first `place` entries of an array or an object, and gives what comes then: see topwork_json_entry. `passed` gets how
 * many it went past. */
static inline topwork_json_status topwork_json_walk(topwork_text json, const char *pointer, size_t place,
                                                    topwork_text *key, topwork_text *value, size_t *passed) {
    topwork_text whole;
    topwork_json_status status = topwork_json_at(json, pointer, &whole);
    *passed = 0;
    if (status != TOPWORK_JSON_OK) {
        return status;
    }
    bool object = whole.data[0] == '{';
    if (!object && whole.data[0] != '[') {
        return TOPWORK_JSON_WRONG_TYPE;
    }
    /* It is known to be JSON: nothing below can fail. */
    topwork_json_reader r = {whole.data + 1, whole.data + whole.len - 1};
    for (;; ++*passed) {
        topwork_text name = {NULL, 0}, found = {NULL, 0};
        topwork_json_skip_spaces(&r);
        if (r.at == r.end) {
            return TOPWORK_JSON_MISSING;
        }
        if (object) {
            name.data = r.at;
            topwork_json_take_string(&r);
            name.len = (size_t)(r.at - name.data);
            topwork_json_skip_spaces(&r);
            topwork_json_take(&r, ':');
        }
        topwork_json_take_value(&r, 1, "", &found);
        if (*passed == place) {
            *key = name;
            *value = found;
            return TOPWORK_JSON_OK;
        }
        topwork_json_skip_spaces(&r);
        topwork_json_take(&r, ',');
    }
}

/* Goes through an array or an object: `value` gets the one at this place, counted from 0, and `key` the string before it, quotes and
 * all, or nothing in an array; MISSING behind the last. */
static inline topwork_json_status topwork_json_entry(topwork_text json, const char *pointer, size_t place,
                                                     topwork_text *key, topwork_text *value) {
    size_t passed;
    return topwork_json_walk(json, pointer, place, key, value, &passed);
}

/* How many elements an array has, or keys an object. */
static inline topwork_json_status topwork_json_length(topwork_text json, const char *pointer, size_t *length) {
    topwork_text key, value;
    size_t passed = 0;
    topwork_json_status status = topwork_json_at(json, pointer, &value);
    if (status != TOPWORK_JSON_OK) {
        return status;
    }
    status = topwork_json_walk(value, "", SIZE_MAX, &key, &value, &passed);
    if (status != TOPWORK_JSON_MISSING) {
        return status;
    }
    *length = passed; /* all that there are */
    return TOPWORK_JSON_OK;
}

/* Whether the text is one object all of whose keys are among these `count`. */
static inline topwork_json_status topwork_json_only(topwork_text json, const char *const *keys, size_t count) {
    topwork_text key, value;
    topwork_json_kind kind;
    topwork_json_status status = topwork_json_kind_of(json, "", &kind);
    if (status != TOPWORK_JSON_OK || json.len == 0) {
        return status;
    }
    if (kind != TOPWORK_JSON_OBJECT) {
        return TOPWORK_JSON_WRONG_TYPE;
    }
    for (size_t place = 0; topwork_json_entry(json, "", place, &key, &value) == TOPWORK_JSON_OK; place++) {
        topwork_json_reader r = {key.data, key.data + key.len};
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || topwork_json_is_key(r, keys[i], strlen(keys[i]));
        }
        if (!known) {
            return TOPWORK_JSON_UNKNOWN_KEY;
        }
    }
    return TOPWORK_JSON_OK;
}

#ifdef __cplusplus
}
#endif

#endif
